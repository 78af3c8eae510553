//! Accounts, code and storage as rows of tables.

use std::{borrow::Cow, ops::Bound};

use alloy_primitives::{Address, B256, Bytes, U256};
use coco_kv::{Decode, Encode, Malformed, Order, Reader, Table, Tx};
use revm::{
    primitives::KECCAK_EMPTY,
    state::{Account as Changed, EvmState},
};

/// Table of accounts, by address.
pub const ACCOUNTS: &str = "evm.accounts";
/// Table of code, by its Keccak-256.
pub const CODE: &str = "evm.code";
/// Table of storage, by account and slot: see [`read_place`].
pub const STORAGE: &str = "evm.storage";
/// Bytes of an account's row: nonce, balance, hash of the code.
const ACCOUNT_LEN: usize = 8 + 32 + 32;

/// What an account has, but for its code and storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// How many transactions it sent, or contracts it created.
    pub nonce: u64,
    /// In wei.
    pub balance: U256,
    /// Keccak-256 of its code; of nothing if it has none.
    pub code_hash: B256,
}

/// The tables of the world state. They are private: the ledger has them encrypted.
pub struct World {
    /// By address.
    accounts: Table<Vec<u8>, Account>,
    /// By Keccak-256.
    code: Table<Vec<u8>, Vec<u8>>,
    /// By address and slot; a slot without a row is zero.
    storage: Table<Vec<u8>, Slot>,
}

/// The value of a slot, without zeros in front: most are small, and each byte is in the ledger.
struct Slot(U256);

impl Account {
    /// One that nobody has used.
    pub const EMPTY: Self = Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK_EMPTY };

    /// Whether it is like one that nobody has used (EIP-161).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }
}

/// Numbers are big-endian, as Ethereum writes them.
impl Encode for Account {
    fn encode(&self) -> Cow<'_, [u8]> {
        let mut row = Vec::with_capacity(ACCOUNT_LEN);
        row.extend(self.nonce.to_be_bytes());
        row.extend(self.balance.to_be_bytes::<32>());
        row.extend(self.code_hash);
        row.into()
    }
}

impl Decode for Account {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = bytes.split_first_chunk()?;
        let (balance, rest) = rest.split_first_chunk()?;
        let code_hash = <[u8; 32]>::try_from(rest).ok()?;
        Some(Self {
            nonce: u64::from_be_bytes(*nonce),
            balance: U256::from_be_bytes::<32>(*balance),
            code_hash: code_hash.into(),
        })
    }
}

impl Encode for Slot {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.0.to_be_bytes_trimmed_vec().into()
    }
}

impl Decode for Slot {
    /// None for zero, and for zeros in front: equal values have equal bytes.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let proper = bytes.len() <= 32 && bytes.first().is_some_and(|first| *first != 0);
        proper.then(|| Self(U256::from_be_slice(bytes)))
    }
}

impl Default for World {
    fn default() -> Self {
        Self { accounts: Table::new(ACCOUNTS), code: Table::new(CODE), storage: Table::new(STORAGE) }
    }
}

impl World {
    /// An account, if somebody has used it.
    ///
    /// # Errors
    /// If the row is none.
    pub fn account(&self, from: &impl Reader, address: &Address) -> Result<Option<Account>, Malformed> {
        self.accounts.get(from, address.as_slice())
    }

