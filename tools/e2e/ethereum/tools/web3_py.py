"""web3.py, of whichever version the Python that runs this has."""

import asyncio
import ssl
from importlib.metadata import version
from time import sleep

from eth_account import Account
from hexbytes import HexBytes
from steps import Environment, expect_error, step
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError, TransactionNotFound
from web3.middleware import SignAndSendRawMiddlewareBuilder

SUPPLY = 1_000_000 * 10**18
ZERO_HASH = "0x" + "00" * 32
POLL_S = 0.1
PATIENCE_S = 60
# Version 7 has the older client of the websockets package.
WEBSOCKET_HEADERS = "extra_headers" if version("web3").startswith("7.") else "additional_headers"

given = Environment()
owner, other = (Account.from_key(key) for key in given.keys[:2])


def connect():
    """A connection that signs for both accounts."""
    # A certificate of requests is a pair of files; the authority comes from REQUESTS_CA_BUNDLE.
    w3 = Web3(HTTPProvider(given.rpc, request_kwargs={"headers": given.headers, "cert": given.identity}))
    for account in (other, owner):
        w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    w3.eth.default_account = owner.address
    return w3


w3 = connect()


def send(function, **fields):
    receipt = w3.eth.wait_for_transaction_receipt(function.transact(fields), timeout=PATIENCE_S, poll_latency=POLL_S)
    assert receipt.status == 1, receipt
    return receipt


def wait_for_entry(event_filter):
    for _ in range(int(PATIENCE_S / POLL_S)):
        for entry in event_filter.get_new_entries():
            return entry
        sleep(POLL_S)
    raise AssertionError("no event")


async def subscribe():
    """The log and a head that a WebSocket brings of a transfer."""
    kwargs = {WEBSOCKET_HEADERS: given.headers}
    if given.ws.startswith("wss:"):
        kwargs["ssl"] = ssl.create_default_context()
        if given.identity:
            kwargs["ssl"].load_cert_chain(*given.identity)
    async with AsyncWeb3(WebSocketProvider(given.ws, websocket_kwargs=kwargs)) as socket:
        heads = await socket.eth.subscribe("newHeads")
        logs = await socket.eth.subscribe("logs", {"address": token.address})
        await asyncio.to_thread(send, token.functions.transfer(other.address, 7))
        heard = {}
        async for message in socket.socket.process_subscriptions():
            heard[message["subscription"]] = message["result"]
            if len(heard) == 2:
                break
        assert await socket.eth.unsubscribe(heads)
        assert await socket.eth.unsubscribe(logs)
    return heard[logs], heard[heads]


with step("network") as found:
    assert w3.is_connected()
    assert w3.eth.chain_id == given.chain_id
    assert w3.net.version == str(given.chain_id)
    found(f"chain {w3.eth.chain_id}, {w3.client_version}")

with step("fee data") as found:
    price, tip = w3.eth.gas_price, w3.eth.max_priority_fee
    history = w3.eth.fee_history(2, "latest", [25, 75])
    assert len(history.baseFeePerGas) == len(history.gasUsedRatio) + 1
    assert [len(row) for row in history.reward] == [2] * len(history.gasUsedRatio)
    assert w3.eth.get_block("latest").baseFeePerGas >= 0
    found(f"gas price {price}, tip {tip}, history of {len(history.reward)}")

with step("deploy") as found:
    nonce = w3.eth.get_transaction_count(owner.address)
    factory = w3.eth.contract(abi=given.token["abi"], bytecode=given.token["bytecode"])
    deployed = send(factory.constructor("Consortium Dollar", "CUSD", SUPPLY))
    assert w3.eth.get_transaction_count(owner.address) == nonce + 1
    token = w3.eth.contract(address=deployed.contractAddress, abi=given.token["abi"])
    found(token.address)

with step("send") as found:
    transfer = send(token.functions.transfer(other.address, 5))
    found(f"block {transfer.blockNumber}, {transfer.gasUsed} gas")

if given.sees_outcomes_only:
    with step("sees outcomes only") as found:
        assert transfer.logs == []
        expect_error(TransactionNotFound, w3.eth.get_transaction, transfer.transactionHash)
        assert token.events.Transfer.get_logs(from_block=0) == []
        found("no logs, no transaction, no events")
    raise SystemExit

