//! Who sees what: what is denied is as if it were not there.

use alloy_primitives::{Address, TxKind};
use serde_json::{Value, json};

use super::service::{Key, Service, call};

#[test]
fn nobody_sees_what_is_not_theirs() {
    let (a, b) = (Key::new(1), Key::new(2));
    let mut service = Service::new(&json!({}), &[(a.address(), 100)]);
    let hash = service.submit(&a.sign(call(0, b.address().into(), 30, &[1, 2, 3]))).unwrap();
    service.close();
    let absent = "0x0101010101010101010101010101010101010101010101010101010101010101";
    for (method, there, not_there) in [
        ("eth_getBalance", json!([a.address()]), json!([Address::repeat_byte(7)])),
        ("eth_getTransactionByHash", json!([hash]), json!([absent])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x0"]), json!(["0x1", "0x5"])),
        ("eth_getBlockReceipts", json!(["0x1"]), json!(["0x0"])),
        ("eth_getBlockTransactionCountByNumber", json!(["0x1"]), json!(["0x0"])),
        ("eth_getLogs", json!([{ "fromBlock": "0x1" }]), json!([{ "fromBlock": "0x0", "toBlock": "0x0" }])),
        ("eth_getStorageAt", json!([b.address(), "0x0"]), json!([Address::repeat_byte(7), "0x0"])),
    ] {
        let found = [there, not_there].map(|params| service.ask(method, &params).unwrap());
        assert_eq!(found[0], found[1], "{method}");
    }
    // Whoever knows the hash knows that it was executed, and no more.
    let receipt = service.ask("eth_getTransactionReceipt", &json!([hash])).unwrap();
    assert_eq!((&receipt["status"], &receipt["logs"]), (&json!("0x1"), &json!([])));
    assert_eq!((&receipt["from"], &receipt["to"]), (&json!(Address::ZERO), &json!(Address::ZERO)));
    let block = service.ask("eth_getBlockByNumber", &json!(["0x1", true])).unwrap();
    assert_eq!(block["transactions"], json!([]));
    // What whoever signs has to know is told.
    assert_eq!(service.ask("eth_getTransactionCount", &json!([a.address()])).unwrap(), "0x1");
    assert_eq!(service.ask("eth_getTransactionByHash", &json!([hash])).unwrap(), Value::Null);
}

#[test]
fn one_switch_shows_everything() {
    let a = Key::new(1);
    let mut service = Service::new(&json!({}), &[(a.address(), 100)]);
    let hash = service.submit(&a.sign(call(0, TxKind::Call(Address::repeat_byte(9)), 30, &[]))).unwrap();
    service.close();
    assert!(service.ask("eth_getTransactionByHash", &json!([hash])).unwrap().is_null());
    service.govern("network", &json!({ "visibility": "transparent" }));
    assert_eq!(service.ask("eth_getTransactionByHash", &json!([hash])).unwrap()["value"], "0x1e");
    assert_eq!(service.ask("eth_getBalance", &json!([a.address()])).unwrap(), "0x46");
    service.govern("network", &json!({ "native_balance": "network" }));
    assert_eq!(service.ask("eth_getBalance", &json!([a.address()])).unwrap(), "0x46");
    assert!(service.ask("eth_getTransactionByHash", &json!([hash])).unwrap().is_null());
}
