import { createRequire } from "node:module";

import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatUpgrades from "@openzeppelin/hardhat-upgrades";
import { defineConfig } from "hardhat/config";

import { chainId, headers, keys, rpc } from "../tools/environment.mjs";

export default defineConfig({
  plugins: [hardhatEthers, hardhatUpgrades],
  solidity: {
    version: "0.8.37",
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings: { evmVersion: "prague", optimizer: { enabled: true, runs: 200 } },
  },
  paths: { artifacts: "target/artifacts", cache: "target/cache" },
  networks: { coco: { type: "http", chainType: "l1", url: rpc, chainId, accounts: keys, httpHeaders: headers } },
});
