/** Trades in the sample's escrow and in a short auction of its own, as a script of Hardhat. */
import assert from "node:assert/strict";

import hre from "hardhat";

import { assertRefused, step } from "./environment.mjs";

/** Long enough for three rounds of transactions. */
const AUCTION_S = 15;
const RANDOM = "0x0100000000000000000000000000000000000001";

const { env } = process;
const connection = await hre.network.create();
const { ethers } = connection;
const [owner, alice, bob] = await ethers.getSigners();
assert.ok(bob, "COCO_KEYS has three keys");
const token = await ethers.getContractAt("Token", env.COCO_TOKEN_ADDRESS);
const escrow = await ethers.getContractAt("Escrow", env.COCO_ESCROW_ADDRESS);

await step("escrow", async () => {
  await sent(token.transfer(alice.address, 100n));
  await sent(token.connect(alice).approve(escrow, 40n));
  const deadline = Math.floor(Date.now() / 1000) + 24 * 60 * 60;
  const opened = await sent(escrow.connect(alice).open(bob.address, owner.address, 40n, deadline));
  const { id } = opened.logs.map((log) => escrow.interface.parseLog(log)).find((event) => event?.name === "Opened").args;
  assert.equal((await escrow.connect(alice).read(id)).amount, 40n);
  await assertRefused(escrow.connect(bob).pay(id), escrow, "NotAllowed");
  await sent(escrow.pay(id));
  assert.equal(await token.connect(bob).balanceOf(bob.address), 40n);
  await assertRefused(escrow.connect(bob).refund(id), escrow, "NotHeld");
  return `deal ${id} is paid`;
});

await step("auction", async () => {
  const auction = await open();
  await bid(auction, [[alice, 30n], [bob, 20n]]);
  assert.equal(await auction.connect(alice).ownBid(), 30n);
  assert.equal(await auction.ownBid(), 0n);
  await close(auction);
  assert.equal(await auction.winner(), alice.address);
  assert.equal(await auction.price(), 30n);
  await sent(auction.connect(bob).withdraw());
  await assert.rejects(auction.connect(alice).withdraw(), /nothing to give back/);
  return "the higher of two bids";
});

await step("tie", async () => {
  const length = 32;
  const data = ethers.AbiCoder.defaultAbiCoder().encode(["uint256", "bytes"], [length, "0x"]);
  const draws = [await ethers.provider.call({ to: RANDOM, data }), await ethers.provider.call({ to: RANDOM, data })];
  if (draws[0] === "0x") {
    return "skipped, for want of the randomness of an enclave";
  }
  assert.deepEqual(draws.map((draw) => ethers.dataLength(draw)), [length, length]);
  assert.notEqual(draws[0], draws[1]);
  const auction = await open();
  await bid(auction, [[alice, 20n], [bob, 20n]]);
  await close(auction);
  const winner = await auction.winner();
  assert.ok([alice.address, bob.address].includes(winner));
  return `${winner} by lot`;
});

await connection.close();

async function sent(response) {
  const receipt = await (await response).wait();
  assert.equal(receipt.status, 1);
  return receipt;
}

async function open() {
  const { timestamp } = await ethers.provider.getBlock("latest");
  const auction = await ethers.deployContract("SealedBidAuction", [token, Math.max(timestamp, now()) + AUCTION_S]);
  await auction.waitForDeployment();
  return auction;
}

async function bid(auction, bids) {
  await Promise.all(bids.map(([bidder, amount]) => sent(token.connect(bidder).approve(auction, amount))));
  await Promise.all(bids.map(([bidder, amount]) => sent(auction.connect(bidder).bid(amount))));
}

async function close(auction) {
  await assertRefused(auction.close(), auction, "TooEarly");
  const deadline = Number(await auction.deadline());
  // Some nodes estimate with the time of the newest block, so the gas is given.
  await new Promise((resolve) => setTimeout(resolve, (deadline + 1 - now()) * 1000));
  await sent(auction.close({ gasLimit: 500_000n }));
}

function now() {
  return Math.floor(Date.now() / 1000);
}
