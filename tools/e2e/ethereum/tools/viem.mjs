/** viem 2: with its defaults, `eth_fillTransaction` among them, and by subscription over WebSocket. */
import assert from "node:assert/strict";

import { Agent, WebSocket, fetch } from "undici";
import {
  BaseError,
  ContractFunctionRevertedError,
  TransactionNotFoundError,
  createPublicClient,
  createWalletClient,
  decodeEventLog,
  defineChain,
  encodeFunctionData,
  http,
  parseAbiItem,
  webSocket,
  zeroHash,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

import * as given from "./environment.mjs";
import { SUPPLY, assertPaid, soon, step } from "./environment.mjs";

const TRANSFER = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 amount)");

const { abi, bytecode } = given.token();
const chain = defineChain({
  id: given.chainId,
  name: "Coco",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [given.rpc] } },
});
const dispatcher = given.identity === undefined ? undefined : new Agent({ connect: given.identity });
const transport = http(given.rpc, { fetchOptions: { headers: given.headers }, ...withIdentity() });
const client = createPublicClient({ chain, transport, pollingInterval: 250 });
const [owner, other] = given.keys.map((key) => {
  return createWalletClient({ account: privateKeyToAccount(key), chain, transport, pollingInterval: 250 });
});
const [ownerAddress, otherAddress] = [owner.account.address, other.account.address];

// To look for a replacement viem wants to see the transaction, and waits for ever where it does not.
const checkReplacement = !given.seesOutcomesOnly;

let token;
let transfer;

await step("network", async () => {
  assert.equal(await client.getChainId(), given.chainId);
  return `chain ${given.chainId}`;
});

await step("fee data", async () => {
  const { baseFeePerGas } = await client.getBlock();
  const { maxFeePerGas, maxPriorityFeePerGas } = await client.estimateFeesPerGas();
  assert.ok(maxFeePerGas >= baseFeePerGas + maxPriorityFeePerGas);
  const history = await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] });
  assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
  assert.deepEqual(history.reward.map((row) => row.length), history.gasUsedRatio.map(() => 2));
  return `base fee ${baseFeePerGas}, at most ${maxFeePerGas}, history of ${history.reward.length}`;
});

await step("deploy", async () => {
  const nonce = await client.getTransactionCount({ address: ownerAddress });
  const hash = await owner.deployContract({ abi, bytecode, args: ["Consortium Dollar", "CUSD", SUPPLY] });
  const receipt = await client.waitForTransactionReceipt({ hash, checkReplacement });
  assert.equal(receipt.status, "success");
  assert.equal(await client.getTransactionCount({ address: ownerAddress }), nonce + 1);
  token = { abi, address: receipt.contractAddress };
  return token.address;
});

await step("send", async () => {
  transfer = await send(owner, "transfer", [otherAddress, 5n]);
  return `block ${transfer.blockNumber}, ${transfer.gasUsed} gas`;
});

if (given.seesOutcomesOnly) {
  await step("sees outcomes only", async () => {
    assert.deepEqual(transfer.logs, []);
    await assert.rejects(client.getTransaction({ hash: transfer.transactionHash }), TransactionNotFoundError);
    assert.deepEqual(await client.getLogs({ address: token.address, fromBlock: 0n }), []);
    return "no logs, no transaction, no events";
  });
  process.exit();
}

await step("call", async () => {
  assert.equal(await read("symbol"), "CUSD");
  assert.equal(await read("totalSupply"), SUPPLY);
  assert.equal(await read("balanceOf", [ownerAddress], ownerAddress), SUPPLY - 5n);
  assert.equal(await read("balanceOf", [otherAddress], otherAddress), 5n);
  const args = [otherAddress, 1n];
  const { result } = await client.simulateContract({ ...token, functionName: "transfer", args, account: ownerAddress });
  assert.equal(result, true);
  return "five answers";
});

await step("transaction and receipt", async () => {
  const transaction = await client.getTransaction({ hash: transfer.transactionHash });
  assert.equal(transaction.type, "eip1559");
  assert.equal(transaction.from, ownerAddress.toLowerCase());
  assert.equal(transaction.to, token.address);
  assert.equal(transaction.input, encodeFunctionData({ abi, functionName: "transfer", args: [otherAddress, 5n] }));
  assert.equal(transaction.blockHash, transfer.blockHash);
  assert.deepEqual(await client.getTransactionReceipt({ hash: transfer.transactionHash }), transfer);
  const [{ args }] = transfer.logs.map((log) => decodeEventLog({ abi, ...log }));
  assert.deepEqual(args, { from: ownerAddress, to: otherAddress, amount: 5n });
  await assert.rejects(client.getTransaction({ hash: zeroHash }), TransactionNotFoundError);
  return transfer.transactionHash;
});

await step("block", async () => {
  const block = await client.getBlock({ blockNumber: transfer.blockNumber, includeTransactions: true });
  assert.equal(block.hash, transfer.blockHash);
  assert.ok(block.transactions.some(({ hash }) => hash === transfer.transactionHash));
  const parent = await client.getBlock({ blockHash: block.parentHash });
  assert.equal(parent.number, block.number - 1n);
  assert.ok(parent.timestamp <= block.timestamp);
  return `${block.number} follows ${parent.number}`;
});

