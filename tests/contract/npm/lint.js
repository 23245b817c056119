/* Print everything that Redocly's rules say of a description, one line each: node lint.js CONFIGURATION DESCRIPTION */
"use strict";

const { lint, loadConfig } = require("@redocly/openapi-core");

async function main(configPath, ref) {
  const config = await loadConfig({ configPath });
  for (const problem of await lint({ ref, config })) {
    const place = problem.location.map((at) => at.pointer ?? "").join(", ");
    console.log(`${problem.severity} ${problem.ruleId} at ${place}: ${problem.message}`);
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(2);
});
