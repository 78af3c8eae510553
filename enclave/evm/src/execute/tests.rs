//! Executions on the store, beside those of a machine with all state in memory.

mod beside;

use alloy_primitives::{TxKind, U256};

use super::*;
use crate::{
    Account,
    tests::{Chain, Key, call, deploying},
};

/// Counts calls in slot 0, logs, and returns how many there were; with any input it undoes that and returns it.
const COUNTER: &[u8] = &[
    0x60, 0x00, 0x54, 0x60, 0x01, 0x01, 0x80, 0x60, 0x00,
    0x55, // slot 0, and one more, on the stack, too
    0x60, 0x00, 0x52, // into memory
    0x60, 0x2a, 0x60, 0x20, 0x60, 0x00, 0xa1, // a log with it, under topic 42
    0x36, 0x60, 0x1e, 0x57, // any input?
    0x60, 0x20, 0x60, 0x00, 0xf3, 0x00, // return it
    0x5b, 0x60, 0x20, 0x60, 0x00, 0xfd, // undo, and return it
];

fn rich(chain: &mut Chain, key: &Key) {
    let account = Account { balance: U256::from(1_000_000), ..Account::EMPTY };
    chain.write(|world, tx| world.put_account(tx, &key.address(), &account));
}

fn account(chain: &Chain, address: &Address) -> Option<Account> {
    chain.world.account(&chain.tx(), address).unwrap()
}

#[test]
fn value_moves_and_gas_costs_nothing() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let (key, to) = (Key::new(1), Address::repeat_byte(2));
    rich(&mut chain, &key);
    let sent = chain.execute(&key.send(call(0, TxKind::Call(to), 300, &[]))).unwrap();
    assert_eq!((sent.is_success(), sent.gas_used), (true, 21_000));
    let sender = account(&chain, &key.address()).unwrap();
    assert_eq!((sender.nonce, sender.balance), (1, U256::from(999_700)));
    assert_eq!(account(&chain, &to).map(|it| it.balance), Some(U256::from(300)));
    // Nobody was paid, so that there is nobody.
    assert_eq!(account(&chain, &chain.block().beneficiary), None);
}

#[test]
fn a_sender_without_anything_can_call() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let key = Key::new(1);
    let offer = alloy_consensus::TxEip1559 {
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        ..call(0, TxKind::Call(Address::repeat_byte(2)), 0, &[])
    };
    assert!(chain.execute(&key.send(offer)).unwrap().is_success());
    assert_eq!(account(&chain, &key.address()).map(|it| it.nonce), Some(1));
}

#[test]
fn contracts_are_created_called_and_undo_themselves() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let key = Key::new(1);
    let created = chain.execute(&key.send(call(0, TxKind::Create, 0, &deploying(COUNTER)))).unwrap();
    let contract = key.address().create(0);
    assert_eq!(created.outcome, Outcome::Created { address: contract, code: COUNTER.into() });
    let slot = |chain: &Chain| chain.world.slot(&chain.tx(), &contract, &U256::ZERO).unwrap();
    for count in 1..=2_u64 {
        let called = chain.execute(&key.send(call(count, TxKind::Call(contract), 0, &[]))).unwrap();
        let expected = U256::from(count).to_be_bytes::<32>();
        assert_eq!(called.outcome, Outcome::Called(expected.to_vec().into()));
        assert_eq!(called.logs.len(), 1);
        assert_eq!(called.logs[0].topics(), [B256::from(U256::from(42))]);
        assert_eq!(slot(&chain), U256::from(count));
    }
    let undone = chain.execute(&key.send(call(3, TxKind::Call(contract), 0, &[1]))).unwrap();
    assert_eq!(undone.outcome, Outcome::Reverted(U256::from(3).to_be_bytes::<32>().to_vec().into()));
    assert_eq!((undone.logs.len(), slot(&chain)), (0, U256::from(2)));
    // All of the gas of an execution that does what it may not.
    let halting = chain.execute(&key.send(call(4, TxKind::Create, 0, &[0xfe]))).unwrap();
    assert!(matches!(halting.outcome, Outcome::Halted(_)), "{halting:?}");
    assert_eq!(halting.gas_used, 1_000_000);
    assert_eq!(account(&chain, &key.address()).map(|it| it.nonce), Some(5));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let key = Key::new(1);
    rich(&mut chain, &key);
    let to = TxKind::Call(Address::repeat_byte(2));
    chain.execute(&key.send(call(0, to, 0, &[]))).unwrap();
    let with_gas = |gas_limit| alloy_consensus::TxEip1559 { gas_limit, ..call(1, to, 0, &[]) };
    let cases = [
        (call(0, to, 0, &[]), "nonce too low: next nonce 1, tx nonce 0"),
        (call(2, to, 0, &[]), "nonce too high: next nonce 1, tx nonce 2"),
        (
            call(1, to, 2_000_000, &[]),
            "insufficient funds for gas * price + value: balance 1000000, tx cost 2000000, overshoot 1000000",
        ),
        (with_gas(20_999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
        (with_gas(30_000_000), "transaction gas limit too high (cap: 16777216, tx: 30000000)"),
        (call(1, TxKind::Create, 0, &[0; 49_153]), "max initcode size exceeded"),
    ];
    for (transaction, expected) in cases {
        let refused = chain.execute(&key.send(transaction)).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused} instead of {expected}");
        assert_eq!(account(&chain, &key.address()).map(|it| it.nonce), Some(1));
    }
    // The limit is the fork's unless the network has one of its own.
    chain.rules.max_gas = Some(30_000_000);
    assert!(chain.execute(&key.send(with_gas(30_000_000))).unwrap().is_success());
}

