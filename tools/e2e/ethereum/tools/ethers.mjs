/** ethers 6: over HTTP with the batches that it makes by default, then by subscription over WebSocket. */
import assert from "node:assert/strict";
import { Agent } from "node:https";

import { ContractFactory, FetchRequest, JsonRpcProvider, Wallet, WebSocketProvider, ZeroHash, isError } from "ethers";
import WebSocket from "ws";

import * as given from "./environment.mjs";
import { SUPPLY, assertPaid, soon, step } from "./environment.mjs";

const { abi, bytecode } = given.token();
// Where a transaction is final within milliseconds, an answer of a quarter of a second ago is an old one.
const provider = new JsonRpcProvider(request(), undefined, { pollingInterval: 250, cacheTimeout: -1 });
const [owner, other] = given.keys.map((key) => new Wallet(key, provider));

let defaultType;
let token;
let transfer;

await step("network", async () => {
  const { chainId } = await provider.getNetwork();
  assert.equal(chainId, BigInt(given.chainId));
  return `chain ${chainId}, ${await provider.send("web3_clientVersion", [])}`;
});

await step("fee data", async () => {
  const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData();
  const { baseFeePerGas } = await provider.getBlock("latest");
  assert.notEqual(baseFeePerGas, null);
  // With a base fee of zero ethers takes the network for one without, and sends transactions of type 0.
  const limit = baseFeePerGas === 0n ? null : baseFeePerGas * 2n + maxPriorityFeePerGas;
  assert.equal(maxFeePerGas, limit);
  defaultType = limit === null ? 0 : 2;
  return `gas price ${gasPrice}, at most ${maxFeePerGas}, tip ${maxPriorityFeePerGas}`;
});

await step("deploy", async () => {
  const nonce = await owner.getNonce();
  token = await new ContractFactory(abi, bytecode, owner).deploy("Consortium Dollar", "CUSD", SUPPLY);
  const receipt = await token.deploymentTransaction().wait();
  assert.equal(receipt.status, 1);
  assert.equal(receipt.contractAddress, await token.getAddress());
  assert.equal(await owner.getNonce(), nonce + 1);
  return receipt.contractAddress;
});

await step("send", async () => {
  const response = await token.transfer(other.address, 5n);
  transfer = await response.wait();
  assert.equal(transfer.status, 1);
  assert.equal(transfer.hash, response.hash);
  return `block ${transfer.blockNumber}, ${transfer.gasUsed} gas`;
});

if (given.seesOutcomesOnly) {
  await step("sees outcomes only", async () => {
    assert.deepEqual(transfer.logs, []);
    assert.equal(await provider.getTransaction(transfer.hash), null);
    assert.deepEqual(await token.queryFilter("Transfer", 0), []);
    return "no logs, no transaction, no events";
  });
  process.exit();
}

await step("call", async () => {
  assert.equal(await token.symbol(), "CUSD");
  assert.equal(await token.totalSupply(), SUPPLY);
  assert.equal(await token.balanceOf(owner.address), SUPPLY - 5n);
  assert.equal(await token.connect(other).balanceOf(other.address), 5n);
  assert.equal(await token.transfer.staticCall(other.address, 1n), true);
  return "six answers";
});

await step("transaction and receipt", async () => {
  const transaction = await provider.getTransaction(transfer.hash);
  assert.equal(transaction.type, defaultType);
  assert.equal(transaction.from, owner.address);
  assert.equal(transaction.to, await token.getAddress());
  assert.equal(transaction.data, token.interface.encodeFunctionData("transfer", [other.address, 5n]));
  assert.equal(transaction.blockNumber, transfer.blockNumber);
  const receipt = await provider.getTransactionReceipt(transfer.hash);
  assert.equal(JSON.stringify(receipt), JSON.stringify(transfer));
  const [log] = receipt.logs.map((log) => token.interface.parseLog(log));
  assert.deepEqual([...log.args], [owner.address, other.address, 5n]);
  assert.equal(await provider.getTransaction(ZeroHash), null);
  assert.equal(await provider.getTransactionReceipt(ZeroHash), null);
  return transfer.hash;
});

await step("block", async () => {
  const block = await provider.getBlock(transfer.blockNumber, true);
  assert.equal(block.hash, transfer.blockHash);
  assert.ok(block.prefetchedTransactions.some((transaction) => transaction.hash === transfer.hash));
  const sameBlock = await provider.getBlock(block.hash);
  assert.equal(sameBlock.number, block.number);
  assert.ok(sameBlock.transactions.includes(transfer.hash));
  const parent = await provider.getBlock(block.number - 1);
  assert.equal(parent.hash, block.parentHash);
  assert.ok(parent.timestamp <= block.timestamp);
  assert.equal(await provider.getBlock(2 ** 40), null);
  return `${block.number} follows ${parent.number}`;
});

