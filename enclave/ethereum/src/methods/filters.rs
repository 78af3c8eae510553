//! Methods of filters.

use serde_json::Value;

use super::{Reading, logs::Filter};
use crate::{
    filters::{Kept, What},
    hex::{data, quantity, read_quantity},
    rpc::{BlockId, Params, RpcError},
};

type Answer = Result<Value, RpcError>;

pub(super) fn of_logs(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let filter = Filter::read(params.json(0).unwrap_or("{}"))?;
    let from = match filter.from {
        BlockId::Number(from) => Some(from),
        BlockId::First => Some(reading.chain.genesis.header.number),
        _ => None,
    };
    add(reading, What::Logs(filter.into()), from)
}

pub(super) fn of_blocks(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    add(reading, What::Blocks, None)
}

/// What is not committed is shown to nobody: these are transactions of new blocks.
pub(super) fn of_transactions(reading: &Reading<'_>, _: &Params<'_>) -> Answer {
    add(reading, What::Transactions, None)
}

/// What is new since the last time.
pub(super) fn changes(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let head = reading.head()?.number;
    let id = id(params)?;
    let kept = reading.filters.tell(id, head, reading.services.now_ms()).ok_or_else(unknown)?;
    if kept.next > head {
        return Ok(Value::Array(Vec::new()));
    }
    found(reading, &kept, kept.next, head)
}

/// All that a filter of logs asks for.
pub(super) fn logs(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let kept = reading.filters.get(id(params)?).ok_or_else(unknown)?;
    let What::Logs(filter) = &kept.what else { return Err(unknown()) };
    let head = reading.head()?.number;
    let number = |id| match id {
        BlockId::Number(number) => number,
        BlockId::First => reading.chain.genesis.header.number,
        BlockId::Head | BlockId::Hash(_) => head,
    };
    found(reading, &kept, number(filter.from), number(filter.to))
}

pub(super) fn remove(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    Ok(reading.filters.remove(id(params)?).into())
}

fn add(reading: &Reading<'_>, what: What, from: Option<u64>) -> Answer {
    let mut bytes = [0; 16];
    reading.services.fill_random(&mut bytes);
    let id = u128::from_be_bytes(bytes);
    let next = reading.head()?.number + 1;
    reading.filters.add(id, what, from.unwrap_or(next), reading.services.now_ms())?;
    Ok(quantity(id))
}

fn found(reading: &Reading<'_>, kept: &Kept, from: u64, to: u64) -> Answer {
    if let What::Logs(filter) = &kept.what {
        return reading.logs(filter, from, to).map(Value::Array);
    }
    let mut hashes = Vec::new();
    for number in from..=to {
        let Some((block, hash)) = reading.block(BlockId::Number(number))? else { continue };
        match &kept.what {
            What::Blocks => hashes.push(data(hash)),
            _ => hashes.extend(reading.listed(&block, hash)?.iter().map(|it| data(it.envelope.tx_hash()))),
        }
    }
    Ok(Value::Array(hashes))
}

fn id(params: &Params<'_>) -> Result<u128, RpcError> {
    let text: String = params.required(0)?;
    let id = read_quantity(&text).map_err(|why| RpcError::params(format!("invalid argument 0: {why}")))?;
    id.try_into().map_err(|_| unknown())
}

fn unknown() -> RpcError {
    RpcError::refused("filter not found")
}
