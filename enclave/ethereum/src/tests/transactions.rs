//! Submitting transactions: what is executed, what is refused, what is said of it.

use alloy_consensus::{TxEip2930, TxLegacy};
use alloy_primitives::{Address, TxKind, U256};
use serde_json::{Value, json};

use super::service::{CHAIN, Key, Service, call, deploying};

fn transparent(balances: &[(Address, u64)]) -> Service {
    Service::new(&json!({ "visibility": "transparent" }), balances)
}

#[test]
fn value_moves() {
    let (a, b) = (Key::new(1), Key::new(2));
    let mut service = transparent(&[(a.address(), 100)]);
    let hash = service.submit(&a.sign(call(0, b.address().into(), 30, &[]))).unwrap();
    let balance =
        |service: &mut Service, of: &Key| service.ask("eth_getBalance", &json!([of.address()])).unwrap();
    // Nothing is shown before it is committed.
    assert_eq!(balance(&mut service, &b), "0x0");
    assert_eq!(service.ask("eth_getTransactionByHash", &json!([hash])).unwrap(), Value::Null);
    service.close();
    assert_eq!((balance(&mut service, &a), balance(&mut service, &b)), (json!("0x46"), json!("0x1e")));
    assert_eq!(service.ask("eth_getTransactionCount", &json!([a.address(), "latest"])).unwrap(), "0x1");
    assert_eq!(service.ask("eth_blockNumber", &json!([])).unwrap(), "0x1");
    let receipt = service.ask("eth_getTransactionReceipt", &json!([hash])).unwrap();
    let found = [
        "status",
        "blockNumber",
        "gasUsed",
        "cumulativeGasUsed",
        "effectiveGasPrice",
        "type",
        "transactionIndex",
    ];
    let found: Vec<_> = found.iter().map(|name| receipt[name].as_str().unwrap()).collect();
    assert_eq!(found, ["0x1", "0x1", "0x5208", "0x5208", "0x0", "0x2", "0x0"]);
    assert_eq!(receipt["from"], json!(a.address()));
    let transaction = service.ask("eth_getTransactionByHash", &json!([hash])).unwrap();
    assert_eq!(transaction["hash"], hash);
    assert_eq!((&transaction["value"], &transaction["nonce"]), (&json!("0x1e"), &json!("0x0")));
    assert_eq!(transaction["blockHash"], receipt["blockHash"]);
}

#[test]
fn types_of_transactions_are_shown_as_they_are() {
    let a = Key::new(1);
    let to = TxKind::Call(Address::repeat_byte(9));
    let mut service = transparent(&[(a.address(), 100)]);
    let legacy =
        TxLegacy { chain_id: Some(CHAIN), gas_limit: 21_000, gas_price: 7, to, ..TxLegacy::default() };
    let listed = TxEip2930 { chain_id: CHAIN, nonce: 1, gas_limit: 30_000, to, ..TxEip2930::default() };
    let hashes = [a.sign(legacy), a.sign(listed)].map(|bytes| service.submit(&bytes).unwrap());
    service.close();
    let [legacy, listed] =
        hashes.map(|hash| service.ask("eth_getTransactionByHash", &json!([hash])).unwrap());
    // EIP-155: v is twice the chain and 35 or 36.
    let v = u64::from_str_radix(&legacy["v"].as_str().unwrap()[2..], 16).unwrap();
    assert!(v == 2 * CHAIN + 35 || v == 2 * CHAIN + 36);
    assert_eq!((&legacy["type"], &legacy["gasPrice"]), (&json!("0x0"), &json!("0x7")));
    assert!(legacy.get("yParity").is_none() && legacy.get("accessList").is_none());
    assert_eq!((&listed["type"], &listed["accessList"]), (&json!("0x1"), &json!([])));
    assert_eq!((&listed["transactionIndex"], &listed["yParity"]), (&json!("0x1"), &listed["v"]));
}

#[test]
fn what_cannot_be_executed_is_refused_and_changes_nothing() {
    let (a, poor) = (Key::new(1), Key::new(3));
    let to = TxKind::Call(Address::repeat_byte(9));
    let mut service = transparent(&[(a.address(), 100)]);
    service.submit(&a.sign(call(0, to, 1, &[]))).unwrap();
    service.close();
    let before = service.store.version();
    let other = TxLegacy { chain_id: Some(1), nonce: 1, gas_limit: 21_000, to, ..TxLegacy::default() };
    let unprotected = TxLegacy { nonce: 1, gas_limit: 21_000, to, ..TxLegacy::default() };
    let mut little = call(1, to, 0, &[]);
    little.gas_limit = 20_000;
    for (transaction, message) in [
        (a.sign(call(0, to, 2, &[])), "nonce too low: next nonce 1, tx nonce 0"),
        (a.sign(other), "invalid chain id for signer: have 1 want 4242"),
        (a.sign(unprotected), "only replay-protected (EIP-155) transactions allowed over RPC"),
        (poor.sign(call(0, to, 1, &[])), "insufficient funds for gas * price + value"),
        (a.sign(little), "intrinsic gas too low"),
    ] {
        let error = service.submit(&transaction).unwrap_err();
        assert_eq!(error["code"], -32_000);
        let found = error["message"].as_str().unwrap();
        assert!(found.contains(message), "{found}");
    }
    assert_eq!(service.submit("0x02c0").unwrap_err()["code"], -32_602);
    assert_eq!(service.store.version(), before);
}

