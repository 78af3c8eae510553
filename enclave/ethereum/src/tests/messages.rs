//! JSON-RPC: what a message is, and how it is answered.

use serde_json::{Value, json};

use super::service::{Service, genesis};

fn transparent() -> Service {
    Service::new(&json!({ "visibility": "transparent" }), &[])
}

#[test]
fn messages_are_answered_as_geth_does() {
    let mut service = transparent();
    let error = |code: i64| format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{code},"#);
    for (message, answer) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":"0x1092"}"#,
        ),
        (r#"{"id":"a","method":"eth_chainId"}"#, r#"{"jsonrpc":"2.0","id":"a","result":"0x1092"}"#),
        (
            r#" {"id":null,"method":"net_version","params":null}"#,
            r#"{"jsonrpc":"2.0","id":null,"result":"4242"}"#,
        ),
        (r#"{"method":"eth_chainId"}"#, ""),
        (r#"{"method":"no_such"}"#, ""),
        (r#"[{"method":"eth_chainId"}]"#, ""),
        (
            r#"[{"id":1,"method":"eth_chainId"},{"method":"eth_chainId"},{"id":2,"method":"web3_sha3","params":["0x"]}]"#,
            concat!(
                r#"[{"jsonrpc":"2.0","id":1,"result":"0x1092"},{"jsonrpc":"2.0","id":2,"result":"#,
                r#""0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"}]"#
            ),
        ),
        ("", &error(-32_700)),
        ("{", &error(-32_700)),
        ("[", &error(-32_700)),
        ("[]", &error(-32_600)),
        ("1", &error(-32_600)),
        (r#"{"id":1}"#, &error(-32_600)),
        (r#"{"id":{},"method":"eth_chainId"}"#, &error(-32_600)),
        (r#"{"id":[],"method":"eth_chainId"}"#, &error(-32_600)),
        ("[1]", &format!("[{}", error(-32_600))),
    ] {
        let response = service.send_to("/eth", message.as_bytes());
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status.0, 200, "{message}");
        if answer.ends_with(':') || answer.ends_with(',') {
            assert!(body.starts_with(answer), "{message}: {body}");
        } else {
            assert_eq!(body, answer, "{message}");
        }
    }
    let many = vec![json!({ "id": 1, "method": "eth_chainId" }); 1_001];
    assert_eq!(service.send(&many.into())["error"]["code"], -32_600);
}

#[test]
fn parameters_are_checked() {
    let mut service = transparent();
    let address = "0x00000000000000000000000000000000000000aa";
    for (method, params, message) in [
        ("eth_getBalance", json!([]), "missing value for required argument 0"),
        ("eth_getBalance", json!({}), "non-array args"),
        ("eth_getBalance", json!([address, "latest", 3]), "too many arguments, want at most 2"),
        ("eth_getBalance", json!(["0xaa"]), "invalid argument 0: hex string has length 2, want 40"),
        ("eth_getBalance", json!(["aa"]), "invalid argument 0: hex string without 0x prefix"),
        (
            "eth_getBalance",
            json!([1]),
            "invalid argument 0: invalid type: integer `1`, expected a string at line 1 column 1",
        ),
        ("eth_getBalance", json!([address, "newest"]), "invalid argument 1: hex string without 0x prefix"),
        (
            "eth_getBalance",
            json!([address, "0x00"]),
            "invalid argument 1: hex number with leading zero digits",
        ),
        ("eth_getBalance", json!([address, "0x"]), "invalid argument 1: hex string \"0x\""),
        (
            "eth_getBalance",
            json!([address, "0x1ffffffffffffffff"]),
            "invalid argument 1: hex number > 64 bits",
        ),
        ("eth_getStorageAt", json!([address, "0xzz"]), "invalid argument 1: invalid hex string"),
        ("eth_sendRawTransaction", json!(["0x0"]), "invalid argument 0: hex string of odd length"),
        ("eth_getLogs", json!([{ "fromBlock": "0x2", "toBlock": "0x1" }]), "invalid block range params"),
        ("eth_getLogs", json!([{ "topics": [[], [], [], [], []] }]), "exceed max topics"),
    ] {
        let error = service.ask(method, &params).unwrap_err();
        assert_eq!(
            (&error["code"], &error["message"]),
            (&json!(-32_602), &json!(message)),
            "{method} {params}"
        );
    }
}

#[test]
fn facts_are_told() {
    let mut service = transparent();
    let zero_bytes = "0x0000000000000000000000000000000000000000000000000000000000000000";
    let address = "0x00000000000000000000000000000000000000aa";
    for (method, params, result) in [
        ("eth_accounts", json!([]), json!([])),
        ("eth_syncing", json!([]), json!(false)),
        ("net_listening", json!([]), json!(true)),
        ("net_peerCount", json!([]), json!("0x0")),
        ("eth_gasPrice", json!([]), json!("0x0")),
        ("eth_maxPriorityFeePerGas", json!([]), json!("0x0")),
        ("eth_blobBaseFee", json!([]), json!("0x0")),
        ("eth_baseFee", json!([]), json!("0x0")),
        ("eth_blockNumber", json!([]), json!("0x0")),
        ("eth_getBalance", json!([address, "latest"]), json!("0x0")),
        ("eth_getTransactionCount", json!([address, "pending"]), json!("0x0")),
        ("eth_getCode", json!([address, "earliest"]), json!("0x")),
        ("eth_getStorageAt", json!([address, "0x0", "latest"]), json!(zero_bytes)),
        ("eth_getBlockByNumber", json!(["0x1", false]), Value::Null),
        ("eth_getBlockByHash", json!([zero_bytes, false]), Value::Null),
        ("eth_getUncleCountByBlockNumber", json!(["0x0"]), json!("0x0")),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x0", "0x0"]), Value::Null),
        ("eth_getTransactionByHash", json!([zero_bytes]), Value::Null),
        ("eth_getTransactionReceipt", json!([zero_bytes]), Value::Null),
        (
            "eth_feeHistory",
            json!(["0x5", "latest", [10.0, 90.0]]),
            json!({
                "oldestBlock": "0x0", "baseFeePerGas": ["0x0", "0x0"], "gasUsedRatio": [0.0],
                "baseFeePerBlobGas": ["0x0", "0x0"], "blobGasUsedRatio": [0], "reward": [["0x0", "0x0"]],
            }),
        ),
    ] {
        assert_eq!(service.ask(method, &params).unwrap(), result, "{method}");
    }
    let version = service.ask("web3_clientVersion", &json!([])).unwrap();
    assert!(version.as_str().unwrap().starts_with("Coco/v"));
    for method in ["anvil_nodeInfo", "hardhat_metadata", "evm_mine", "eth_sign"] {
        assert_eq!(service.ask(method, &json!([])).unwrap_err()["code"], -32_601);
    }
    let later = service.ask("eth_getBalance", &json!([address, "0x1"]));
    assert_eq!(later.unwrap_err()["message"], "header not found");
}

#[test]
fn a_network_begins_when_members_say_how() {
    let mut service = Service::empty();
    let why = |service: &mut Service| service.ask("eth_chainId", &json!([])).unwrap_err()["message"].clone();
    assert_eq!(why(&mut service), "the network has not begun: the members have not set its genesis");
    service.timer();
    let mut wrong = genesis(&[]);
    wrong["config"]["laterFork"] = json!(1);
    service.govern("genesis", &wrong);
    let mut tx = coco_kv::Tx::new(service.store.latest());
    let mut cx = coco_app::Context::new(&mut tx, &service, None);
    assert!(coco_app::Adapter::timer(&service.adapter, &mut cx).is_err());
    assert!(
        why(&mut service)
            .as_str()
            .unwrap()
            .starts_with("the network cannot begin: the genesis: `config.laterFork`")
    );
    service.govern("genesis", &genesis(&[]));
    service.timer();
    assert_eq!(service.ask("eth_chainId", &json!([])).unwrap(), "0x1092");
    // It does not begin again.
    let mut other = genesis(&[]);
    other["config"]["chainId"] = json!(7);
    service.govern("genesis", &other);
    service.timer();
    assert_eq!(service.ask("eth_chainId", &json!([])).unwrap(), "0x1092");
}

#[test]
fn methods_are_in_order() {
    assert!(crate::methods::METHODS.is_sorted_by(|a, b| a.name < b.name));
}
