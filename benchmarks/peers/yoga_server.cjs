// Serves a schema with GraphQL Yoga from rows in memory: node yoga_server.cjs FOLDER,
// where FOLDER holds node_modules. Reads {schema, page} as JSON from standard input.
const { createRequire } = require("node:module");
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
const path = require("node:path");

const from = createRequire(path.join(path.resolve(process.argv[2]), "package.json"));
const { createSchema, createYoga } = from("graphql-yoga");
const { schema: typeDefs, page } = JSON.parse(readFileSync(0, "utf8"));

const yoga = createYoga({
  schema: createSchema({
    typeDefs,
    resolvers: {
      Query: { integrations: () => page },
      Integration: { __resolveType: (row) => row.__typename },
    },
    resolverValidationOptions: { requireResolversForResolveType: "ignore" },
  }),
  graphiql: false,
  logging: false,
});
const server = createServer(yoga);
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
