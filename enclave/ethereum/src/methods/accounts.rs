//! Accounts, code and storage.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, b256};
use serde_json::{Value, json};

use super::Reading;
use crate::{
    hex::{data, quantity, read_address},
    rpc::{Params, RpcError, read_slot},
};

/// Slots by which a proxy says what it stands for: implementation, administrator, beacon (EIP-1967). Tools read them.
const PUBLIC_SLOTS: [B256; 3] = [
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
    b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"),
    b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
];

/// Most slots that one request asks for, as in geth.
const MAX_SLOTS: usize = 1_024;

type Answer = Result<Value, RpcError>;

pub(super) fn balance(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    reading.state_at(params.block(1)?)?;
    if !reading.viewer.sees_balance(&address) {
        return Ok(quantity(0_u64));
    }
    let account = reading.tables.world.account(reading.state, &address)?;
    Ok(quantity(account.map(|account| account.balance).unwrap_or_default()))
}

/// How many transactions an account sent: everybody may know, since whoever signs the next one has to.
pub(super) fn nonce(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    reading.state_at(params.block(1)?)?;
    let account = reading.tables.world.account(reading.state, &address)?;
    Ok(quantity(account.map(|account| account.nonce).unwrap_or_default()))
}

pub(super) fn code(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let address = params.address(0)?;
    reading.state_at(params.block(1)?)?;
    let world = &reading.tables.world;
    match world.account(reading.state, &address)? {
        Some(account) => Ok(data(world.code(reading.state, &account.code_hash)?)),
        None => Ok(data([])),
    }
}

pub(super) fn storage(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let (address, slot) = (params.address(0)?, params.slot(1)?);
    reading.state_at(params.block(2)?)?;
    slot_of(reading, &address, &slot)
}

/// What an account has, in one answer.
pub(super) fn info(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    Ok(json!({
        "balance": balance(reading, params)?,
        "nonce": nonce(reading, params)?,
        "code": code(reading, params)?,
    }))
}

/// Slots of several accounts: by account, in the order in which they are asked for.
pub(super) fn storage_values(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let asked: BTreeMap<String, Vec<String>> = params.required(0)?;
    reading.state_at(params.block(1)?)?;
    let count: usize = asked.values().map(Vec::len).sum();
    if count > MAX_SLOTS {
        return Err(RpcError::params(format!("too many slots (max {MAX_SLOTS})")));
    }
    let wrong = |why| RpcError::params(format!("invalid argument 0: {why}"));
    let values = asked.into_iter().map(|(address, slots)| {
        let account = read_address(&address).map_err(wrong)?;
        let slots = slots.iter().map(|slot| slot_of(reading, &account, &read_slot(slot).map_err(wrong)?));
        Ok((address, Value::Array(slots.collect::<Result<_, RpcError>>()?)))
    });
    values.collect()
}

/// A slot, if it is shown.
fn slot_of(reading: &Reading<'_>, account: &Address, slot: &U256) -> Answer {
    let shown = reading.viewer.sees_all() || PUBLIC_SLOTS.contains(&(*slot).into());
    let value = if shown { reading.tables.world.slot(reading.state, account, slot)? } else { U256::ZERO };
    Ok(data(value.to_be_bytes::<32>()))
}
