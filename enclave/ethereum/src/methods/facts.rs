//! What is the same for everybody.

use alloy_primitives::keccak256;
use serde_json::{Value, json};

use super::Reading;
use crate::{
    hex::{data, quantity},
    rpc::{Params, RpcError},
};

type Answer = Result<Value, RpcError>;

pub(super) fn chain_id(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(reading.chain.genesis.chain_id))
}

pub(super) fn network(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(reading.chain.genesis.chain_id.to_string().into())
}

pub(super) fn version(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(concat!("Coco/v", env!("CARGO_PKG_VERSION")).into())
}

pub(super) fn keccak(_: &Reading<'_>, params: &Params<'_>) -> Answer {
    Ok(data(keccak256(params.data(0)?)))
}

pub(super) fn listening(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(true.into())
}

/// Nodes of the service are none of the peers that Ethereum's nodes have.
pub(super) fn no_peers(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(quantity(0_u64))
}

pub(super) fn not_syncing(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(false.into())
}

/// Nodes have no keys of accounts.
pub(super) fn no_accounts(_: &Reading<'_>, _: &Params<'_>) -> Answer {
    Ok(json!([]))
}
