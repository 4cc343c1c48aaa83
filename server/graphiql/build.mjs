// Bundles GraphiQL and the editors' workers; names carry hashes, so that browsers may
// keep the files for ever. The output folder is the only argument.
import { build } from "esbuild";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const out = process.argv[2];
const worker = (path) => `node_modules/monaco-editor/esm/vs/${path}`;

const entries = {
  graphiql: "source/main.tsx",
  editor: worker("editor/editor.worker.js"),
  json: worker("language/json/json.worker.js"),
  graphql: "node_modules/monaco-graphql/esm/graphql.worker.js",
};

const built = await build({
  entryPoints: entries,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  target: "es2022",
  jsx: "automatic",
  outdir: out,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".ttf": "file", ".woff2": "file", ".graphql": "text" },
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

// What the page loads and where the workers are.
const files = {};
for (const [path, output] of Object.entries(built.metafile.outputs)) {
  const [name] = Object.entries(entries).find(([, at]) => at === output.entryPoint) ?? [];
  if (!name) continue;
  files[name] = basename(path);
  if (output.cssBundle) files[`${name}.css`] = basename(output.cssBundle);
}
await writeFile(join(out, "files.json"), `${JSON.stringify(files, null, 1)}\n`);
