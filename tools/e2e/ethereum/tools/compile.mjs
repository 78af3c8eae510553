/** Compiles one contract to JSON with its `abi` and `bytecode`. Arguments: source, name of the contract, output. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

const [source, name, output] = process.argv.slice(2);
const input = {
  language: "Solidity",
  sources: { [source]: { content: readFileSync(source, "utf8") } },
  settings: {
    evmVersion: "prague",
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const { contracts, errors = [] } = JSON.parse(solc.compile(JSON.stringify(input)));
assert.deepEqual(errors, [], "compiles without a warning");
const { abi, evm } = contracts[source][name];
writeFileSync(output, JSON.stringify({ abi, bytecode: `0x${evm.bytecode.object}` }));