    /// All accounts.
    pub fn accounts<'a>(
        &'a self,
        from: &'a impl Reader,
    ) -> impl Iterator<Item = Result<(Address, Account), Malformed>> + 'a {
        self.accounts.iter(from).map(|row| {
            let (address, account) = row?;
            let address = Address::try_from(address.as_slice());
            Ok((address.map_err(|_| Malformed { table: self.accounts.name().clone() })?, account))
        })
    }

    /// All slots that are not zero: account, slot, value.
    pub fn slots<'a>(
        &'a self,
        from: &'a impl Reader,
    ) -> impl Iterator<Item = Result<(Address, U256, U256), Malformed>> + 'a {
        self.storage.iter(from).map(|row| {
            let (place, Slot(value)) = row?;
            let malformed = || Malformed { table: self.storage.name().clone() };
            let (address, slot) = read_place(&place).ok_or_else(malformed)?;
            Ok((address, slot, value))
        })
    }

    /// Code by its Keccak-256. That of nothing is nothing.
    ///
    /// # Errors
    /// If there is no such code.
    pub fn code(&self, from: &impl Reader, hash: &B256) -> Result<Bytes, Malformed> {
        if *hash == KECCAK_EMPTY {
            return Ok(Bytes::new());
        }
        let code = self.code.get(from, hash.as_slice())?;
        code.map(Bytes::from).ok_or_else(|| Malformed { table: self.code.name().clone() })
    }

    /// The value of a slot of an account.
    ///
    /// # Errors
    /// If the row is none.
    pub fn slot(&self, from: &impl Reader, address: &Address, slot: &U256) -> Result<U256, Malformed> {
        let value = self.storage.get(from, place(address, slot).as_slice())?;
        Ok(value.map_or(U256::ZERO, |Slot(value)| value))
    }

    /// Writes an account; one that is like one that nobody has used is removed.
    pub(crate) fn put_account(&self, tx: &mut Tx, address: &Address, account: &Account) {
        if account.is_empty() {
            self.accounts.remove(tx, address.as_slice());
        } else {
            self.accounts.put(tx, address.as_slice(), account);
        }
    }

    /// Writes code, and returns its Keccak-256.
    pub(crate) fn put_code(&self, tx: &mut Tx, code: &[u8]) -> B256 {
        let hash = alloy_primitives::keccak256(code);
        if hash != KECCAK_EMPTY && !self.code.has(tx, hash.as_slice()) {
            self.code.put(tx, hash.as_slice(), &code.to_vec());
        }
        hash
    }

    /// Writes a slot; zero is no row.
    pub(crate) fn put_slot(&self, tx: &mut Tx, address: &Address, slot: &U256, value: U256) {
        let place = place(address, slot);
        if value.is_zero() {
            self.storage.remove(tx, place.as_slice());
        } else {
            self.storage.put(tx, place.as_slice(), &Slot(value));
        }
    }

    /// Writes what a transaction changed, and no more. `keeps_empty` is for forks before Spurious Dragon, where accounts that
    /// nobody has used exist once they were touched.
    pub(crate) fn apply(&self, tx: &mut Tx, changes: &EvmState, keeps_empty: bool) -> Result<(), Malformed> {
        // In the order of addresses, so that equal executions write equal bytes.
        let mut changes: Vec<(&Address, &Changed)> =
            changes.iter().filter(|(_, changed)| changed.is_touched()).collect();
        changes.sort_unstable_by_key(|(address, _)| **address);
        for (address, changed) in changes {
            let before = self.account(tx, address)?;
            let info = &changed.info;
            let after = Account { nonce: info.nonce, balance: info.balance, code_hash: info.code_hash };
            if changed.is_selfdestructed() || (after.is_empty() && !keeps_empty) {
                // With its storage: a contract that is created there later begins without.
                if before.is_some() {
                    self.accounts.remove(tx, address.as_slice());
                    self.clear_storage(tx, address);
                }
                continue;
            }
            if before != Some(after) {
                self.accounts.put(tx, address.as_slice(), &after);
            }
            if let (true, Some(code)) = (before.is_none_or(|it| it.code_hash != after.code_hash), &info.code)
            {
                self.put_code(tx, code.original_byte_slice());
            }
            let mut slots: Vec<(&U256, U256)> =
                changed.changed_storage_slots().map(|(slot, value)| (slot, value.present_value())).collect();
            slots.sort_unstable();
            for (slot, value) in slots {
                self.put_slot(tx, address, slot, value);
            }
        }
        Ok(())
    }

    fn clear_storage(&self, tx: &mut Tx, address: &Address) {
        let first = place(address, &U256::ZERO);
        let last = place(address, &U256::MAX);
        let bounds = (Bound::Included(&first[..]), Bound::Included(&last[..]));
        let table = self.storage.name().clone();
        let mut slots = Vec::new();
        tx.for_each(&table, bounds, Order::Ascending, |_, key, _| {
            slots.push(key.to_vec());
            std::ops::ControlFlow::Continue(())
        });
        for slot in slots {
            self.storage.remove(tx, slot.as_slice());
        }
    }
}

/// The key of a slot's row.
fn place(address: &Address, slot: &U256) -> [u8; 52] {
    let mut place = [0; 52];
    place[..20].copy_from_slice(address.as_slice());
    place[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    place
}

/// What the key of a slot's row names: account and slot.
#[must_use]
pub fn read_place(place: &[u8]) -> Option<(Address, U256)> {
    let (address, slot) = place.split_first_chunk::<20>()?;
    let slot = <[u8; 32]>::try_from(slot).ok()?;
    Some((address.into(), U256::from_be_bytes(slot)))
}

#[cfg(test)]
mod tests;
