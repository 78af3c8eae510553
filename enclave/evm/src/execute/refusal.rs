//! Refusals in the words of geth (go-ethereum, `core/error.go` and `core/txpool/errors.go`), which tools look for.

use alloy_primitives::U256;
use revm::context::result::InvalidTransaction as Invalid;

pub(super) fn said(why: &Invalid) -> String {
    match why {
        Invalid::NonceTooLow { tx, state } => format!("nonce too low: next nonce {state}, tx nonce {tx}"),
        Invalid::NonceTooHigh { tx, state } => format!("nonce too high: next nonce {state}, tx nonce {tx}"),
        Invalid::NonceOverflowInTransaction => "nonce has max value".to_owned(),
        Invalid::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
            format!("intrinsic gas too low: gas {gas_limit}, minimum needed {initial_gas}")
        }
        Invalid::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
            format!("insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}")
        }
        Invalid::LackOfFundForMaxFee { fee, balance } => insufficient(**balance, **fee),
        Invalid::OverflowPaymentInTransaction => "insufficient funds for gas * price + value".to_owned(),
        Invalid::CallerGasLimitMoreThanBlock => "exceeds block gas limit".to_owned(),
        Invalid::TxGasLimitGreaterThanCap { gas_limit, cap } => {
            format!("transaction gas limit too high (cap: {cap}, tx: {gas_limit})")
        }
        Invalid::GasPriceLessThanBasefee => "max fee per gas less than block base fee".to_owned(),
        Invalid::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".to_owned()
        }
        Invalid::RejectCallerWithCode => "sender not an eoa".to_owned(),
        Invalid::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        Invalid::EmptyAuthorizationList => "EIP-7702 transaction with empty auth list".to_owned(),
        Invalid::AuthorizationListInvalidFields => {
            "EIP-7702 transaction cannot be used to create contract".to_owned()
        }
        Invalid::InvalidChainId => "invalid chain id for signer".to_owned(),
        Invalid::Eip2930NotSupported
        | Invalid::Eip1559NotSupported
        | Invalid::Eip4844NotSupported
        | Invalid::Eip7702NotSupported
        | Invalid::AccessListNotSupported
        | Invalid::AuthorizationListNotSupported => "transaction type not supported".to_owned(),
        other => other.to_string(),
    }
}

fn insufficient(balance: U256, cost: U256) -> String {
    let overshoot = cost.saturating_sub(balance);
    format!(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshoot {overshoot}"
    )
}
