//! The state tests of github.com/ethereum/tests, executed on the store: roots of the state and hashes of logs are as they say.
//!
//! `COCO_ETHEREUM_TESTS` names a checkout. Of its files each twentieth is taken, and all if `COCO_FULL` is set.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount};
use coco_kv::{Reader as _, Snapshot, Store, Tx};
use coco_wire::{Seqno, TableName};
use revm::primitives::hardfork::SpecId;
use serde::Deserialize;

use crate::{Account, Block, Fees, Rules, Verified, World, genesis::Allocated};

/// Of so many files one is taken.
const STRIDE: usize = 20;

/// Files of accounts that have storage, and neither a nonce nor code: creating a contract there fails (EIP-7610), which the
/// machine does not look for, as no transaction leaves such an account.
const STORAGE_ALONE: [&str; 5] = [
    "create2collisionStorageParis",
    "dynamicAccountOverwriteEmpty_Paris",
    "InitCollisionParis",
    "RevertInCreateInInit_Paris",
    "RevertInCreateInInitCreate2Paris",
];

/// A test of a file.
#[derive(Deserialize)]
struct Test {
    env: Env,
    pre: BTreeMap<Address, Allocated>,
    post: BTreeMap<String, Vec<Expected>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_coinbase: Address,
    current_difficulty: U256,
    current_gas_limit: U256,
    current_number: U256,
    current_timestamp: U256,
    current_base_fee: Option<U256>,
    current_random: Option<U256>,
    current_excess_blob_gas: Option<U256>,
}

/// What is to come of a transaction under a fork.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    hash: B256,
    logs: B256,
    txbytes: Bytes,
    expect_exception: Option<String>,
}

/// How a case ended.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    Passed,
    /// With blobs, which are not executed here.
    Blobs,
    Failed(String),
}

fn fork(name: &str) -> SpecId {
    match name {
        "Frontier" => SpecId::FRONTIER,
        "Homestead" => SpecId::HOMESTEAD,
        "EIP150" => SpecId::TANGERINE,
        "EIP158" => SpecId::SPURIOUS_DRAGON,
        "Byzantium" => SpecId::BYZANTIUM,
        "Constantinople" | "ConstantinopleFix" => SpecId::PETERSBURG,
        "Istanbul" => SpecId::ISTANBUL,
        "Berlin" => SpecId::BERLIN,
        "London" => SpecId::LONDON,
        "Paris" => SpecId::MERGE,
        "Shanghai" => SpecId::SHANGHAI,
        "Cancun" => SpecId::CANCUN,
        "Prague" => SpecId::PRAGUE,
        other => panic!("no fork is named {other}"),
    }
}

/// The state before.
fn begin(pre: &BTreeMap<Address, Allocated>) -> Store {
    let (world, mut store) = (World::default(), Store::new());
    let mut tx = Tx::new(store.latest());
    for (address, Allocated { balance, nonce, code, storage }) in pre {
        let code_hash = world.put_code(&mut tx, code);
        world.put_account(&mut tx, address, &Account { nonce: *nonce, balance: *balance, code_hash });
        for (slot, value) in storage {
            world.put_slot(&mut tx, address, slot, *value);
        }
    }
    store.commit(Seqno(1), &tx.finish()).unwrap();
    store
}

fn root(leaves: BTreeMap<B256, Vec<u8>>) -> B256 {
    let mut builder: HashBuilder = HashBuilder::default();
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), &value);
    }
    builder.root()
}

fn state_root(state: &Snapshot) -> B256 {
    let mut storage: BTreeMap<Address, BTreeMap<B256, Vec<u8>>> = BTreeMap::new();
    for (key, value) in state.iter(&TableName::new("evm.storage")) {
        let (address, slot) = key.split_at(20);
        let value = alloy_rlp::encode(U256::from_be_slice(value));
        storage.entry(Address::from_slice(address)).or_default().insert(keccak256(slot), value);
    }
    let mut accounts = BTreeMap::new();
    for (key, _) in state.iter(&TableName::new("evm.accounts")) {
        let address = Address::from_slice(key);
        let account = World::default().account(state, &address).unwrap().unwrap();
        let Account { nonce, balance, code_hash } = account;
        let storage_root = root(storage.remove(&address).unwrap_or_default());
        let leaf = TrieAccount { nonce, balance, storage_root, code_hash };
        assert!(code_hash == KECCAK_EMPTY || World::default().code(state, &code_hash).is_ok());
        accounts.insert(keccak256(address), alloy_rlp::encode(leaf));
    }
    assert_eq!(storage, BTreeMap::new(), "storage without an account");
    root(accounts)
}

