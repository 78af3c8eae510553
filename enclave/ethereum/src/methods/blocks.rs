//! Blocks, with what of them the viewer sees.

use alloy_primitives::{B256, Bloom, logs_bloom};
use serde_json::Value;

use super::{Reading, View, transactions::Placed};
use crate::{
    hex::{data, quantity},
    records::Block,
    render,
    rpc::{BlockId, Params, RpcError},
};

type Answer = Result<Value, RpcError>;

pub(super) fn number(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(reading.head()?.number))
}

pub(super) fn by_number(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    shown(reading, params.block(0)?, params.optional(1)?.unwrap_or_default())
}

pub(super) fn by_hash(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    shown(reading, BlockId::Hash(params.hash(0)?), params.optional(1)?.unwrap_or_default())
}

pub(super) fn count(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let Some((block, hash)) = reading.block(params.block(0)?)? else { return Ok(Value::Null) };
    Ok(quantity(reading.listed(&block, hash)?.len() as u64))
}

pub(super) fn receipts(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let Some((block, hash)) = reading.block(params.block(0)?)? else { return Ok(Value::Null) };
    Ok(reading.listed(&block, hash)?.iter().map(|placed| placed.receipt(reading)).collect())
}

pub(super) fn no_uncles(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    Ok(match reading.block(params.block(0)?)? {
        Some(_) => quantity(0_u64),
        None => Value::Null,
    })
}

pub(super) fn no_uncle(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(Value::Null)
}

/// A block; `whole` has its transactions shown, and not only their hashes.
fn shown(reading: &Reading<'_>, id: BlockId, whole: bool) -> Answer {
    let Some((block, hash)) = reading.block(id)? else { return Ok(Value::Null) };
    let listed = reading.listed(&block, hash)?;
    let transactions: Vec<Value> = if whole {
        listed.iter().filter_map(|placed| placed.transaction(reading)).collect()
    } else {
        listed.iter().map(|placed| data(placed.envelope.tx_hash())).collect()
    };
    let bloom = bloom(reading, &block, &listed);
    Ok(render::block(&block, hash, bloom, transactions))
}

impl View<'_> {
    /// The transactions of a block that the viewer is a party of.
    pub(crate) fn listed(&self, block: &Block, hash: B256) -> Result<Vec<Placed>, RpcError> {
        let mut listed = Vec::new();
        if !self.viewer.sees_anything() {
            return Ok(listed);
        }
        for index in 0..block.transactions.len() {
            if let Some(placed) = self.placed_at(block, hash, index)?
                && placed.is_listed(self)
            {
                listed.push(placed);
            }
        }
        Ok(listed)
    }
}

/// The filter of the logs that the viewer sees.
fn bloom(reading: &Reading<'_>, block: &Block, listed: &[Placed]) -> Bloom {
    if reading.viewer.sees_all() {
        return block.header.logs_bloom;
    }
    logs_bloom(listed.iter().flat_map(|placed| {
        let to = placed.to();
        placed.record.logs.iter().filter(move |log| reading.viewer.sees_log(&placed.record, to.as_ref(), log))
    }))
}
