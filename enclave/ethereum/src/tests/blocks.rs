//! Blocks: what they are made of, and that nothing in a header tells of it where that is nobody's business.

use alloy_consensus::{
    Header,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{Address, B256, Bloom, TxKind, U256};
use serde_json::json;

use super::service::{Key, Service, call, deploying};
use crate::{block, records::Block};

/// LOG1 of nothing with the topic 7.
const LOGS: [u8; 7] = [0x60, 7, 0x60, 0, 0x60, 0, 0xa1];

fn filled(visibility: &str) -> Service {
    let a = Key::new(1);
    let mut service = Service::new(&json!({ "visibility": visibility }), &[(a.address(), 100)]);
    let code = deploying(&LOGS);
    service.submit(&a.sign(call(0, TxKind::Create, 0, &code))).unwrap();
    service.submit(&a.sign(call(1, a.address().create(0).into(), 0, &[]))).unwrap();
    service.close();
    service.submit(&a.sign(call(2, a.address().create(0).into(), 0, &[]))).unwrap();
    service.close();
    service
}

fn block_of(service: &mut Service, number: u64) -> Block {
    let tables = service.tables();
    tables.block(&service.store.latest(), number).unwrap().unwrap()
}

#[test]
fn a_transparent_block_is_one_of_ethereum() {
    let mut service = filled("transparent");
    let tables = service.tables();
    let (first, block) = (block_of(&mut service, 0), block_of(&mut service, 1));
    let state = service.store.latest();
    let records: Vec<_> = block
        .transactions
        .iter()
        .map(|place| tables.transaction(&state, &place.hash).unwrap().unwrap())
        .collect();
    let envelopes: Vec<_> = records.iter().map(|record| record.envelope().unwrap()).collect();
    let header = &block.header;
    assert_eq!(header.parent_hash, first.header.hash_slow());
    assert_eq!(header.transactions_root, calculate_transaction_root(&envelopes));
    let gas = [records[0].gas_used, records[0].gas_used + records[1].gas_used];
    let receipts: Vec<_> = (0..2).map(|at| block::receipt(&records[at], &envelopes[at], gas[at])).collect();
    assert_eq!(header.receipts_root, calculate_receipt_root(&receipts));
    assert_eq!((header.gas_used, header.number, header.timestamp), (gas[1], 1, 1_800_000_000));
    assert!(
        header.logs_bloom.contains_input(alloy_primitives::BloomInput::Raw(&B256::with_last_byte(7)[..]))
    );
    let shown = service.ask("eth_getBlockByNumber", &json!(["0x1", true])).unwrap();
    assert_eq!(shown["hash"], json!(header.hash_slow()));
    assert_eq!(shown["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(shown["transactions"][1]["transactionIndex"], "0x1");
    // What is shown is what the hash is of.
    let read: Header = serde_json::from_value(shown.clone()).unwrap();
    assert_eq!(read.hash_slow(), header.hash_slow());
    let receipts = service.ask("eth_getBlockReceipts", &json!(["0x1"])).unwrap();
    assert_eq!(receipts[1]["logs"][0]["logIndex"], "0x0");
    assert_eq!(receipts[1]["cumulativeGasUsed"], shown["gasUsed"]);
    for method in ["eth_getBlockTransactionCountByNumber", "eth_getTransactionByBlockNumberAndIndex"] {
        assert!(service.ask(method, &json!(["0x1", "0x1"])).is_ok() || method.contains("Count"));
    }
    assert_eq!(service.ask("eth_getBlockTransactionCountByNumber", &json!(["0x1"])).unwrap(), "0x2");
}

/// The root of the state by another library, from everything that is there.
fn state_root(service: &Service) -> B256 {
    let (tables, state) = (service.tables(), service.store.latest());
    let mut storage = std::collections::BTreeMap::<Address, Vec<(B256, U256)>>::new();
    for row in tables.world.slots(&state) {
        let (account, slot, value) = row.unwrap();
        storage.entry(account).or_default().push((slot.into(), value));
    }
    let accounts = tables.world.accounts(&state).map(|row| {
        let (address, account) = row.unwrap();
        let slots = storage.get(&address).cloned().unwrap_or_default();
        let trie = alloy_trie::TrieAccount {
            nonce: account.nonce,
            balance: account.balance,
            storage_root: alloy_trie::root::storage_root_unhashed(slots),
            code_hash: account.code_hash,
        };
        (address, trie)
    });
    alloy_trie::root::state_root_unhashed(accounts.collect::<Vec<_>>())
}

#[test]
fn a_state_root_is_that_of_ethereum() {
    let a = Key::new(1);
    let mut service = Service::new(&json!({ "visibility": "transparent" }), &[(a.address(), 100)]);
    assert_eq!(block_of(&mut service, 0).header.state_root, state_root(&service));
    // Stores the first word of its input at the second: PUSH1 0 CALLDATALOAD PUSH1 32 CALLDATALOAD SSTORE.
    let code = deploying(&[0x60, 0, 0x35, 0x60, 32, 0x35, 0x55]);
    service.submit(&a.sign(call(0, TxKind::Create, 0, &code))).unwrap();
    let contract = a.address().create(0);
    let mut nonce = 1;
    let mut store = |service: &mut Service, value: u8, slot: u8| {
        let input = [B256::with_last_byte(value), B256::with_last_byte(slot)].concat();
        service.submit(&a.sign(call(nonce, contract.into(), 0, &input))).unwrap();
        nonce += 1;
    };
    for (number, (value, slot)) in (1..).zip([(5, 1), (6, 2), (0, 1), (7, 2), (0, 2)]) {
        store(&mut service, value, slot);
        service.close();
        assert_eq!(block_of(&mut service, number).header.state_root, state_root(&service), "block {number}");
    }
    // What lost its place is not in it.
    store(&mut service, 9, 3);
    service.roll_back();
    let other = Key::new(2).address();
    service.submit(&a.sign(call(6, other.into(), 1, &[]))).unwrap();
    service.close();
    let first = block_of(&mut service, 6).header.state_root;
    assert_eq!(first, state_root(&service));
    // A node that closed no block before comes to the same.
    service.adapter = crate::Ethereum::default();
    service.submit(&a.sign(call(7, other.into(), 1, &[]))).unwrap();
    service.close();
    assert_eq!(block_of(&mut service, 7).header.state_root, state_root(&service));
}

#[test]
fn a_confidential_block_tells_nothing() {
    let mut service = filled("confidential");
    let block = block_of(&mut service, 1);
    let header = &block.header;
    assert_eq!((header.logs_bloom, header.gas_used), (Bloom::ZERO, 1 << 20));
    let state = service.store.latest();
    let tables = service.tables();
    let envelopes: Vec<_> = block
        .transactions
        .iter()
        .map(|place| tables.transaction(&state, &place.hash).unwrap().unwrap().envelope().unwrap())
        .collect();
    assert_ne!(header.transactions_root, calculate_transaction_root(&envelopes));
    let shown = service.ask("eth_getBlockByNumber", &json!(["0x1", true])).unwrap();
    assert_eq!((&shown["transactions"], &shown["hash"]), (&json!([]), &json!(header.hash_slow())));
    // The same transactions with other randomness are another block in everything that is derived from them.
    let mut other = Service::new(&json!({}), &[(Key::new(1).address(), 100)]);
    coco_app::Services::fill_random(&other, &mut [0; 1]);
    let a = Key::new(1);
    other.submit(&a.sign(call(0, TxKind::Create, 0, &deploying(&LOGS)))).unwrap();
    other.submit(&a.sign(call(1, a.address().create(0).into(), 0, &[]))).unwrap();
    other.close();
    let other = block_of(&mut other, 1);
    assert_eq!(block.transactions, other.transactions);
    for (one, another) in [
        (header.transactions_root, other.header.transactions_root),
        (header.receipts_root, other.header.receipts_root),
        (header.state_root, other.header.state_root),
        (header.mix_hash, other.header.mix_hash),
    ] {
        assert_ne!(one, another);
    }
}

#[test]
fn blocks_follow_each_other() {
    let mut service = filled("transparent");
    let (one, two) = (block_of(&mut service, 1), block_of(&mut service, 2));
    assert_eq!(two.header.parent_hash, one.header.hash_slow());
    assert!(two.header.timestamp >= one.header.timestamp);
    assert_eq!(service.ask("eth_blockNumber", &json!([])).unwrap(), "0x2");
    let logs = service.ask("eth_getLogs", &json!([{ "fromBlock": "earliest" }])).unwrap();
    let at: Vec<_> =
        logs.as_array().unwrap().iter().map(|log| log["blockNumber"].as_str().unwrap()).collect();
    assert_eq!(at, ["0x1", "0x2"]);
    // Without transactions there is no block.
    service.close();
    assert_eq!(service.ask("eth_blockNumber", &json!([])).unwrap(), "0x2");
    // A clock that goes back does not take time back.
    service.now_ms.set(1_000);
    service.submit(&Key::new(1).sign(call(3, Address::repeat_byte(9).into(), 1, &[]))).unwrap();
    service.close();
    assert_eq!(block_of(&mut service, 3).header.timestamp, two.header.timestamp);
}

#[test]
fn what_is_rolled_back_is_in_no_block() {
    let a = Key::new(1);
    let mut service = Service::new(&json!({ "visibility": "transparent" }), &[(a.address(), 100)]);
    let lost = service.submit(&a.sign(call(0, Address::repeat_byte(9).into(), 1, &[]))).unwrap();
    service.roll_back();
    let kept = service.submit(&a.sign(call(0, Address::repeat_byte(8).into(), 1, &[]))).unwrap();
    service.close();
    let block = service.ask("eth_getBlockByNumber", &json!(["latest", false])).unwrap();
    assert_eq!((&block["number"], &block["transactions"]), (&json!("0x1"), &json!([kept])));
    assert!(service.ask("eth_getTransactionReceipt", &json!([lost])).unwrap().is_null());
}

#[test]
fn filters_tell_what_is_new() {
    let a = Key::new(1);
    let mut service = filled("transparent");
    let ids = ["eth_newBlockFilter", "eth_newPendingTransactionFilter"]
        .map(|it| service.ask(it, &json!([])).unwrap());
    let of_logs = service.ask("eth_newFilter", &json!([{ "topics": [B256::with_last_byte(7)] }])).unwrap();
    let of_others = service.ask("eth_newFilter", &json!([{ "topics": [B256::with_last_byte(8)] }])).unwrap();
    let changes = |service: &mut Service, id: &serde_json::Value| {
        service.ask("eth_getFilterChanges", &json!([id])).unwrap()
    };
    for id in ids.iter().chain([&of_logs]) {
        assert_eq!(changes(&mut service, id), json!([]));
    }
    let hash = service.submit(&a.sign(call(3, a.address().create(0).into(), 0, &[]))).unwrap();
    service.close();
    let block = service.ask("eth_getBlockByNumber", &json!(["latest", false])).unwrap();
    assert_eq!(changes(&mut service, &ids[0]), json!([block["hash"]]));
    assert_eq!(changes(&mut service, &ids[1]), json!([hash]));
    assert_eq!(changes(&mut service, &of_logs)[0]["transactionHash"], hash);
    assert_eq!(changes(&mut service, &of_others), json!([]));
    assert_eq!(changes(&mut service, &of_logs), json!([]));
    assert_eq!(service.ask("eth_getFilterLogs", &json!([of_logs])).unwrap().as_array().unwrap().len(), 1);
    assert_eq!(service.ask("eth_uninstallFilter", &json!([of_logs])).unwrap(), true);
    assert_eq!(service.ask("eth_uninstallFilter", &json!([of_logs])).unwrap(), false);
    assert_eq!(
        service.ask("eth_getFilterChanges", &json!([of_logs])).unwrap_err()["message"],
        "filter not found"
    );
}
