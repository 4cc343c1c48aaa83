// How operations leave the page: HTTP for queries and mutations, one WebSocket for
// subscriptions, both with the token of this browser session.
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { Kind, parse, type DocumentNode } from "graphql";
import { createClient, type Client } from "graphql-ws";
import { filled, remember } from "./ids";

const KEPT = "tocsin:token";
const url = new URL("/graphql", window.location.href);
const socketUrl = new URL(url);
socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

let token = sessionStorage.getItem(KEPT) ?? "";
let client: Client = newClient();
const waiting: (() => void)[] = [];

export const currentToken = (): string => token;

/** Use another token from now on; what runs with the old one ends. */
export function setToken(given: string): void {
  token = given;
  sessionStorage.setItem(KEPT, token);
  void client.dispose();
  client = newClient();
  for (const go of waiting.splice(0)) go();
}

function credential(): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function newClient(): Client {
  return createClient({
    url: socketUrl.href,
    connectionParams: credential,
    lazyCloseTimeout: 1000,
  });
}

function refused(result: unknown): boolean {
  const errors = (result as { errors?: { extensions?: { code?: string } }[] }).errors;
  return errors?.some((error) => error.extensions?.code === "UNAUTHORIZED") ?? false;
}

/** Return the document and its only operation: what the editor says of them may still
 * be of the tab before. A document that cannot be read is left to the server. */
function read(query: string): { document?: DocumentNode; only?: string } {
  try {
    const document = parse(query);
    const operations = document.definitions.filter(
      (each) => each.kind === Kind.OPERATION_DEFINITION,
    );
    return { document, only: operations.length === 1 ? operations[0].name?.value : undefined };
  } catch {
    return {};
  }
}

/** Send an operation; the schema is asked for again when there is another token. */
export const fetcher: Fetcher = async (params, options) => {
  const { document, only } = read(params.query);
  const asked = {
    ...params,
    operationName: only ?? params.operationName,
    variables: filled(params.variables),
  };
  for (;;) {
    const send = createGraphiQLFetcher({
      url: url.href,
      headers: credential(),
      wsClient: client,
      enableIncrementalDelivery: false,
    });
    const result = await send(asked, { ...options, documentAST: document });
    if (params.operationName !== "IntrospectionQuery" || !refused(result)) {
      remember(result);
      return result;
    }
    await new Promise<void>((go) => waiting.push(go));
  }
};
