// The plug-in for typed policies writes `any`, where `unknown` says the same safely.
import { readFile, writeFile } from "node:fs/promises";

const file = "src/generated/policies.ts";
const text = await readFile(file, "utf8");
await writeFile(file, text.replaceAll("<any>", "<unknown>"));
