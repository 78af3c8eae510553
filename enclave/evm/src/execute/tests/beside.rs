//! Drawn contracts and calls, executed on the store and on state in memory: whatever comes of them is the same.

use alloy_consensus::TxEip1559;
use proptest::{collection::vec, prelude::*};
use revm::{
    database::{CacheDB, EmptyDB},
    database_interface::DatabaseCommit as _,
};

use super::*;

/// A part of a contract.
#[derive(Clone, Debug)]
enum Part {
    Store(u8, u8),
    Copy(u8, u8),
    Log(u8),
    /// Calls an address with a value.
    Call(usize, u8),
    /// Creates a contract whose code is what creates nothing.
    Create,
    Balance(usize),
    SelfDestruct(usize),
    Revert,
    Bytes(Vec<u8>),
}

/// What is sent.
#[derive(Clone, Debug)]
enum Sent {
    Deploy(Vec<Part>, u8),
    Call(usize, u8),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => (0..3_u8, 0..3_u8).prop_map(|(slot, value)| Part::Store(slot, value)),
        2 => (0..3_u8, 0..3_u8).prop_map(|(from, to)| Part::Copy(from, to)),
        1 => any::<u8>().prop_map(Part::Log),
        3 => (0..ADDRESSES, 0..3_u8).prop_map(|(to, value)| Part::Call(to, value)),
        1 => Just(Part::Create),
        1 => (0..ADDRESSES).prop_map(Part::Balance),
        1 => (0..ADDRESSES).prop_map(Part::SelfDestruct),
        1 => Just(Part::Revert),
        1 => vec(any::<u8>(), 1..4).prop_map(Part::Bytes),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        (vec(part(), 0..6), 0..3_u8).prop_map(|(parts, value)| Sent::Deploy(parts, value)),
        (0..ADDRESSES, 0..3_u8).prop_map(|(to, value)| Sent::Call(to, value)),
    ]
}

fn fork() -> impl Strategy<Value = SpecId> {
    prop::sample::select(vec![SpecId::LONDON, SpecId::MERGE, SpecId::SHANGHAI, SpecId::CANCUN, SpecId::OSAKA])
}

/// Addresses that contracts know: what the first transactions create, a sender, somebody, a precompiled contract.
const ADDRESSES: usize = 7;

fn addresses(key: &Key) -> [Address; ADDRESSES] {
    let created = |nonce| key.address().create(nonce);
    let (somebody, identity) = (Address::repeat_byte(0x55), Address::with_last_byte(4));
    [created(0), created(1), created(2), created(3), key.address(), somebody, identity]
}

fn assemble(parts: &[Part], addresses: &[Address; ADDRESSES]) -> Vec<u8> {
    let mut code = Vec::new();
    for part in parts {
        match part {
            Part::Store(slot, value) => code.extend([0x60, *value, 0x60, *slot, 0x55]),
            Part::Copy(from, to) => code.extend([0x60, *from, 0x54, 0x60, *to, 0x55]),
            Part::Log(topic) => code.extend([0x60, *topic, 0x60, 0, 0x60, 0, 0xa1]),
            Part::Call(to, value) => {
                code.extend([0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x60, *value, 0x73]);
                code.extend(addresses[*to]);
                code.extend([0x5a, 0xf1, 0x60, 1, 0x55]);
            }
            Part::Create => code.extend([0x60, 0, 0x60, 0, 0x60, 1, 0xf0, 0x50]),
            Part::Balance(of) => {
                code.push(0x73);
                code.extend(addresses[*of]);
                code.extend([0x31, 0x60, 2, 0x55]);
            }
            Part::SelfDestruct(to) => {
                code.push(0x73);
                code.extend(addresses[*to]);
                code.push(0xff);
            }
            Part::Revert => code.extend([0x60, 0, 0x60, 0, 0xfd]),
            Part::Bytes(bytes) => code.extend(bytes),
        }
    }
    code
}

/// The same machine on state in memory.
struct Memory(CacheDB<EmptyDB>);

impl Memory {
    fn execute(&mut self, chain: &Chain, transaction: &Verified) -> Result<Execution, String> {
        let mut context: Context<BlockEnv, _, _, _, Journal<_>, ()> =
            Context::new(&mut self.0, chain.rules.fork);
        context.cfg = chain.rules.configuration();
        context.block = chain.block().environment();
        let found = context.build_mainnet().transact(transaction.environment(chain.rules.fees));
        let found = found.map_err(|error| error.to_string())?;
        self.0.commit(found.state);
        Ok(found.result.into())
    }

    /// An account, if it is one.
    fn account(&self, address: &Address) -> Option<Account> {
        let found = self.0.cache.accounts.get(address)?.info()?;
        let account = Account { nonce: found.nonce, balance: found.balance, code_hash: found.code_hash };
        Some(account).filter(|account| !account.is_empty())
    }
}

proptest! {
    #[test]
    fn the_store_is_as_good_as_memory(fork in fork(), all in vec(sent(), 1..12)) {
        let mut chain = Chain::new(fork);
        let mut memory = Memory(CacheDB::new(EmptyDB::new()));
        let key = Key::new(1);
        rich(&mut chain, &key);
        let info = revm::state::AccountInfo { balance: U256::from(1_000_000), ..Default::default() };
        memory.0.insert_account_info(key.address(), info);
        let known = addresses(&key);
        for (nonce, sent) in (0..).zip(&all) {
            let transaction = match sent {
                Sent::Deploy(parts, value) => {
                    let code = deploying(&assemble(parts, &known));
                    call(nonce, TxKind::Create, u64::from(*value), &code)
                }
                Sent::Call(to, value) => call(nonce, TxKind::Call(known[*to]), u64::from(*value), &[]),
            };
            let transaction = key.send(TxEip1559 { gas_limit: 400_000, ..transaction });
            let beside = memory.execute(&chain, &transaction);
            let here = chain.execute(&transaction).map_err(|error| error.to_string());
            prop_assert_eq!(&here, &beside);
            chain.number += 1;
        }
        let tx = chain.tx();
        for (address, there) in &memory.0.cache.accounts {
            prop_assert_eq!(account(&chain, address), memory.account(address), "{}", address);
            for (slot, value) in &there.storage {
                prop_assert_eq!(chain.world.slot(&tx, address, slot).unwrap(), *value, "{} {}", address, slot);
            }
        }
    }
}