for (const type of ["legacy", "eip2930", "eip1559"]) {
  await step(`value by type ${type}`, async () => {
    const [before, held] = [await balance(ownerAddress), await balance(otherAddress)];
    const hash = await owner.sendTransaction({ type, to: otherAddress, value: 1n });
    const receipt = await client.waitForTransactionReceipt({ hash, checkReplacement });
    assert.equal(receipt.type, type);
    assert.equal(await balance(otherAddress), held + 1n);
    const { gasUsed, effectiveGasPrice: gasPrice } = receipt;
    assertPaid({ before, after: await balance(ownerAddress), value: 1n, gasUsed, gasPrice });
    return `paid ${gasPrice} for gas`;
  });
}

await step("log query", async () => {
  const where = { address: token.address, event: TRANSFER, fromBlock: transfer.blockNumber };
  const events = await client.getLogs({ ...where, args: { from: ownerAddress, to: otherAddress } });
  assert.deepEqual(events.map((event) => [event.transactionHash, event.args.amount]), [[transfer.transactionHash, 5n]]);
  assert.deepEqual(await client.getLogs({ ...where, args: { from: [otherAddress] } }), []);
  return "one event, none by another sender";
});

await step("listener", () => watch(client, "watchContractEvent", 6n));

await step("block filter", async () => {
  const filter = await client.createBlockFilter();
  const { blockHash } = await send(owner, "transfer", [otherAddress, 1n]);
  assert.ok((await client.getFilterChanges({ filter })).includes(blockHash));
  assert.equal(await client.uninstallFilter({ filter }), true);
  return `block ${blockHash}`;
});

await step("revert", async () => {
  const refused = other.writeContract({ ...token, functionName: "transfer", args: [ownerAddress, 13n] });
  await assert.rejects(refused, (error) => {
    const { data } = revertIn(error);
    assert.equal(data.errorName, "InsufficientBalance");
    assert.deepEqual(data.args, [otherAddress, 12n, 13n]);
    return true;
  });
  const mint = { ...token, functionName: "mint", args: [otherAddress, 1n], account: otherAddress };
  await assert.rejects(client.simulateContract(mint), (error) => revertIn(error).reason === "only the issuer mints");
  const hash = await other.writeContract({ ...mint, account: other.account, gas: 100_000n });
  const receipt = await client.waitForTransactionReceipt({ hash, checkReplacement });
  assert.equal(receipt.status, "reverted");
  return "a custom error, a reason, a failed receipt";
});

if (given.ws !== undefined) {
  replaceWebSocket();
  const socket = createPublicClient({ chain, transport: webSocket(given.ws, { reconnect: false }) });
  await step("subscriptions", async () => {
    const heads = [];
    const stop = socket.watchBlocks({ onBlock: (block) => heads.push(block.number), onError: fail });
    const heard = await watch(socket, "watchContractEvent", 7n);
    for (let wait = 0; heads.length === 0 && wait < 50; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    stop();
    assert.ok(heads.length > 0, "heads by subscription");
    return `${heard}, head ${heads[0]}`;
  });
  const connection = await socket.transport.getRpcClient();
  connection.close();
}

function balance(address) {
  return client.getBalance({ address });
}

function read(functionName, args, account) {
  return client.readContract({ ...token, functionName, args, account });
}

async function send(wallet, functionName, args) {
  const hash = await wallet.writeContract({ ...token, functionName, args });
  const receipt = await client.waitForTransactionReceipt({ hash, checkReplacement });
  assert.equal(receipt.status, "success");
  assert.equal(receipt.transactionHash, hash);
  return receipt;
}

/** Sends `amount` while `client` watches, and returns what it saw. */
async function watch(client, method, amount) {
  const { promise: heard, resolve, reject } = Promise.withResolvers();
  const args = { from: ownerAddress };
  const stop = client[method]({ ...token, eventName: "Transfer", args, onLogs: resolve, onError: reject });
  // Nothing tells when the subscription has begun.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const receipt = await send(owner, "transfer", [otherAddress, amount]);
  const [event] = await soon(heard, "event");
  stop();
  assert.deepEqual(event.args, { from: ownerAddress, to: otherAddress, amount });
  assert.equal(event.transactionHash, receipt.transactionHash);
  return `event in block ${event.blockNumber}`;
}

function revertIn(error) {
  assert.ok(error instanceof BaseError);
  const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  assert.ok(revert instanceof ContractFunctionRevertedError, error.message);
  return revert;
}

/** An own `fetch`, since that of Node takes no certificate. */
function withIdentity() {
  return dispatcher && { fetchFn: (url, options) => fetch(url, { ...options, dispatcher }) };
}

/** viem has no option for the headers and the certificate of a WebSocket, but takes the global class. */
function replaceWebSocket() {
  globalThis.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, { protocols, headers: given.headers, dispatcher });
    }
  };
}

function fail(error) {
  throw error;
}