with step("call") as found:
    assert token.functions.symbol().call() == "CUSD"
    assert token.functions.totalSupply().call() == SUPPLY
    assert token.functions.balanceOf(owner.address).call() == SUPPLY - 5
    assert token.functions.balanceOf(other.address).call({"from": other.address}) == 5
    assert token.functions.transfer(other.address, 1).call() is True
    found("five answers")

with step("transaction and receipt") as found:
    transaction = w3.eth.get_transaction(transfer.transactionHash)
    assert transaction.type == 2
    assert transaction["from"] == owner.address
    assert transaction.to == token.address
    assert transaction.input == bytes.fromhex(token.encode_abi("transfer", [other.address, 5])[2:])
    assert transaction.blockHash == transfer.blockHash
    assert w3.eth.get_transaction_receipt(transfer.transactionHash) == transfer
    (event,) = token.events.Transfer().process_receipt(transfer)
    assert event.args == {"from": owner.address, "to": other.address, "amount": 5}
    expect_error(TransactionNotFound, w3.eth.get_transaction, ZERO_HASH)
    expect_error(TransactionNotFound, w3.eth.get_transaction_receipt, ZERO_HASH)
    found(transfer.transactionHash.to_0x_hex())

with step("block") as found:
    block = w3.eth.get_block(transfer.blockNumber, full_transactions=True)
    assert block.hash == transfer.blockHash
    assert transfer.transactionHash in [transaction.hash for transaction in block.transactions]
    assert transfer.transactionHash in w3.eth.get_block(block.hash).transactions
    parent = w3.eth.get_block(block.parentHash)
    assert parent.number == block.number - 1
    assert parent.timestamp <= block.timestamp
    found(f"{block.number} follows {parent.number}")

with step("value") as found:
    before, held = w3.eth.get_balance(owner.address), w3.eth.get_balance(other.address)
    hash_ = w3.eth.send_transaction({"to": other.address, "value": 1})
    paid = w3.eth.wait_for_transaction_receipt(hash_, timeout=PATIENCE_S, poll_latency=POLL_S)
    assert w3.eth.get_balance(other.address) == held + 1
    assert before - w3.eth.get_balance(owner.address) == 1 + paid.gasUsed * paid.effectiveGasPrice
    found(f"paid {paid.effectiveGasPrice} for gas")

with step("log query") as found:
    since = {"from_block": transfer.blockNumber}
    events = token.events.Transfer.get_logs(**since, argument_filters={"from": owner.address, "to": other.address})
    assert [(event.transactionHash, event.args.amount) for event in events] == [(transfer.transactionHash, 5)]
    assert token.events.Transfer.get_logs(**since, argument_filters={"from": other.address}) == []
    found("one event, none by another sender")

with step("listener") as found:
    standing = token.events.Transfer.create_filter(from_block="latest", argument_filters={"from": owner.address})
    sent = send(token.functions.transfer(other.address, 6))
    entry = wait_for_entry(standing)
    assert entry.transactionHash == sent.transactionHash
    assert entry.args.amount == 6
    assert entry in standing.get_all_entries()
    assert w3.eth.uninstall_filter(standing.filter_id)
    found(f"event in block {entry.blockNumber}")

with step("revert") as found:
    too_much = token.functions.transfer(owner.address, 12)
    error = expect_error(ContractCustomError, too_much.call, {"from": other.address})
    # web3.py tells a custom error from a reason, and leaves its name and values to the caller.
    name, *values = "InsufficientBalance(address,uint256,uint256)", other.address, 11, 12
    selector = Web3.keccak(text=name)[:4]
    assert HexBytes(error.data) == selector + w3.codec.encode(["address", "uint256", "uint256"], values), error.data
    mint = token.functions.mint(other.address, 1)
    error = expect_error(ContractLogicError, mint.transact, {"from": other.address})
    assert "only the issuer mints" in error.message
    mined = mint.transact({"from": other.address, "gas": 100_000})
    assert w3.eth.wait_for_transaction_receipt(mined, timeout=PATIENCE_S, poll_latency=POLL_S).status == 0
    found("a custom error, a reason, a failed receipt")

if given.ws:
    with step("subscriptions") as found:
        log, head = asyncio.run(asyncio.wait_for(subscribe(), PATIENCE_S))
        event = token.events.Transfer().process_log(log)
        assert event.args == {"from": owner.address, "to": other.address, "amount": 7}
        found(f"log of block {log.blockNumber}, head {head.number}")
