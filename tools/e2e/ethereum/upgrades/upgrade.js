/** OpenZeppelin's Hardhat plugin: deploys a transparent proxy and upgrades it. */
import assert from "node:assert/strict";

import { upgrades } from "@openzeppelin/hardhat-upgrades";
import hre from "hardhat";

import { SUPPLY, assertRefused, step } from "../tools/environment.mjs";

const connection = await hre.network.create();
const { ethers } = connection;
const { deployProxy, erc1967, upgradeProxy, validateUpgrade } = await upgrades(hre, connection);
const [owner, other] = await ethers.getSigners();
const V1 = await ethers.getContractFactory("TokenV1");
const V2 = await ethers.getContractFactory("TokenV2");

let proxy;
let before;

await step("deploy", async () => {
  proxy = await deployProxy(V1, [owner.address, SUPPLY], { kind: "transparent", initialOwner: owner.address });
  await proxy.waitForDeployment();
  assert.equal(await proxy.balanceOf(owner.address), SUPPLY);
  return proxy.getAddress();
});

await step("slots of EIP-1967", async () => {
  before = await slots();
  const admin = await ethers.getContractAt(["function owner() view returns (address)"], before.admin);
  assert.equal(await admin.owner(), owner.address);
  assert.notEqual(before.implementation, await proxy.getAddress());
  return `implementation ${before.implementation}, admin ${before.admin}`;
});

await step("send", async () => {
  const receipt = await (await proxy.transfer(other.address, 5n)).wait();
  assert.equal(receipt.status, 1);
  assert.deepEqual([...receipt.logs[0].args], [owner.address, other.address, 5n]);
  await assertRefused(proxy.initialize(other.address, 1n), V1, "InvalidInitialization");
  return `block ${receipt.blockNumber}`;
});

await step("refuse", async () => {
  const misplaced = validateUpgrade(V1, await ethers.getContractFactory("Misplaced"), { kind: "transparent" });
  await assert.rejects(misplaced, /not upgrade safe[^]*has a constructor/);
  return "a contract whose constructor writes state";
});

await step("upgrade", async () => {
  const upgraded = await upgradeProxy(proxy, V2);
  // Waiting for the deployment would return at once, since the proxy has its code already.
  await upgraded.deployTransaction.wait();
  assert.equal(await upgraded.getAddress(), await proxy.getAddress());
  const after = await slots();
  assert.notEqual(after.implementation, before.implementation);
  assert.equal(after.admin, before.admin);
  assert.equal(await upgraded.balanceOf(other.address), 5n);
  proxy = upgraded;
  return `implementation ${after.implementation}`;
});

await step("use the upgrade", async () => {
  await (await proxy.freeze(other.address)).wait();
  assert.equal(await proxy.frozen(other.address), true);
  await assertRefused(proxy.connect(other).transfer(owner.address, 1n), V2, "Frozen");
  await assertRefused(proxy.connect(other).freeze(owner.address), V2, "OwnableUnauthorizedAccount");
  return "a frozen account does not send";
});

await connection.close();

async function slots() {
  const address = await proxy.getAddress();
  return {
    implementation: await erc1967.getImplementationAddress(address),
    admin: await erc1967.getAdminAddress(address),
  };
}
