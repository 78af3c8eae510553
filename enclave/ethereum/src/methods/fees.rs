//! What gas costs.

use serde_json::{Value, json};

use super::Reading;
use crate::{
    hex::quantity,
    rpc::{Params, RpcError},
};

/// Most blocks of which the fees are told at a time, as in geth.
const MAX_BLOCKS: u64 = 1_024;
/// Most percentiles.
const MAX_PERCENTILES: usize = 100;

type Answer = Result<Value, RpcError>;

pub(super) fn price(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(reading.chain.network.price()))
}

pub(super) fn base_fee(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(reading.chain.network.price()))
}

/// Nobody has to be made to prefer a transaction.
pub(super) fn tip(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(0_u64))
}

/// Blobs are not stored: they have no price.
pub(super) fn blob_base_fee(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(0_u64))
}

pub(super) fn history(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let asked = params.number(0)?;
    let newest = reading.block(params.block(1)?)?;
    let percentiles: Vec<f64> = params.optional(2)?.unwrap_or_default();
    let Some((newest, _)) = newest else { return Err(RpcError::refused("request beyond head block")) };
    if percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::refused(format!("at most {MAX_PERCENTILES} percentiles")));
    }
    let in_order = percentiles.windows(2).all(|pair| pair[0] <= pair[1]);
    if !in_order || percentiles.iter().any(|it| !(0.0..=100.0).contains(it)) {
        return Err(RpcError::refused("invalid reward percentile"));
    }
    let first = reading.chain.genesis.header.number;
    let newest = newest.header.number;
    let count = asked.min(MAX_BLOCKS).min(newest - first + 1);
    if count == 0 {
        return Ok(json!({ "oldestBlock": "0x0", "gasUsedRatio": [] }));
    }
    let oldest = newest + 1 - count;
    let mut ratios = Vec::new();
    let mut prices = Vec::new();
    for number in oldest..=newest {
        let Some(block) = reading.tables.block(reading.state, number)? else { continue };
        // How busy others are is theirs.
        let used = if reading.viewer.sees_all() { block.header.gas_used } else { 0 };
        ratios.push(used as f64 / block.header.gas_limit.max(1) as f64);
        prices.push(quantity(block.header.base_fee_per_gas.unwrap_or_default()));
    }
    prices.push(quantity(reading.chain.network.price()));
    let zeros = |len: usize| vec![quantity(0_u64); len];
    let mut history = json!({
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": prices,
        "gasUsedRatio": ratios,
        "baseFeePerBlobGas": zeros(ratios.len() + 1),
        "blobGasUsedRatio": vec![0; ratios.len()],
    });
    if !percentiles.is_empty() {
        history["reward"] = vec![zeros(percentiles.len()); ratios.len()].into();
    }
    Ok(history)
}
