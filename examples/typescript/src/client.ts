// Apollo Client for Tocsin: HTTP for queries and mutations, one WebSocket for
// subscriptions, a cache that knows the interfaces, and lists that grow page by page.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import type { StrictTypedTypePolicies } from "./generated/policies.js";
import possibleTypes from "./generated/possible-types.js";

interface Page {
  nodes: readonly unknown[];
}

/** Add a page to those before it; without a cursor the list begins anew. */
function grow(before: unknown, page: unknown, after: unknown): Page {
  const next = page as Page;
  if (!before || !after) return next;
  return { ...next, nodes: [...(before as Page).nodes, ...next.nodes] };
}

const typePolicies: StrictTypedTypePolicies = {
  Query: {
    fields: {
      integrations: {
        keyArgs: ["filter", "orderBy"],
        merge: (before, page, { args }) => grow(before, page, args?.["after"]),
      },
    },
  },
};

export function makeClient(url: string, token: string): ApolloClient {
  const credential = { Authorization: `Bearer ${token}` };
  const sockets = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: credential,
    webSocketImpl: WebSocket,
  });
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: url, headers: credential }),
  );
  const cache = new InMemoryCache({ ...possibleTypes, typePolicies });
  return new ApolloClient({ link, cache });
}
