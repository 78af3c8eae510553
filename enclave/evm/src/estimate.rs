//! How much gas a transaction should be given (go-ethereum, `eth/gasestimator`).

use alloy_primitives::U256;
use coco_kv::Reader;
use revm::{
    Database as _,
    context::{
        Cfg as _,
        result::{HaltReason, InvalidTransaction},
    },
    primitives::KECCAK_EMPTY,
};

use crate::{Call, Execution, Outcome, Refused, Simulation};

/// Gas of a transfer between accounts without code.
const TRANSFER_GAS: u64 = 21_000;

/// Gas that is added to a call with a value.
const STIPEND: u64 = 2_300;

/// An estimate may be so many thousandths too high.
const ERROR_THOUSANDTHS: u64 = 15;

/// Most executions of one estimate: a search halves, or at worst doubles, 64 bits.
const MAX_EXECUTIONS: usize = 130;

/// Why there is no estimate.
#[derive(Debug, thiserror::Error)]
pub enum Unestimable {
    /// It cannot be executed at all.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The caller does not have the value that it is to send.
    #[error("insufficient funds for transfer")]
    Funds,
    /// It fails with as much gas as it may have, and not for want of gas: it reverted or halted.
    #[error("execution failed")]
    Failed(Outcome),
    /// It wants more gas than it may have.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
}

impl<R: Reader> Simulation<'_, R> {
    /// The least gas, but for 1.5 in a hundred, with which a call succeeds.
    ///
    /// # Errors
    /// See [`Unestimable`].
    pub fn estimate(&self, call: &Call) -> Result<u64, Unestimable> {
        let mut most = self.most(call)?;
        if self.is_transfer(call)? && most >= TRANSFER_GAS {
            // What the block refuses here is told of below.
            let found = self.run(call, TRANSFER_GAS);
            if found.is_ok_and(|found| found.is_success()) {
                return Ok(TRANSFER_GAS);
            }
        }
        let Some(found) = self.attempt(call, most)? else { return Err(Unestimable::Allowance(most)) };
        let mut least = found.gas_used.saturating_sub(1);
        // Calls within calls get 63 of 64 parts.
        let optimistic = (u128::from(found.max_gas_used) + u128::from(STIPEND)) * 64 / 63;
        let optimistic = u64::try_from(optimistic).unwrap_or(u64::MAX);
        let mut next = (optimistic < most).then_some(optimistic);
        for _ in 0..MAX_EXECUTIONS {
            let close = u128::from(most - least) * 1000 < u128::from(most) * u128::from(ERROR_THOUSANDTHS);
            if next.is_none() && (least.saturating_add(1) >= most || close) {
                break;
            }
            // Most transactions want little more than they use.
            let middle = least.midpoint(most).min(least.saturating_mul(2).max(least + 1));
            let gas = next.take().unwrap_or(middle);
            if self.succeeds(call, gas)? { most = gas } else { least = gas }
        }
        Ok(most)
    }

    /// Most gas that a call may have: its own limit or the block's, what the caller can pay for, and the node's limit.
    fn most(&self, call: &Call) -> Result<u64, Unestimable> {
        let mut most = call.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(self.block.max_gas);
        most = most.min(self.rules.configuration().tx_gas_limit_cap());
        if let Some(price) = call.max_price(self.rules.fees) {
            let account = self.state().basic(call.from).map_err(Refused::from)?;
            let balance = account.map_or(U256::ZERO, |account| account.balance);
            let rest = balance.checked_sub(call.value).ok_or(Unestimable::Funds)?;
            most = most.min(u64::try_from(rest / U256::from(price)).unwrap_or(u64::MAX));
        }
        Ok(most.min(self.max_gas))
    }

    fn is_transfer(&self, call: &Call) -> Result<bool, Refused> {
        let Some(to) = call.to.filter(|_| call.data.is_empty()) else { return Ok(false) };
        let account = self.state().basic(to)?;
        Ok(account.is_none_or(|account| account.code_hash == KECCAK_EMPTY))
    }

    /// None for want of gas.
    fn attempt(&self, call: &Call, gas: u64) -> Result<Option<Execution>, Unestimable> {
        match self.run(call, gas) {
            Ok(found) if found.is_success() => Ok(Some(found)),
            Ok(Execution { outcome: Outcome::Halted(HaltReason::OutOfGas(_)), .. }) => Ok(None),
            Ok(found) => Err(Unestimable::Failed(found.outcome)),
            Err(refused) if lacks_gas(&refused) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether so much gas is enough; a failure of whatever kind is taken for want of it.
    fn succeeds(&self, call: &Call, gas: u64) -> Result<bool, Refused> {
        match self.run(call, gas) {
            Ok(found) => Ok(found.is_success()),
            Err(refused) if lacks_gas(&refused) => Ok(false),
            Err(refused) => Err(refused),
        }
    }
}

fn lacks_gas(refused: &Refused) -> bool {
    let Refused::Invalid(why) = refused else { return false };
    matches!(
        why,
        InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
            | InvalidTransaction::GasFloorMoreThanGasLimit { .. }
    )
}

#[cfg(test)]
mod tests;