#[test]
fn what_was_executed_is_answered_again() {
    let a = Key::new(1);
    let mut service = transparent(&[(a.address(), 100)]);
    let bytes = a.sign(call(0, Address::repeat_byte(9).into(), 1, &[]));
    let hash = service.submit(&bytes).unwrap();
    assert_eq!(service.submit(&bytes).unwrap(), hash);
    service.close();
    let before = service.store.version();
    assert_eq!(service.submit(&bytes).unwrap(), hash);
    assert_eq!(service.store.version(), before);
}

#[test]
fn a_failed_call_has_a_receipt_and_uses_its_nonce() {
    let a = Key::new(1);
    let mut service = transparent(&[(a.address(), 100)]);
    // PUSH1 0 PUSH1 0 REVERT
    let code = deploying(&[0x60, 0, 0x60, 0, 0xfd]);
    service.submit(&a.sign(call(0, TxKind::Create, 0, &code))).unwrap();
    let contract = a.address().create(0);
    let hash = service.submit(&a.sign(call(1, contract.into(), 5, &[]))).unwrap();
    service.close();
    let receipt = service.ask("eth_getTransactionReceipt", &json!([hash])).unwrap();
    assert_eq!((&receipt["status"], &receipt["transactionIndex"]), (&json!("0x0"), &json!("0x1")));
    assert_eq!(service.ask("eth_getTransactionCount", &json!([a.address()])).unwrap(), "0x2");
    assert_eq!(service.ask("eth_getBalance", &json!([contract])).unwrap(), "0x0");
}

#[test]
fn members_say_who_may_send_and_create() {
    let (a, b) = (Key::new(1), Key::new(2));
    let to = TxKind::Call(Address::repeat_byte(9));
    let network = json!({ "visibility": "transparent", "send": "listed", "deploy": "listed" });
    let mut service = Service::new(&network, &[(a.address(), 100), (b.address(), 100)]);
    let allow = |service: &mut Service, key: &Key, allowed: Value| {
        let mut tx = coco_kv::Tx::new(service.store.latest());
        let table = coco_wire::TableName::new("public:coco.gov.ethereum.accounts");
        tx.put(&table, format!("{:#x}", key.address()).into_bytes(), allowed.to_string().into_bytes());
        let seqno = service.store.version().next();
        service.store.commit(seqno, &tx.finish()).unwrap();
    };
    let refused =
        |service: &mut Service, bytes: String| service.submit(&bytes).unwrap_err()["message"].clone();
    let no_sending = "the members have not allowed this account to send transactions";
    assert_eq!(refused(&mut service, a.sign(call(0, to, 1, &[]))), no_sending);
    allow(&mut service, &a, json!({ "send": true }));
    service.submit(&a.sign(call(0, to, 1, &[]))).unwrap();
    assert_eq!(
        refused(&mut service, a.sign(call(1, TxKind::Create, 0, &[]))),
        "the members have not allowed this account to create contracts"
    );
    allow(&mut service, &a, json!({ "send": true, "deploy": true }));
    service.submit(&a.sign(call(1, TxKind::Create, 0, &[]))).unwrap();
    assert_eq!(refused(&mut service, b.sign(call(0, to, 1, &[]))), no_sending);
}

#[test]
fn gas_is_paid_where_members_say_so() {
    let (a, miner) = (Key::new(1), Address::repeat_byte(0xee));
    let network =
        json!({ "visibility": "transparent", "fees": "charged", "base_fee": 3, "fee_recipient": miner });
    let mut service = Service::new(&network, &[(a.address(), 1_000_000)]);
    let mut transaction = call(0, Address::repeat_byte(9).into(), 1, &[]);
    transaction.gas_limit = 21_000;
    assert_eq!(service.submit(&a.sign(transaction.clone())).unwrap_err()["code"], -32_000);
    transaction.max_fee_per_gas = 5;
    transaction.max_priority_fee_per_gas = 1;
    let hash = service.submit(&a.sign(transaction)).unwrap();
    service.close();
    let balance = |service: &mut Service, of: Address| -> U256 {
        let text = service.ask("eth_getBalance", &json!([of])).unwrap();
        U256::from_str_radix(&text.as_str().unwrap()[2..], 16).unwrap()
    };
    // The base is burnt, and the rest is the recipient's.
    assert_eq!(balance(&mut service, a.address()), U256::from(1_000_000 - 1 - 21_000 * 4));
    assert_eq!(balance(&mut service, miner), U256::from(21_000));
    let receipt = service.ask("eth_getTransactionReceipt", &json!([hash])).unwrap();
    assert_eq!(receipt["effectiveGasPrice"], "0x4");
    assert_eq!(service.ask("eth_gasPrice", &json!([])).unwrap(), "0x3");
}
