//! Transactions and their receipts.

use alloy_primitives::B256;
use serde_json::Value;

use super::{Reading, View};
use crate::{
    records::{Block, Record},
    render::{self, Position},
    rpc::{Params, RpcError},
};

type Answer = Result<Value, RpcError>;

/// A transaction where it is.
pub(crate) struct Placed {
    pub(super) record: Record,
    pub(crate) envelope: alloy_consensus::TxEnvelope,
    pub(super) at: Position,
}

impl Placed {
    /// Whether the viewer is a party of it in any way.
    pub(crate) fn is_listed(&self, view: &View<'_>) -> bool {
        view.viewer.is_party(&self.record, self.to().as_ref())
    }

    pub(crate) fn to(&self) -> Option<alloy_primitives::Address> {
        alloy_consensus::Transaction::to(&self.envelope)
    }

    /// The transaction, if the viewer sees it.
    pub(crate) fn transaction(&self, view: &View<'_>) -> Option<Value> {
        let sees = view.viewer.sees_transaction(&self.record, self.to().as_ref());
        sees.then(|| render::transaction(&self.record, &self.envelope, &self.at))
    }

    /// Its receipt with the logs that the viewer sees; less if it is none of theirs.
    pub(super) fn receipt(&self, view: &View<'_>) -> Value {
        let to = self.to();
        let viewer = &view.viewer;
        let sees = |log: &_| viewer.sees_log(&self.record, to.as_ref(), log);
        if viewer.sees_transaction(&self.record, to.as_ref()) {
            return render::receipt(&self.record, &self.envelope, &self.at, &sees);
        }
        let mut receipt = render::minimal_receipt(&self.record, &self.envelope, &self.at);
        let logs = (0..).zip(&self.record.logs).filter(|(_, log)| sees(log));
        let hash = *self.envelope.tx_hash();
        receipt["logs"] = logs.map(|(index, log)| render::log(log, hash, &self.at, index)).collect();
        receipt
    }
}

impl View<'_> {
    /// A transaction that is in a block.
    pub(super) fn placed(&self, hash: &B256) -> Result<Option<Placed>, RpcError> {
        let Some(record) = self.tables.transaction(self.state, hash)? else { return Ok(None) };
        let Some(block) = self.tables.block(self.state, record.block)? else { return Ok(None) };
        let Some(index) = block.transactions.iter().position(|place| place.hash == *hash) else {
            return Ok(None);
        };
        Ok(place(record, &block, block.header.hash_slow(), index))
    }

    /// The transaction at an index of a block.
    pub(super) fn placed_at(
        &self,
        block: &Block,
        hash: B256,
        index: usize,
    ) -> Result<Option<Placed>, RpcError> {
        let Some(at) = block.transactions.get(index) else { return Ok(None) };
        let record = self.tables.transaction(self.state, &at.hash)?;
        Ok(record.and_then(|record| place(record, block, hash, index)))
    }
}

fn place(record: Record, block: &Block, hash: B256, index: usize) -> Option<Placed> {
    let envelope = record.envelope()?;
    Some(Placed { at: Position::of(block, hash, index), envelope, record })
}

pub(super) fn by_hash(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let placed = reading.placed(&params.hash(0)?)?;
    Ok(placed.and_then(|placed| placed.transaction(reading)).unwrap_or_default())
}

/// The index counts the transactions that the viewer is a party of.
pub(super) fn by_index(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let index = usize::try_from(params.number(1)?).unwrap_or(usize::MAX);
    let Some((block, hash)) = reading.block(params.block(0)?)? else { return Ok(Value::Null) };
    let mut seen = 0;
    for at in 0..block.transactions.len() {
        let Some(placed) = reading.placed_at(&block, hash, at)? else { continue };
        if placed.is_listed(reading) {
            if seen == index {
                return Ok(placed.transaction(reading).unwrap_or_default());
            }
            seen += 1;
        }
    }
    Ok(Value::Null)
}

pub(super) fn receipt(reading: &Reading<'_>, params: &Params<'_>) -> Answer {
    let placed = reading.placed(&params.hash(0)?)?;
    Ok(placed.map(|placed| placed.receipt(reading)).unwrap_or_default())
}
