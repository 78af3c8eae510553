"""Hardhat with Ignition: the sample's tests, its deployment, and a script that trades. Runs in the folder of the sample."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from steps import Environment, step

PATIENCE_S = 240
DAY_S = 24 * 60 * 60
MODULE = "ignition/modules/Market.js"

given = Environment()


def hardhat(*arguments, **variables):
    environment = os.environ | variables
    done = subprocess.run(
        ["hardhat", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


with step("test") as found:
    said = hardhat("test", "solidity")
    assert "10 passing" in said and "failing" not in said, said
    found("10 passed")

with step("ignition") as found:
    # In seconds since 1970, as the block that the auction compares it with.
    parameters = Path("target/parameters.json")
    parameters.write_text(json.dumps({"Market": {"deadline": int(time.time()) + DAY_S}}))
    deploy = ["ignition", "deploy", MODULE, "--network", "coco", "--parameters", str(parameters)]
    hardhat(*deploy, HARDHAT_IGNITION_CONFIRM_DEPLOYMENT="true")
    folder = Path(f"ignition/deployments/chain-{given.chain_id}")
    deployed = json.loads((folder / "deployed_addresses.json").read_text())
    assert list(deployed) == ["Market#Token", "Market#Escrow", "Market#SealedBidAuction"], deployed
    found(", ".join(deployed.values()))

with step("ignition again") as found:
    journal = (folder / "journal.jsonl").read_text().count("TRANSACTION_SEND")
    said = hardhat(*deploy, HARDHAT_IGNITION_CONFIRM_DEPLOYMENT="true")
    assert (folder / "journal.jsonl").read_text().count("TRANSACTION_SEND") == journal
    found("nothing to do")

if not given.sees_outcomes_only:
    # Its steps print for themselves.
    trade = ["hardhat", "run", "../tools/trade.mjs", "--network", "coco"]
    addresses = {f"COCO_{name.removeprefix('Market#').upper()}_ADDRESS": at for name, at in deployed.items()}
    sys.exit(subprocess.run(trade, timeout=PATIENCE_S, env=os.environ | addresses).returncode)
