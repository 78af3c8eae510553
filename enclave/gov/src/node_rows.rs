//! What a decision may do to the table of nodes, whatever the constitution says.
//!
//! Consensus follows that table. A row that is no node, or a node that takes part again after it left, would not only
//! break the promises of the service but stop it; and then no further decision could mend it.

use std::collections::BTreeMap;

use coco_kv::{Decode as _, Reader as _, Tx};
use coco_tables::nodes::{NodeInfo, NodeStatus, Nodes};
use coco_wire::{Digest, Key, Value};

/// Rows of the table of nodes at one moment, as they are stored.
pub(crate) struct NodeRows(BTreeMap<Key, Value>);

/// Why a change of the table is forbidden. The members are told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    #[error("a row of public:ccf.gov.nodes.info is no node")]
    Malformed,
    #[error("node {0} cannot become {1:?}")]
    Transition(Digest, NodeStatus),
    #[error("node {0} is not pending: it is retired, not deleted")]
    Deletion(Digest),
    #[error("only the node that leads marks node {0} as retired-committed")]
    Mark(Digest),
    #[error("no trusted node would be left")]
    NobodyLeft,
}

impl NodeRows {
    pub(crate) fn of(nodes: &Nodes, tx: &Tx) -> Self {
        let rows = tx.iter(nodes.info.name());
        Self(rows.map(|(key, value)| (Key::new(key), Value::new(value))).collect())
    }

    /// Whether a decision may turn these rows into `after`. Rows that it leaves alone are not looked at.
    pub(crate) fn check(&self, after: &Self) -> Result<(), Forbidden> {
        if self.0 == after.0 {
            return Ok(());
        }
        for (key, before) in self.0.iter().filter(|(key, _)| !after.0.contains_key(*key)) {
            let (id, before) = node(key, before)?;
            if before.status != NodeStatus::Pending {
                return Err(Forbidden::Deletion(id));
            }
        }
        for (key, value) in &after.0 {
            let before = self.0.get(key);
            if before != Some(value) {
                let (id, info) = node(key, value)?;
                check_row(
                    id,
                    before.map(|before| node(key, before)).transpose()?.map(|(_, row)| row),
                    &info,
                )?;
            }
        }
        if self.any_trusted() && !after.any_trusted() { Err(Forbidden::NobodyLeft) } else { Ok(()) }
    }

    fn any_trusted(&self) -> bool {
        let trusted = |value: &Value| NodeInfo::decode(value).map(|info| info.status == NodeStatus::Trusted);
        self.0.values().any(|value| trusted(value) == Some(true))
    }
}

/// A row that a decision wrote, and what it was before.
fn check_row(id: Digest, before: Option<NodeInfo>, after: &NodeInfo) -> Result<(), Forbidden> {
    use NodeStatus::{Pending, Retired, Trusted};

    let (from, was_marked) = before.map_or((None, false), |info| (Some(info.status), info.retired_committed));
    if after.retired_committed != was_marked {
        return Err(Forbidden::Mark(id));
    }
    match (from, after.status) {
        (None, Pending | Trusted) | (Some(Pending | Trusted), Trusted | Retired) => Ok(()),
        (Some(from), to) if from == to => Ok(()),
        (_, to) => Err(Forbidden::Transition(id, to)),
    }
}

fn node(key: &Key, value: &Value) -> Result<(Digest, NodeInfo), Forbidden> {
    Digest::decode(key).zip(NodeInfo::decode(value)).ok_or(Forbidden::Malformed)
}