#[test]
fn a_row_that_cannot_be_read_is_no_zero() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let key = Key::new(1);
    chain.write(|_, tx| {
        let table = coco_wire::TableName::new("evm.accounts");
        tx.put(&table, coco_wire::Key::new(key.address().as_slice()), coco_wire::Value::new(b"short"));
    });
    let refused = chain.execute(&key.send(call(0, TxKind::Create, 0, &[]))).unwrap_err();
    assert!(matches!(refused, Refused::Corrupt(_)), "{refused}");
}

#[test]
fn what_an_execution_read_decides_whether_it_counts() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let (one, other) = (Key::new(1), Key::new(2));
    chain.execute(&one.send(call(0, TxKind::Create, 0, &deploying(COUNTER)))).unwrap();
    let contract = TxKind::Call(one.address().create(0));
    let (rules, block) = (chain.rules, chain.block());
    // Two callers of one contract at once: the second must be executed again. Two that share nothing are not.
    for (to, conflicts) in [(contract, true), (TxKind::Call(Address::repeat_byte(9)), false)] {
        let nonce = |key: &Key, chain: &Chain| account(chain, &key.address()).map_or(0, |it| it.nonce);
        let mut early = chain.tx();
        let late = other.send(call(nonce(&other, &chain), to, 0, &[]));
        chain.world.execute(&mut early, &rules, &block, &late).unwrap();
        let first = one.send(call(nonce(&one, &chain), contract, 0, &[]));
        chain.execute(&first).unwrap();
        assert_eq!(chain.commit(early).is_err(), conflicts);
    }
}

#[test]
fn a_block_says_what_contracts_ask() {
    // TIMESTAMP, NUMBER, PREVRANDAO, COINBASE, CHAINID and BLOCKHASH of the block before, one word each.
    let asks: [&[u8]; 6] = [&[0x42], &[0x43], &[0x44], &[0x41], &[0x46], &[0x60, 0x01, 0x43, 0x03, 0x40]];
    let mut code = Vec::new();
    for (ask, at) in asks.iter().zip((0_u8..).step_by(32)) {
        code.extend([ask, &[0x60, at, 0x52][..]].concat());
    }
    code.extend([0x60, 192, 0x60, 0, 0xf3]);
    let mut chain = Chain::new(SpecId::OSAKA);
    chain.number = 77;
    let key = Key::new(1);
    chain.execute(&key.send(call(0, TxKind::Create, 0, &deploying(&code)))).unwrap();
    let called = chain.execute(&key.send(call(1, TxKind::Call(key.address().create(0)), 0, &[]))).unwrap();
    let Outcome::Called(words) = called.outcome else { panic!("{called:?}") };
    let block = chain.block();
    let expected = [
        U256::from(block.time_s),
        U256::from(77),
        block.random.into(),
        U256::from_be_slice(block.beneficiary.as_slice()),
        U256::from(crate::tests::CHAIN),
        U256::from(76),
    ];
    let found: Vec<U256> = words.chunks(32).map(U256::from_be_slice).collect();
    assert_eq!(found, expected);
}
