//! By which rules a block is executed: the fork that is in force, the chain, and whether gas costs anything.

use revm::{context::CfgEnv, primitives::hardfork::SpecId};

pub use revm::primitives::hardfork::SpecId as Fork;

/// Most gas of a transaction from Osaka on (EIP-7825).
pub const MAX_TRANSACTION_GAS: u64 = 1 << 24;

/// When forks come into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// By the number of the block, the latest last.
    pub(crate) by_number: Vec<(u64, SpecId)>,
    /// By its time, in seconds, the latest last; only once all of the others are in force.
    pub(crate) by_time: Vec<(u64, SpecId)>,
}

/// Whether senders pay for gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fees {
    /// Nobody pays, whatever a transaction offers: accounts need no balance. Gas is metered all the same.
    Free,
    /// As in public networks.
    Charged,
}

/// The rules of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Transactions name it.
    pub chain_id: u64,
    /// The fork that is in force.
    pub fork: SpecId,
    /// Whether senders pay for gas.
    pub fees: Fees,
    /// Most gas of a transaction, in place of the fork's own limit (EIP-7825).
    pub max_gas: Option<u64>,
}

impl Schedule {
    /// The fork that is in force in a block.
    #[must_use]
    pub fn fork(&self, number: u64, time_s: u64) -> SpecId {
        let in_force = |forks: &[(u64, SpecId)], at: u64| {
            forks.iter().rev().find(|(from, _)| *from <= at).map(|(_, fork)| *fork)
        };
        let by_number = in_force(&self.by_number, number).unwrap_or(SpecId::FRONTIER);
        in_force(&self.by_time, time_s).map_or(by_number, |by_time| by_time.max(by_number))
    }
}

impl Rules {
    pub(crate) fn configuration(&self) -> CfgEnv {
        let mut configuration = CfgEnv::new_with_spec(self.fork).with_chain_id(self.chain_id);
        configuration.tx_gas_limit_cap = self.max_gas.or(configuration.tx_gas_limit_cap);
        configuration
    }
}
