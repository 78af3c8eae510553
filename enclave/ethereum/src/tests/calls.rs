//! Calls that nobody signed.

use alloy_primitives::{Address, TxKind, U256, hex};
use serde_json::{Value, json};

use super::service::{Key, Service, call, deploying};

/// Returns who calls: CALLER PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN.
const CALLER: [u8; 9] = [0x33, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3];
/// Returns slot 0: PUSH1 0 SLOAD PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN.
const SLOT: [u8; 11] = [0x60, 0, 0x54, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3];
/// Undoes itself and returns its input.
const REVERTS: [u8; 9] = [0x36, 0x60, 0, 0x60, 0, 0x37, 0x36, 0x60, 0];

/// A network with a contract of each kind, in the order above.
fn network(settings: &Value) -> (Service, [Address; 3]) {
    let a = Key::new(1);
    let mut service = Service::new(settings, &[(a.address(), 1_000)]);
    let reverts = [&REVERTS[..], &[0xfd]].concat();
    for (nonce, code) in (0..).zip([&CALLER[..], &SLOT, &reverts]) {
        service.submit(&a.sign(call(nonce, TxKind::Create, 0, &deploying(code)))).unwrap();
    }
    service.close();
    (service, [0, 1, 2].map(|nonce| a.address().create(nonce)))
}

fn word(number: U256) -> Value {
    json!(hex::encode_prefixed(number.to_be_bytes::<32>()))
}

fn as_word(address: Address) -> Value {
    word(U256::from_be_slice(address.as_slice()))
}

#[test]
fn calls_are_tried_on_the_last_state() {
    let (mut service, [caller, slot, reverts]) = network(&json!({ "visibility": "transparent" }));
    let other = Address::repeat_byte(7);
    for (params, result) in [
        (json!([{ "from": other, "to": caller }]), as_word(other)),
        (json!([{ "to": caller }, "latest"]), as_word(Address::ZERO)),
        (json!([{ "to": caller, "data": "0x12", "input": "0x12" }, "pending"]), as_word(Address::ZERO)),
        (json!([{ "to": slot }, "latest"]), word(U256::ZERO)),
        (
            json!([{ "to": slot }, "latest", { slot.to_string(): { "stateDiff": { "0x0": "0x5" } } }]),
            word(U256::from(5)),
        ),
        (
            json!([{ "to": other }, "latest", { other.to_string(): { "code": hex::encode_prefixed(CALLER) } }]),
            as_word(Address::ZERO),
        ),
        // NUMBER, then as above.
        (
            json!([{ "to": other }, "latest", { other.to_string(): { "code": "0x4360005260206000f3" } }, { "number": "0x10" }]),
            word(U256::from(16)),
        ),
        (json!([{ "to": other, "data": "0x1234" }]), json!("0x")),
    ] {
        assert_eq!(service.ask("eth_call", &params).unwrap(), result, "{params}");
    }
    // Error(string) of "no".
    let text = format!(
        "0x08c379a0{}{}6e6f{}",
        &word(U256::from(32)).as_str().unwrap()[2..],
        &word(U256::from(2)).as_str().unwrap()[2..],
        "00".repeat(30)
    );
    let panic = format!("0x4e487b71{}", &word(U256::from(0x11)).as_str().unwrap()[2..]);
    for (data, message) in [
        (text.as_str(), "execution reverted: no"),
        (&panic, "execution reverted: arithmetic underflow or overflow"),
        ("0x1234", "execution reverted"),
    ] {
        let error = service.ask("eth_call", &json!([{ "to": reverts, "data": data }])).unwrap_err();
        assert_eq!(error, json!({ "code": 3, "message": message, "data": data }));
    }
    for (params, code) in [
        (json!([{ "to": caller, "data": "0x12", "input": "0x13" }]), -32_602),
        (json!([{ "to": caller, "gasPrice": "0x1", "maxFeePerGas": "0x1" }]), -32_602),
        (json!([{ "to": caller, "value": "0x1", "from": other }]), -32_000),
        (json!([{ "to": caller, "gas": "0x10" }]), -32_000),
        (json!([{ "to": caller }, "0x99"]), -32_000),
    ] {
        assert_eq!(service.ask("eth_call", &params).unwrap_err()["code"], code, "{params}");
    }
}

#[test]
fn gas_is_estimated() {
    let (mut service, [caller, _, reverts]) = network(&json!({ "visibility": "transparent" }));
    let mut estimate = |params: Value| service.ask("eth_estimateGas", &params);
    assert_eq!(estimate(json!([{ "to": Address::repeat_byte(7) }])).unwrap(), "0x5208");
    let found = estimate(json!([{ "to": caller }, "pending"])).unwrap();
    let found = u64::from_str_radix(&found.as_str().unwrap()[2..], 16).unwrap();
    assert!((21_000..22_000).contains(&found), "{found}");
    assert_eq!(estimate(json!([{ "to": reverts, "data": "0x12" }])).unwrap_err()["data"], "0x12");
    let list = service.ask("eth_createAccessList", &json!([{ "to": caller }])).unwrap();
    assert_eq!(list["accessList"], json!([]));
}

#[test]
fn a_transaction_is_completed() {
    let (mut service, [caller, ..]) = network(&json!({ "visibility": "transparent" }));
    let from = Key::new(1).address();
    let filled = service.ask("eth_fillTransaction", &json!([{ "from": from, "to": caller }])).unwrap();
    let tx = &filled["tx"];
    assert_eq!((&tx["nonce"], &tx["chainId"], &tx["type"]), (&json!("0x3"), &json!("0x1092"), &json!("0x2")));
    assert_eq!((&tx["maxFeePerGas"], &tx["maxPriorityFeePerGas"]), (&json!("0x0"), &json!("0x0")));
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
    let wrong =
        service.ask("eth_fillTransaction", &json!([{ "from": from, "to": caller, "chainId": "0x1" }]));
    assert_eq!(wrong.unwrap_err()["code"], -32_000);
}

#[test]
fn nobody_calls_as_somebody_else() {
    let (mut service, [caller, slot, reverts]) = network(&json!({}));
    let from = Key::new(1).address();
    let answer = service.ask("eth_call", &json!([{ "from": from, "to": caller }])).unwrap();
    assert_eq!(answer, as_word(Address::ZERO));
    let overrides = json!({ slot.to_string(): { "stateDiff": { "0x0": "0x5" } } });
    for method in ["eth_call", "eth_estimateGas"] {
        let refused = service.ask(method, &json!([{ "to": slot }, "latest", overrides])).unwrap_err();
        assert_eq!(refused["code"], 4_100, "{method}");
    }
    // Estimates are for whoever signs, and tell neither why something fails nor exactly what it costs.
    let found = service.ask("eth_estimateGas", &json!([{ "from": from, "to": caller }])).unwrap();
    assert_eq!(u64::from_str_radix(&found.as_str().unwrap()[2..], 16).unwrap() % 1_000, 0);
    let error = service
        .ask("eth_estimateGas", &json!([{ "from": from, "to": reverts, "data": "0x12" }]))
        .unwrap_err();
    assert_eq!(error, json!({ "code": 3, "message": "execution reverted" }));
}
