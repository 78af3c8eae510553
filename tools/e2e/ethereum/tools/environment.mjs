/** What the JavaScript tools are given, what they deploy, and how they report. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const { env } = process;

/** How long to wait for an event, and for the end of a step: some tools wait for ever for a receipt that they missed. */
const PATIENCE_MS = 60_000;

/** Some tools put the whole contract into their errors. */
const SHOWN_LINES = 30;

export const SUPPLY = 1_000_000n * 10n ** 18n;

export const rpc = required("COCO_ETH_RPC");
export const ws = env.COCO_ETH_WS;
export const chainId = Number(required("COCO_CHAIN_ID"));
export const keys = required("COCO_KEYS").split(",");

/** True for a caller to whom a confidential network shows no more than the outcome of a transaction whose hash it knows. */
export const seesOutcomesOnly = env.COCO_SEES === "outcomes";

export const headers = env.COCO_BEARER === undefined ? {} : { Authorization: `Bearer ${env.COCO_BEARER}` };

/** What TLS needs for a client certificate; Node adds NODE_EXTRA_CA_CERTS to the authorities by itself. */
export const identity =
  env.COCO_CERT === undefined ? undefined : { cert: readFileSync(env.COCO_CERT), key: readFileSync(env.COCO_KEY) };

/** Runs one step and prints a line of what it found; a step that throws ends the script. */
export async function step(name, body) {
  const started = performance.now();
  try {
    const found = await soon(body(), "end of the step");
    console.log(`${name}: ${found} (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    console.log(`${name}: FAILED: ${error.stack.split("\n").slice(0, SHOWN_LINES).join("\n")}`);
    process.exit(1);
  }
}

/** Settles as `promise` does, or fails when that takes too long. */
export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The token of the sample, compiled by `compile.mjs`. */
export function token() {
  return JSON.parse(readFileSync(required("COCO_TOKEN"), "utf8"));
}

/** Fails unless the sender paid for its gas and the value, and for nothing else. */
export function assertPaid({ before, after, value, gasUsed, gasPrice }) {
  assert.equal(before - after, value + gasUsed * gasPrice, "paid neither more nor less than value and gas");
}

/** Fails unless the promise rejects with the custom error `name` of a contract, which the error of Hardhat's ethers carries as data. */
export async function assertRefused(promise, contract, name) {
  await assert.rejects(promise, (error) => {
    assert.ok(error.data, error.message);
    assert.equal(contract.interface.parseError(error.data).name, name);
    return true;
  });
}

function required(name) {
  assert.ok(env[name], `${name} is not set`);
  return env[name];
}
