//! Executed transactions that no block has yet, in their order: what the next block is made of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256};
use coco_crypto::hash::Sha256;
use coco_evm::world;
use coco_kv::Decode as _;
use coco_wire::{Seqno, WriteSet};

use crate::{
    records::Record,
    state::Changed,
    tables::{BLOCKS, TRANSACTIONS},
};

/// Bytes of transactions and logs in a block from which on it takes no more.
const MAX_BYTES: usize = 8 << 20;
/// The tables of the world state.
const WORLD: [&str; 3] = [world::ACCOUNTS, world::CODE, world::STORAGE];

/// The open window.
#[derive(Default)]
pub(crate) struct Window(Mutex<Filling>);

#[derive(Default)]
struct Filling {
    entries: Vec<Entry>,
    changed: Changed,
    gas: u64,
    bytes: usize,
}

/// A transaction that has its place in the order, and its block not yet.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seqno: Seqno,
    pub(crate) hash: B256,
    pub(crate) record: Record,
    /// Digest of what it changed in the world.
    pub(crate) changes: B256,
}

impl Window {
    /// Takes in a transaction of the store.
    pub(crate) fn appended(&self, seqno: Seqno, writes: &WriteSet) {
        if writes.table(BLOCKS).is_some() {
            *self.lock() = Filling::default();
            return;
        }
        let Some((hash, Some(row))) = writes.table(TRANSACTIONS).and_then(|rows| rows.iter().next()) else {
            return;
        };
        let (Ok(hash), Some(record)) = (B256::try_from(&**hash), Record::decode(row)) else { return };
        let mut filling = self.lock();
        filling.gas = filling.gas.saturating_add(record.gas_used);
        filling.bytes += row.len();
        filling.changed.note(writes);
        filling.entries.push(Entry { seqno, hash, record, changes: changes(writes) });
    }

    /// All transactions after this one have lost their places.
    pub(crate) fn rolled_back(&self, to: Seqno) {
        let mut filling = self.lock();
        filling.entries.retain(|entry| entry.seqno <= to);
        filling.gas = filling.entries.iter().map(|entry| entry.record.gas_used).sum();
        filling.bytes = filling.entries.iter().map(|entry| entry.record.transaction.len()).sum();
    }

    /// Whether a transaction of `max_gas` may find no room in a block of `block_gas`.
    pub(crate) fn is_full(&self, max_gas: u64, block_gas: u64) -> bool {
        let filling = self.lock();
        filling.bytes >= MAX_BYTES || filling.gas.saturating_add(max_gas) > block_gas
    }

    /// The transactions of the block that is closed now, and what they changed.
    pub(crate) fn take(&self) -> (Vec<Entry>, Changed) {
        let Filling { entries, changed, .. } = std::mem::take(&mut *self.lock());
        (entries, changed)
    }

    fn lock(&self) -> MutexGuard<'_, Filling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changed {
    fn note(&mut self, writes: &WriteSet) {
        let keys = |table| writes.table(table).into_iter().flatten().map(|(key, _)| key);
        self.accounts.extend(keys(world::ACCOUNTS).filter_map(|key| Address::try_from(&**key).ok()));
        self.slots.extend(keys(world::STORAGE).filter_map(|key| world::read_place(key)));
    }
}

/// Digest of what a transaction changed in the world.
fn changes(writes: &WriteSet) -> B256 {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for table in WORLD {
        for (key, value) in writes.table(table).into_iter().flatten() {
            put(key);
            // A row that is removed is one without bytes: no row of these tables has none, but that of empty code.
            put(value.as_deref().unwrap_or_default());
        }
        put(&[]);
    }
    hash.finish().0.into()
}
