//! Executing a transaction on the world state.

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use coco_kv::Tx;
use revm::{
    Database, ExecuteEvm as _, MainBuilder as _,
    context::{
        BlockEnv, Context, Journal,
        result::{EVMError, ExecutionResult, HaltReason, InvalidHeader, InvalidTransaction, Output},
    },
    handler::MainnetContext,
    primitives::hardfork::SpecId,
};

pub use crate::database::Corrupt;
use crate::{Rules, Verified, World, database::View, random::Precompiled};

/// What a block says to the transactions in it.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// Its number.
    pub number: u64,
    /// When it was begun, in seconds since 1970.
    pub time_s: u64,
    /// Who is paid for gas.
    pub beneficiary: Address,
    /// Most gas of all of its transactions.
    pub max_gas: u64,
    /// What a unit of gas costs at least, in wei.
    pub base_fee: u64,
    /// A random number from the enclave (`PREVRANDAO`); before the merge, the difficulty.
    pub random: B256,
    /// Secret of which random bytes of one transaction come ([`crate::random`]), another for each and never that of a
    /// simulation. The same seed gives the same bytes. None: there is no such contract.
    pub seed: Option<B256>,
    /// Hashes of earlier blocks by number; zero for those that are not known.
    pub hash_of: &'a dyn Fn(u64) -> B256,
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// How it ended.
    pub outcome: Outcome,
    /// The gas that it used, less what it is given back.
    pub gas_used: u64,
    /// The most gas that it had used at any time: before any was given back.
    pub max_gas_used: u64,
    /// What contracts logged; nothing if it failed.
    pub logs: Vec<Log>,
}

/// How a transaction ended. Its nonce is used however that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It called, and this was returned.
    Called(Bytes),
    /// It created a contract.
    Created {
        /// Where.
        address: Address,
        /// Its code.
        code: Bytes,
    },
    /// It undid itself, and says why.
    Reverted(Bytes),
    /// It did what nothing may do; all of its gas is used.
    Halted(Halted),
}

/// Why all gas is used.
pub type Halted = HaltReason;

/// Why a transaction is not executed. Nothing is changed by it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// By the rules of the chain.
    #[error("{}", refusal::said(.0))]
    Invalid(InvalidTransaction),
    /// The block lacks what its fork wants.
    #[error("{0}")]
    Block(InvalidHeader),
    /// The world state cannot be read.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The machine itself.
    #[error("{0}")]
    Machine(String),
}

impl Execution {
    /// Whether it did what it was sent for.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.outcome, Outcome::Called(_) | Outcome::Created { .. })
    }
}

impl From<EVMError<Corrupt>> for Refused {
    fn from(error: EVMError<Corrupt>) -> Self {
        match error {
            EVMError::Transaction(reason) => Self::Invalid(reason),
            EVMError::Header(reason) => Self::Block(reason),
            EVMError::Database(reason) => Self::Corrupt(reason),
            other => Self::Machine(other.to_string()),
        }
    }
}

impl World {
    /// Executes a transaction, and writes what it changes.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn execute(
        &self,
        tx: &mut Tx,
        rules: &Rules,
        block: &Block<'_>,
        transaction: &Verified,
    ) -> Result<Execution, Refused> {
        let view = View { world: self, from: &*tx, block_hash: block.hash_of };
        let machine = context(view, rules, block).build_mainnet();
        let mut machine = machine.with_precompiles(Precompiled::new(rules.fork, block.seed));
        let found = machine.transact(transaction.environment(rules.fees))?;
        drop(machine);
        let keeps_empty = rules.fork < SpecId::SPURIOUS_DRAGON;
        self.apply(tx, &found.state, keeps_empty).map_err(Corrupt::from)?;
        Ok(found.result.into())
    }
}

/// What a machine knows before it is sent anything.
pub(crate) fn context<D: Database>(state: D, rules: &Rules, block: &Block<'_>) -> MainnetContext<D> {
    let mut context: Context<BlockEnv, _, _, _, Journal<_>, ()> = Context::new(state, rules.fork);
    context.cfg = rules.configuration();
    context.block = block.environment();
    context
}

impl Block<'_> {
    fn environment(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.time_s),
            gas_limit: self.max_gas,
            basefee: self.base_fee,
            difficulty: self.random.into(),
            prevrandao: Some(self.random),
            ..BlockEnv::default()
        }
    }
}

impl From<ExecutionResult> for Execution {
    fn from(result: ExecutionResult) -> Self {
        let gas = result.gas();
        let (gas_used, max_gas_used) = (gas.tx_gas_used(), gas.total_gas_spent().max(gas.floor_gas()));
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                let outcome = match output {
                    Output::Create(code, Some(address)) => Outcome::Created { address, code },
                    Output::Create(output, None) | Output::Call(output) => Outcome::Called(output),
                };
                Self { outcome, gas_used, max_gas_used, logs }
            }
            ExecutionResult::Revert { output, .. } => {
                Self { outcome: Outcome::Reverted(output), gas_used, max_gas_used, logs: Vec::new() }
            }
            ExecutionResult::Halt { reason, .. } => {
                Self { outcome: Outcome::Halted(reason), gas_used, max_gas_used, logs: Vec::new() }
            }
        }
    }
}

mod refusal;

#[cfg(test)]
mod tests;
