"""cast: one process for each question, as a person or a shell script asks."""

import json
import os
import subprocess

from steps import Environment, step

SUPPLY = 1_000_000 * 10**18
TRANSFER = "Transfer(address indexed from, address indexed to, uint256 amount)"
PATIENCE_S = 60
# Balances are the fourth variable of the token's storage, after name, symbol and total supply.
BALANCES_SLOT = "3"

given = Environment()
owner_key, other_key = given.keys[:2]


def run(*arguments):
    return subprocess.run(
        ["cast", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, env=os.environ | given.foundry()
    )


def cast(*arguments):
    """What cast prints; it must succeed."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(*arguments):
    """What cast complains of; it must fail."""
    done = run(*arguments)
    assert done.returncode != 0, done.stdout
    return done.stderr


def send(key, *arguments, status="0x1"):
    receipt = json.loads(cast("send", "--json", "--poll-interval", "1", "--private-key", key, *arguments))
    assert receipt["status"] == status, receipt
    return receipt


def number(text):
    """A number, without the rounded form that cast adds to large ones."""
    return int(text.split()[0], 0)


owner, other = (cast("wallet", "address", "--private-key", key) for key in (owner_key, other_key))

with step("network") as found:
    assert cast("chain-id") == str(given.chain_id)
    assert json.loads(cast("rpc", "eth_syncing")) is False
    found(f"chain {given.chain_id}, {cast('client')}")

with step("fee data") as found:
    price, base = number(cast("gas-price")), number(cast("base-fee"))
    assert price >= base >= 0
    found(f"gas price {price}, base fee {base}")

with step("deploy") as found:
    nonce = number(cast("nonce", owner))
    constructor = ["constructor(string,string,uint256)", "Consortium Dollar", "CUSD", str(SUPPLY)]
    token = send(owner_key, "--create", given.token["bytecode"], *constructor)["contractAddress"]
    assert number(cast("nonce", owner)) == nonce + 1
    found(token)

with step("send") as found:
    transfer = send(owner_key, token, "transfer(address,uint256)", other, "5")
    found(f"block {number(transfer['blockNumber'])}, {number(transfer['gasUsed'])} gas")

if given.sees_outcomes_only:
    with step("sees outcomes only") as found:
        assert transfer["logs"] == []
        refusal("tx", transfer["transactionHash"])
        assert json.loads(cast("logs", "--json", "--address", token, TRANSFER)) == []
        found("no logs, no transaction, no events")
    raise SystemExit

with step("call") as found:
    assert cast("call", token, "symbol()(string)") == '"CUSD"'
    assert number(cast("call", token, "totalSupply()(uint256)")) == SUPPLY
    assert number(cast("call", "--from", owner, token, "balanceOf(address)(uint256)", owner)) == SUPPLY - 5
    assert cast("call", "--from", other, token, "balanceOf(address)(uint256)", other) == "5"
    assert cast("call", "--from", owner, token, "transfer(address,uint256)(bool)", other, "1") == "true"
    assert number(cast("codesize", token)) > 1000
    found("five answers and a code")

with step("transaction and receipt") as found:
    transaction = json.loads(cast("tx", "--json", transfer["transactionHash"]))
    assert transaction["type"] == "0x2"
    assert (transaction["from"], transaction["to"]) == (owner.lower(), token)
    assert transaction["input"] == cast("calldata", "transfer(address,uint256)", other, "5")
    receipt = json.loads(cast("receipt", "--json", transfer["transactionHash"]))
    # This command may add the time of the block.
    receipt.pop("blockTimestamp", None)
    assert receipt == transfer, receipt
    (log,) = receipt["logs"]
    assert number(log["data"]) == 5
    assert "not found" in refusal("tx", "0x" + "00" * 32)
    found(transfer["transactionHash"])

with step("block") as found:
    block = json.loads(cast("block", "--json", "--full", str(number(transfer["blockNumber"]))))
    assert block["hash"] == transfer["blockHash"]
    assert transfer["transactionHash"] in [transaction["hash"] for transaction in block["transactions"]]
    parent = json.loads(cast("block", "--json", block["parentHash"]))
    assert number(parent["number"]) == number(block["number"]) - 1
    found(f"{number(block['number'])} follows {number(parent['number'])}")

for type_, kind in {"0x0": ["--legacy"], "0x1": ["--legacy", "--access-list"], "0x2": []}.items():
    with step(f"value by type {type_}") as found:
        before, held = number(cast("balance", owner)), number(cast("balance", other))
        paid = send(owner_key, other, "--value", "1", *kind)
        assert number(cast("balance", other)) == held + 1
        gas, price = number(paid["gasUsed"]), number(paid["effectiveGasPrice"])
        assert before - number(cast("balance", owner)) == 1 + gas * price
        assert paid["type"] == type_, paid
        found(f"paid {price} for gas")

with step("log query") as found:
    since = ["logs", "--json", "--from-block", str(number(transfer["blockNumber"])), "--address", token, TRANSFER]
    (event,) = json.loads(cast(*since, owner, other))
    assert event["transactionHash"] == transfer["transactionHash"]
    assert json.loads(cast(*since, other)) == []
    found("one event, none by another sender")

with step("revert") as found:
    said = refusal("call", "--from", other, token, "transfer(address,uint256)", owner, "12")
    selector = cast("sig", "InsufficientBalance(address,uint256,uint256)")
    assert "execution reverted" in said and selector in said, said
    mint = [token, "mint(address,uint256)", other, "1"]
    said = refusal("send", "--private-key", other_key, *mint)
    assert "execution reverted: only the issuer mints" in said, said
    send(other_key, "--gas-limit", "100000", *mint, status="0x0")
    found("a custom error, a reason, a failed receipt")

with step("estimate and access list") as found:
    call = ["--from", owner, token, "transfer(address,uint256)", other, "1"]
    estimate = number(cast("estimate", *call))
    assert 21_000 < estimate < 100_000
    accessed = json.loads(cast("access-list", "--json", *call))
    assert [entry["address"] for entry in accessed["accessList"]] == [token], accessed
    found(f"{estimate} gas, {len(accessed['accessList'][0]['storageKeys'])} slots")

if given.is_transparent:
    with step("storage and proof") as found:
        slot = cast("index", "address", other, BALANCES_SLOT)
        assert number(cast("storage", token, slot)) == 5
        proof = json.loads(cast("proof", token, slot))
        (stored,) = proof["storageProof"]
        assert number(stored["value"]) == 5 and stored["proof"] and proof["accountProof"], proof
        found(f"proof of {len(proof['accountProof'])} and {len(stored['proof'])} nodes")

    with step("run again") as found:
        # Executes the transaction here, with the state before its block, which a node need not have kept.
        if run("balance", owner, "--block", str(number(parent["number"]))).returncode != 0:
            found("skipped, for want of the state before the block")
        else:
            again = cast("run", "--quick", transfer["transactionHash"])
            assert "Transaction successfully executed." in again, again
            found("the same outcome")
