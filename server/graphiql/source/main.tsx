import { GraphiQL } from "graphiql";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import { currentToken, fetcher, setToken } from "./session";
import { STORY } from "./story";
import "./style.css";

const root = document.getElementById("graphiql")!;

// The page names the workers' files: their names carry hashes.
globalThis.MonacoEnvironment = {
  getWorker: (_id: string, label: string) =>
    new Worker(root.dataset[label] ?? root.dataset.editor!, { type: "module" }),
};

function TokenBar() {
  const [shown, setShown] = useState(currentToken());
  const change = (text: string) => {
    setShown(text);
    setToken(text.trim());
  };
  return (
    <form className="tocsin-bar" onSubmit={(event) => event.preventDefault()}>
      <strong>Tocsin</strong>
      <label>
        API token
        <input
          type="password"
          value={shown}
          onChange={(event) => change(event.target.value)}
          placeholder="toc_…"
          autoComplete="off"
          spellCheck={false}
          aria-describedby="token-help"
        />
      </label>
      <span id="token-help">
        {shown
          ? "Kept until this tab is closed."
          : "The server printed one at its first start; another: tocsin token create"}
      </span>
    </form>
  );
}

// At first the editors show the first tab; later, what this session has kept.
const first = sessionStorage.getItem("graphiql:tabState") === null ? STORY[0] : undefined;

createRoot(root).render(
  <>
    <TokenBar />
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={STORY}
      initialQuery={first?.query}
      initialVariables={first?.variables}
      plugins={[]}
      storage={sessionStorage}
      isHeadersEditorEnabled={false}
      showPersistHeadersSettings={false}
      shouldPersistHeaders={false}
      defaultEditorToolsVisibility="variables"
    />
  </>,
);
