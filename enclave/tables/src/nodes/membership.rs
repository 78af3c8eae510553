//! Who agrees on the ledger, as the table of nodes has it.
//!
//! A node that leaves goes through two transactions: governance sets it [Retired](NodeStatus::Retired); once that is
//! committed, the primary marks it as retired-committed. When the mark is committed too, every later primary knows that
//! the node left, and its row may be deleted (CCF `src/node/rpc/node_frontend.h`, `src/service/internal_tables_access.h`).

use std::collections::BTreeSet;

use coco_kv::{Decode, Malformed, Reader, Table, Tx};
use coco_wire::{Digest, TableName, WriteSet};

use super::{INFO, NodeInfo, NodeStatus};

/// The nodes that take part in consensus.
///
/// # Errors
/// If any row is no node.
pub fn trusted(state: &impl Reader) -> Result<BTreeSet<Digest>, Malformed> {
    select(state, |node| node.status == NodeStatus::Trusted)
}

/// The nodes that left and are not marked as retired-committed. Of a committed state: those to mark.
///
/// # Errors
/// If any row is no node.
pub fn leaving(state: &impl Reader) -> Result<BTreeSet<Digest>, Malformed> {
    select(state, |node| node.status == NodeStatus::Retired && !node.retired_committed)
}

/// The nodes whose rows may be deleted, because no primary to come will need them. Of a committed state only.
///
/// # Errors
/// If any row is no node.
pub fn removable(committed: &impl Reader) -> Result<BTreeSet<Digest>, Malformed> {
    select(committed, NodeInfo::is_removable)
}

/// What a transaction does to the table of nodes, in the order of their names; none stands for a deleted row.
///
/// # Errors
/// If any row is no node: whoever accepted that transaction did not check it.
pub fn changes(writes: &WriteSet) -> Result<Vec<(Digest, Option<NodeInfo>)>, Malformed> {
    let Some(rows) = writes.table(INFO) else { return Ok(Vec::new()) };
    let decoded = rows.iter().map(|(key, value)| {
        let node = Digest::decode(key)?;
        match value {
            Some(value) => NodeInfo::decode(value).map(|info| (node, Some(info))),
            None => Some((node, None)),
        }
    });
    let decoded: Option<_> = decoded.collect();
    decoded.ok_or_else(|| Malformed { table: TableName::new(INFO) })
}

/// Marks those of `nodes` as retired-committed that are retired and not marked yet; returns them. To be called with
/// nodes whose retirement is committed.
///
/// # Errors
/// If the row of one of them is no node.
pub fn mark_retired_committed<'a>(
    tx: &mut Tx,
    nodes: impl IntoIterator<Item = &'a Digest>,
) -> Result<Vec<Digest>, Malformed> {
    let table = Table::<Digest, NodeInfo>::new(INFO);
    let mut marked = Vec::new();
    for node in nodes {
        let Some(info) = table.get(tx, node)? else { continue };
        if info.status == NodeStatus::Retired && !info.retired_committed {
            table.put(tx, node, &NodeInfo { retired_committed: true, ..info });
            marked.push(*node);
        }
    }
    Ok(marked)
}

fn select(state: &impl Reader, belongs: impl Fn(&NodeInfo) -> bool) -> Result<BTreeSet<Digest>, Malformed> {
    let table = Table::<Digest, NodeInfo>::new(INFO);
    let mut selected = BTreeSet::new();
    for row in table.iter(state) {
        let (node, info) = row?;
        if belongs(&info) {
            selected.insert(node);
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests;
