//! The world state as the virtual machine asks for it.

use alloy_primitives::{Address, B256, Bytes, U256};
use coco_kv::{Malformed, Reader};
use revm::{
    bytecode::Bytecode,
    database_interface::{DBErrorMarker, Database},
    state::AccountInfo,
};

use crate::World;

/// A row of the world state that cannot be read: the ledger has something else than this program writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Corrupt(#[from] Malformed);

impl DBErrorMarker for Corrupt {}

/// What is read during an execution.
pub(crate) struct View<'a, R> {
    pub(crate) world: &'a World,
    pub(crate) from: &'a R,
    /// Hashes of earlier blocks by number; zero for those that are not known.
    pub(crate) block_hash: &'a dyn Fn(u64) -> B256,
}

impl<R: Reader> Database for View<'_, R> {
    type Error = Corrupt;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Corrupt> {
        let account = self.world.account(self.from, &address)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: None,
            account_id: None,
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Corrupt> {
        Ok(bytecode(self.world.code(self.from, &code_hash)?))
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Corrupt> {
        Ok(self.world.slot(self.from, &address, &index)?)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Corrupt> {
        Ok((self.block_hash)(number))
    }
}

/// Code as the machine has it. What begins like a delegation (EIP-7702) and is none is code like any other, which halts: a
/// genesis or an old fork may have it.
pub(crate) fn bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}
