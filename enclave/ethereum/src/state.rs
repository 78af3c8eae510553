//! The root of the world state (Yellow Paper, section 4.1), which transparent networks show: it follows from what changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::{Encodable as _, RlpEncodable};
use coco_evm::World;
use coco_kv::{Malformed, Reader};
use coco_mpt::{Key, Trie};

/// Accounts and slots that were written since the last block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) accounts: BTreeSet<Address>,
    pub(crate) slots: BTreeSet<(Address, U256)>,
}

/// The tries of the last block that this node closed. One of another node, or one that lost its place, is unlike it: then
/// they are made anew from the state.
#[derive(Default)]
pub(crate) struct State(Mutex<Option<(B256, Tries)>>);

#[derive(Default)]
struct Tries {
    accounts: Trie,
    storage: BTreeMap<Address, Trie>,
}

/// An account as the trie has it.
#[derive(RlpEncodable)]
struct Leaf {
    nonce: u64,
    balance: U256,
    storage_root: B256,
    code_hash: B256,
}

/// The root of a new state, and its tries, to be kept once the block that has it has a hash.
pub(crate) struct Next {
    pub(crate) root: B256,
    tries: Tries,
}

impl State {
    /// The root of the state that `from` has, in which `changed` is other than after the block `parent`.
    ///
    /// # Errors
    /// If a row of the world is none.
    pub(crate) fn next(
        &self,
        world: &World,
        from: &impl Reader,
        parent: B256,
        changed: &Changed,
    ) -> Result<Next, Malformed> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tries = match last.take() {
            Some((hash, tries)) if hash == parent => tries,
            _ => return Tries::of(world, from).map(Next::new),
        };
        tries.change(world, from, changed)?;
        Ok(Next::new(tries))
    }

    /// Keeps the tries of the block of this hash.
    pub(crate) fn keep(&self, hash: B256, next: Next) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((hash, next.tries));
    }
}

impl Next {
    fn new(tries: Tries) -> Self {
        Self { root: tries.accounts.root(), tries }
    }
}

impl Tries {
    /// Of everything.
    fn of(world: &World, from: &impl Reader) -> Result<Self, Malformed> {
        let mut tries = Self::default();
        for row in world.slots(from) {
            let (account, slot, value) = row?;
            tries.put_slot(account, slot, value);
        }
        let accounts = world.accounts(from).map(|row| Ok(row?.0));
        for account in accounts.collect::<Result<Vec<_>, Malformed>>()? {
            tries.put_account(world, from, account)?;
        }
        Ok(tries)
    }

    fn change(&mut self, world: &World, from: &impl Reader, changed: &Changed) -> Result<(), Malformed> {
        for (account, slot) in &changed.slots {
            self.put_slot(*account, *slot, world.slot(from, account, slot)?);
        }
        let of_slots = changed.slots.iter().map(|(account, _)| *account);
        let accounts: BTreeSet<Address> = changed.accounts.iter().copied().chain(of_slots).collect();
        accounts.into_iter().try_for_each(|account| self.put_account(world, from, account))
    }

    fn put_slot(&mut self, account: Address, slot: U256, value: U256) {
        let trie = self.storage.entry(account).or_default();
        let key = Key::from(keccak256(slot.to_be_bytes::<32>()));
        if value.is_zero() {
            trie.remove(&key);
        } else {
            trie.insert(&key, &alloy_rlp::encode(value));
        }
    }

    fn put_account(&mut self, world: &World, from: &impl Reader, address: Address) -> Result<(), Malformed> {
        let key = Key::from(keccak256(address));
        let Some(account) = world.account(from, &address)? else {
            self.storage.remove(&address);
            self.accounts.remove(&key);
            return Ok(());
        };
        let leaf = Leaf {
            nonce: account.nonce,
            balance: account.balance,
            storage_root: self.storage.get(&address).map_or(coco_mpt::EMPTY_ROOT, Trie::root),
            code_hash: account.code_hash,
        };
        let mut row = Vec::with_capacity(leaf.length());
        leaf.encode(&mut row);
        self.accounts.insert(&key, &row);
        Ok(())
    }
}
