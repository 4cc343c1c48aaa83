// Types for every operation in src/*.graphql, the possible types of interfaces and
// unions, and typed policies for Apollo's cache: all from the committed schema.
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema/schema.graphql",
  documents: "src/*.graphql",
  generates: {
    "src/generated/operations.ts": {
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        strictScalars: true,
        // Times are RFC 3339 texts; JSON is whatever its field says.
        scalars: { DateTime: "string", JSON: "unknown" },
        defaultScalarType: "unknown",
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
    "src/generated/possible-types.ts": {
      plugins: ["fragment-matcher"],
      config: { useExplicitTyping: true },
    },
    "src/generated/policies.ts": {
      plugins: ["typescript-apollo-client-helpers"],
      config: { useTypeImports: true },
    },
  },
};

export default config;
