//! What a block does before its transactions: contracts of the system are told of the blocks before.

use alloy_primitives::{Address, B256, address};
use coco_kv::Tx;
use revm::{
    MainBuilder as _, SystemCallEvm as _,
    primitives::{KECCAK_EMPTY, hardfork::SpecId},
};

use crate::{
    Block, Refused, Rules, World,
    database::View,
    execute::{Corrupt, context},
    random::Precompiled,
};

/// The contract that has hashes of earlier blocks (EIP-2935).
pub const HISTORY: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");

/// The contract that has roots of the beacon chain (EIP-4788).
pub const BEACON_ROOTS: Address = address!("0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02");

impl World {
    /// Begins a block: where its fork has them and somebody has put them there, tells [`HISTORY`] the hash of the block
    /// before, and [`BEACON_ROOTS`] the root of the beacon chain, which is zero in networks that have none.
    ///
    /// # Errors
    /// If the world state cannot be read, or by the machine itself. That such a contract fails is none.
    pub fn begin_block(
        &self,
        tx: &mut Tx,
        rules: &Rules,
        block: &Block<'_>,
        parent: B256,
        beacon_root: B256,
    ) -> Result<(), Refused> {
        let told = [(SpecId::CANCUN, BEACON_ROOTS, beacon_root), (SpecId::PRAGUE, HISTORY, parent)];
        for (since, contract, word) in told {
            if rules.fork >= since {
                self.tell(tx, rules, block, contract, word)?;
            }
        }
        Ok(())
    }

    fn tell(
        &self,
        tx: &mut Tx,
        rules: &Rules,
        block: &Block<'_>,
        contract: Address,
        word: B256,
    ) -> Result<(), Refused> {
        let account = self.account(tx, &contract).map_err(Corrupt::from)?;
        if account.is_none_or(|account| account.code_hash == KECCAK_EMPTY) {
            return Ok(());
        }
        let view = View { world: self, from: &*tx, block_hash: block.hash_of };
        let machine = context(view, rules, block).build_mainnet();
        let mut machine = machine.with_precompiles(Precompiled::new(rules.fork, None));
        let found = machine.system_call(contract, word.0.into())?;
        drop(machine);
        self.apply(tx, &found.state, false).map_err(Corrupt::from)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