fn run(test: &Test, fork: SpecId, expected: &Expected) -> Ended {
    let mut store = begin(&test.pre);
    let found = TxEnvelope::decode_2718_exact(&expected.txbytes)
        .map_err(|error| error.to_string())
        .and_then(|envelope| Verified::recover(envelope).map_err(|error| error.to_string()));
    if found.as_ref().is_ok_and(|it| it.envelope().blob_versioned_hashes().is_some()) {
        return Ended::Blobs;
    }
    let env = &test.env;
    let random = if fork >= SpecId::MERGE { env.current_random.unwrap() } else { env.current_difficulty };
    let block = Block {
        number: env.current_number.saturating_to(),
        time_s: env.current_timestamp.saturating_to(),
        beneficiary: env.current_coinbase,
        max_gas: env.current_gas_limit.saturating_to(),
        base_fee: env.current_base_fee.unwrap_or_default().saturating_to(),
        random: random.into(),
        seed: None,
        hash_of: &|number| keccak256(number.to_string()),
    };
    let rules = Rules { chain_id: 1, fork, fees: Fees::Charged, max_gas: None };
    let mut tx = Tx::new(store.latest());
    let executed = found.and_then(|it| {
        World::default().execute(&mut tx, &rules, &block, &it).map_err(|error| error.to_string())
    });
    store.commit(Seqno(2), &tx.finish()).unwrap();
    let logs = executed.as_ref().map(|it| it.logs.clone()).unwrap_or_default();
    let mut encoded = Vec::new();
    alloy_rlp::encode_list::<_, alloy_primitives::Log>(&logs, &mut encoded);
    if executed.is_err() != expected.expect_exception.is_some() {
        return Ended::Failed(format!("{executed:?}, not {:?}", expected.expect_exception));
    }
    if keccak256(&encoded) != expected.logs {
        return Ended::Failed("other logs".to_owned());
    }
    if state_root(&store.latest()) != expected.hash {
        let blob_gas = env.current_excess_blob_gas.filter(|gas| !gas.is_zero());
        return Ended::Failed(format!("another state; excess blob gas {blob_gas:?}; {executed:?}"));
    }
    Ended::Passed
}

fn files(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|it| it == "json") {
            found.push(path);
        }
    }
}

#[test]
fn state_tests_of_ethereum_come_to_their_roots() {
    let Some(tests) = env::var_os("COCO_ETHEREUM_TESTS") else {
        eprintln!("SKIPPED: COCO_ETHEREUM_TESTS does not name a checkout of github.com/ethereum/tests");
        return;
    };
    let mut paths = Vec::new();
    files(&Path::new(&tests).join("GeneralStateTests"), &mut paths);
    paths.sort();
    let stride = if env::var_os("COCO_FULL").is_some() { 1 } else { STRIDE };
    // By fork: how many passed, had blobs, failed.
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut failures = Vec::new();
    let known = |path: &Path| STORAGE_ALONE.iter().any(|name| path.file_stem() == Some(name.as_ref()));
    for path in paths.iter().step_by(stride).filter(|path| !known(path)) {
        let file: BTreeMap<String, Test> = serde_json::from_slice(&fs::read(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (name, test) in &file {
            for (fork_name, cases) in &test.post {
                for (index, expected) in cases.iter().enumerate() {
                    let ended = run(test, fork(fork_name), expected);
                    let count = counts.entry(fork_name.clone()).or_default();
                    count[match ended {
                        Ended::Passed => 0,
                        Ended::Blobs => 1,
                        Ended::Failed(_) => 2,
                    }] += 1;
                    if let Ended::Failed(why) = ended {
                        failures.push(format!("{} {name} {fork_name} {index}: {why}", path.display()));
                    }
                }
            }
        }
    }
    for (fork, [passed, blobs, failed]) in &counts {
        eprintln!("{fork}: {passed} passed, {blobs} with blobs left out, {failed} failed");
    }
    assert!(!counts.is_empty(), "no tests in {}", Path::new(&tests).display());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