for (const type of [0, 1, 2]) {
  await step(`value by type ${type}`, async () => {
    const [before, held] = [await provider.getBalance(owner.address), await provider.getBalance(other.address)];
    const receipt = await (await owner.sendTransaction({ type, to: other.address, value: 1n })).wait();
    assert.equal(receipt.type, type);
    assert.equal(receipt.gasUsed, 21_000n);
    assert.equal(await provider.getBalance(other.address), held + 1n);
    assertPaid({ ...receipt, before, after: await provider.getBalance(owner.address), value: 1n });
    return `paid ${receipt.gasPrice} for gas`;
  });
}

await step("log query", async () => {
  const between = token.filters.Transfer(owner.address, other.address);
  const events = await token.queryFilter(between, transfer.blockNumber, "latest");
  assert.deepEqual(events.map((event) => [event.transactionHash, event.args.amount]), [[transfer.hash, 5n]]);
  assert.deepEqual(await token.queryFilter(token.filters.Transfer(other.address)), []);
  const inBlock = await provider.getLogs({ address: await token.getAddress(), blockHash: transfer.blockHash });
  assert.equal(inBlock.length, 1);
  assert.equal(inBlock[0].index, events[0].index);
  return "one event, none by another sender";
});

await step("listener", async () => {
  const { heard } = await listen(token, token.filters.Transfer(owner.address));
  const receipt = await (await token.transfer(other.address, 6n)).wait();
  const event = (await soon(heard, "event")).at(-1);
  assert.deepEqual([...event.args], [owner.address, other.address, 6n]);
  assert.equal(event.log.transactionHash, receipt.hash);
  return `event in block ${receipt.blockNumber}`;
});

await step("revert", async () => {
  const args = [other.address, 11n, 12n];
  await assert.rejects(token.connect(other).transfer.staticCall(owner.address, 12n), ({ revert }) => {
    assert.equal(revert.name, "InsufficientBalance");
    assert.deepEqual([...revert.args], args);
    return true;
  });
  // Sending fails at the estimate, whose error ethers leaves to the contract's interface to decode.
  await assert.rejects(token.connect(other).transfer(owner.address, 12n), ({ action, data }) => {
    assert.equal(action, "estimateGas");
    assert.deepEqual([...token.interface.parseError(data).args], args);
    return true;
  });
  await assert.rejects(token.connect(other).mint(other.address, 1n), { reason: "only the issuer mints" });
  const mined = await token.connect(other).mint(other.address, 1n, { gasLimit: 100_000n });
  await assert.rejects(mined.wait(), (error) => isError(error, "CALL_EXCEPTION") && error.receipt.status === 0);
  return "a custom error, a reason, a failed receipt";
});

if (given.ws !== undefined) {
  await step("subscriptions", async () => {
    const socket = new WebSocketProvider(() => new WebSocket(given.ws, { headers: given.headers, ...given.identity }));
    const subscribed = token.connect(new Wallet(given.keys[0], socket));
    const block = await listen(socket, "block");
    const event = await listen(subscribed, "Transfer");
    const receipt = await (await subscribed.transfer(other.address, 7n)).wait();
    const [from, to, amount] = await soon(event.heard, "log by subscription");
    assert.deepEqual([from, to, amount], [owner.address, other.address, 7n]);
    const [number] = await soon(block.heard, "head by subscription");
    assert.ok(number <= receipt.blockNumber);
    return `log and head of block ${receipt.blockNumber}`;
  });
}

// A provider that is destroyed rejects the requests that end its subscriptions, and nobody could catch that.
process.exit();

function request() {
  const request = new FetchRequest(given.rpc);
  for (const [name, value] of Object.entries(given.headers)) {
    request.setHeader(name, value);
  }
  if (given.identity !== undefined) {
    request.getUrlFunc = FetchRequest.createGetUrlFunc({ agent: new Agent(given.identity) });
  }
  return request;
}

/** Listens once, and returns when the listener stands; what it then hears is in `heard`. */
async function listen(emitter, event) {
  const { promise: heard, resolve } = Promise.withResolvers();
  await emitter.once(event, (...values) => resolve(values));
  return { heard };
}
