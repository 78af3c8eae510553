import { createRequire } from "node:module";

import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatIgnition from "@nomicfoundation/hardhat-ignition";
import hardhatIgnitionEthers from "@nomicfoundation/hardhat-ignition-ethers";
import { defineConfig } from "hardhat/config";

const { COCO_ETH_RPC, COCO_CHAIN_ID, COCO_KEYS, COCO_BEARER } = process.env;

const coco = {
  type: "http",
  chainType: "l1",
  url: COCO_ETH_RPC,
  chainId: COCO_CHAIN_ID === undefined ? undefined : Number(COCO_CHAIN_ID),
  accounts: COCO_KEYS?.split(","),
  httpHeaders: COCO_BEARER === undefined ? {} : { Authorization: `Bearer ${COCO_BEARER}` },
};

export default defineConfig({
  plugins: [hardhatEthers, hardhatIgnition, hardhatIgnitionEthers],
  solidity: {
    version: "0.8.37",
    // The compiler of the solc package, so that nothing is downloaded at the first build.
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings: { evmVersion: "prague", optimizer: { enabled: true, runs: 200 } },
  },
  paths: { sources: "contracts", tests: { solidity: "test" }, artifacts: "target/artifacts", cache: "target/cache" },
  // A block that Coco shows is final, and none is made without a transaction, so further confirmations would not come.
  ignition: { requiredConfirmations: 1 },
  networks: COCO_ETH_RPC === undefined ? {} : { coco },
});
