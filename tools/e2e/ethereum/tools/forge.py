"""forge: the sample's tests, its deployment script with --broadcast, and create. Runs in the folder of the sample."""

import json
import os
import subprocess
import time
from pathlib import Path

from steps import Environment, step

SUPPLY = 1_000_000 * 10**18
PATIENCE_S = 240
DAY_S = 24 * 60 * 60

SOLC = Path(__file__).resolve().with_name("solc.mjs")

given = Environment()


def run(*command, **variables):
    environment = os.environ | given.foundry() | {"FOUNDRY_SOLC": str(SOLC)} | variables
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def call(address, *arguments):
    return run("cast", "call", address, *arguments).strip()


def deploy():
    """Deploys the sample by its script, and checks that escrow and auction know the token."""
    # In seconds since 1970, as the block that the auction compares it with.
    deadline = str(int(time.time()) + DAY_S)
    key = {"DEPLOYER_KEY": given.keys[0], "AUCTION_DEADLINE": deadline}
    endpoint = ["--rpc-url", given.rpc, "--broadcast", "--non-interactive"]
    run("forge", "script", "script/Deploy.s.sol", *endpoint, **key)
    record = Path("target/forge-broadcast/Deploy.s.sol") / str(given.chain_id) / "run-latest.json"
    broadcast = json.loads(record.read_text())
    assert [receipt["status"] for receipt in broadcast["receipts"]] == ["0x1"] * 3
    deployed = {entry["contractName"]: entry["contractAddress"] for entry in broadcast["transactions"]}
    assert list(deployed) == ["Token", "Escrow", "SealedBidAuction"]
    if not given.sees_outcomes_only:
        for name in ("Escrow", "SealedBidAuction"):
            assert call(deployed[name], "token()(address)").lower() == deployed["Token"].lower()
        assert call(deployed["SealedBidAuction"], "deadline()(uint64)").split()[0] == deadline
    return ", ".join(deployed.values())


with step("test") as found:
    (suite,) = json.loads(run("forge", "test", "--json")).values()
    outcomes = [result["status"] for result in suite["test_results"].values()]
    assert len(outcomes) >= 10 and set(outcomes) == {"Success"}, suite
    found(f"{len(outcomes)} passed")

with step("script") as found:
    # Of forge's commands this one has no way to send a header; a session URL serves it.
    found("skipped, since it sends no headers" if given.headers else deploy())

with step("create") as found:
    arguments = ["--constructor-args", "Consortium Dollar", "CUSD", str(SUPPLY)]
    key = ["--private-key", given.keys[0]]
    created = json.loads(run("forge", "create", "--json", "--broadcast", *key, "contracts/Token.sol:Token", *arguments))
    if not given.sees_outcomes_only:
        assert call(created["deployedTo"], "totalSupply()(uint256)").split()[0] == str(SUPPLY)
    assert run("cast", "receipt", created["transactionHash"], "status").split()[0] in ("true", "1")
    found(created["deployedTo"])
