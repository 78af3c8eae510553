//! Genesis files of geth's form.

use alloy_primitives::{address, bytes};
use serde_json::{Value, json};

use super::*;
use crate::tests::Chain;

const ONE: Address = address!("0x00000000000000000000000000000000000000a1");

fn file() -> Value {
    json!({
        "config": {
            "chainId": 1337, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
            "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
            "berlinBlock": 0, "londonBlock": 0, "mergeNetsplitBlock": 36, "terminalTotalDifficulty": 131_072,
            "shanghaiTime": 780, "cancunTime": "0x348", "pragueTime": 900, "osakaTime": 1000,
            "blobSchedule": {}, "ethash": {},
        },
        "nonce": "0x42", "timestamp": "0x5", "extraData": "0xabcd", "gasLimit": "0x1c9c380",
        "difficulty": "0x20000", "coinbase": "0x0000000000000000000000000000000000000000",
        "mixHash": "0x0000000000000000000000000000000000000000000000000000000000000000",
        "alloc": {
            "00000000000000000000000000000000000000a1": { "balance": "1000" },
            "0x00000000000000000000000000000000000000a2": {
                "balance": "0x10", "nonce": "0x1", "code": "0x6001",
                "storage": { "0x01": "0x2a", "0x00000000000000000000000000000000000000000000000000000000000000ff": "0x0" },
            },
        },
    })
}

fn read(file: &Value) -> Result<Genesis, Unusable> {
    Genesis::from_json(file.to_string().as_bytes())
}

#[test]
fn forks_come_when_they_should() {
    let mut file = file();
    let genesis = read(&file).unwrap();
    let fork = |number, time_s| genesis.schedule.fork(number, time_s);
    assert_eq!((genesis.chain_id, genesis.header.time_s, genesis.header.nonce), (1337, 5, 0x42));
    assert_eq!((fork(0, 5), fork(35, 700), fork(36, 700)), (SpecId::LONDON, SpecId::LONDON, SpecId::MERGE));
    assert_eq!(
        (fork(40, 780), fork(41, 840), fork(41, 899)),
        (SpecId::SHANGHAI, SpecId::CANCUN, SpecId::CANCUN)
    );
    assert_eq!((fork(50, 900), fork(60, 5000)), (SpecId::PRAGUE, SpecId::OSAKA));
    let early = json!({ "chainId": 1, "homesteadBlock": 10 });
    file["config"] = early;
    let genesis = read(&file).unwrap();
    assert_eq!(
        (genesis.schedule.fork(9, 0), genesis.schedule.fork(10, 0)),
        (SpecId::FRONTIER, SpecId::HOMESTEAD)
    );
}

#[test]
fn accounts_are_written_as_they_are_allocated() {
    let mut file = file();
    file["baseFeePerGas"] = json!("0x7");
    let genesis = read(&file).unwrap();
    assert_eq!(genesis.header.base_fee, Some(7));
    let mut chain = Chain::new(SpecId::OSAKA);
    chain.write(|world, tx| genesis.write(world, tx));
    let (world, tx) = (&chain.world, chain.tx());
    let one = world.account(&tx, &ONE).unwrap().unwrap();
    assert_eq!((one.balance, one.nonce), (U256::from(1000), 0));
    let two = address!("0x00000000000000000000000000000000000000a2");
    let contract = world.account(&tx, &two).unwrap().unwrap();
    assert_eq!((contract.balance, contract.nonce), (U256::from(16), 1));
    assert_eq!(world.code(&tx, &contract.code_hash).unwrap(), bytes!("6001"));
    assert_eq!(world.slot(&tx, &two, &U256::from(1)).unwrap(), U256::from(42));
    assert_eq!(world.slot(&tx, &two, &U256::from(255)).unwrap(), U256::ZERO);
}

type Change = fn(&mut Value);

#[test]
fn what_cannot_be_meant_is_refused_with_the_reason() {
    let changed = |change: Change| {
        let mut file = file();
        change(&mut file);
        read(&file).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 12] = [
        (|file| file["config"]["amsterdamTime"] = json!(0), "`config.amsterdamTime`: there is no such fork"),
        (|file| file["config"]["berlinBlock"] = json!(5), "`config.londonBlock` is not behind"),
        (|file| file["config"]["cancunTime"] = json!(700), "`config.cancunTime` is not behind"),
        (|file| file["config"]["shanghaiTime"] = Value::Null, "`config.cancunTime` is not behind"),
        (|file| file["config"]["mergeNetsplitBlock"] = Value::Null, "with which block the merge begins"),
        (|file| file["config"]["chainId"] = Value::Null, "`config.chainId` is missing"),
        (|file| file["config"]["chainId"] = json!("0x1ffffffffffffffff"), "more than 64 bits"),
        (|file| file["gasLimit"] = json!("many"), "not a number"),
        (|file| file["alloc"]["0x01"] = json!({}), "alloc.0x01"),
        (|file| file["alloc"]["0x01"] = json!({ "ballance": "1" }), "unknown field `ballance`"),
        (
            |file| {
                file["alloc"]["0x00000000000000000000000000000000000000a2"]["storage"]["0x"] = json!("0x1");
            },
            "not a slot",
        ),
        (|file| drop(file.as_object_mut().unwrap().remove("alloc")), "missing field `alloc`"),
    ];
    for (change, expected) in cases {
        let refused = changed(change);
        assert!(refused.contains(expected), "{refused} instead of {expected}");
    }
}
