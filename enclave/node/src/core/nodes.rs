//! The table of nodes decides who agrees, who is heard and where each is reached.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use coco_app::NodeRequests;
use coco_kv::{Malformed, Tx};
use coco_raft::{Configuration, NodeId};
use coco_tables::nodes::{self, NodeStatus};
use coco_wire::{Digest, Seqno, WriteSet};

use super::{Core, Output};
use crate::{
    call::{Mount, Write},
    view::Peer,
};

/// What an entry does to the agreement.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// The nodes that agree from it on, if it changes them.
    pub(super) configuration: Option<Configuration>,
    /// Nodes that it marks as retired for good.
    pub(super) retired: Vec<NodeId>,
}

/// Follows in `trusted` what `writes` do to the table; none if they leave it alone.
pub(super) fn change(trusted: &mut BTreeSet<NodeId>, writes: &WriteSet) -> Result<Option<Change>, Malformed> {
    let rows = nodes::changes(writes)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let before = trusted.clone();
    let mut retired = Vec::new();
    for (node, info) in rows {
        match info {
            Some(info) if info.status == NodeStatus::Trusted => {
                trusted.insert(node);
            }
            info => {
                trusted.remove(&node);
                retired.extend(info.is_some_and(|info| info.is_removable()).then_some(node));
            }
        }
    }
    let configuration = (*trusted != before).then(|| trusted.iter().copied().collect());
    Ok(Some(Change { configuration, retired }))
}

impl Core {
    /// What a transaction on the latest state does to the agreement.
    pub(super) fn change_by(&self, writes: &WriteSet) -> Result<Option<Change>, Malformed> {
        if writes.table(nodes::INFO).is_none() {
            return Ok(None);
        }
        change(&mut nodes::trusted(&self.kv.latest())?, writes)
    }

    /// The nodes that agree after an entry that is committed last, or not yet.
    pub(super) fn trusted_at(&self, seqno: Seqno) -> BTreeSet<NodeId> {
        let configurations = self.raft.log().configurations();
        let at = configurations.take_while(|(from, _)| *from <= seqno).last();
        at.map(|(_, nodes)| nodes.nodes().copied().collect()).unwrap_or_default()
    }

    /// The primary's part in a retirement: once it is committed, a transaction says so.
    pub(super) fn mark_retired(&mut self, out: &mut Output) {
        if self.retirable.is_empty() {
            return;
        }
        let mut tx = Tx::new(self.kv.latest());
        let retired = std::mem::take(&mut self.retirable);
        if let Err(error) = nodes::mark_retired_committed(&mut tx, &retired) {
            self.view.shared.log.fail(format_args!("Retired nodes cannot be marked: {error}"));
            return;
        }
        if !tx.is_read_only() {
            let (claims, requests) = (Digest::ZERO, NodeRequests::default());
            let write = Write { executed: tx.finish(), claims, requests, mount: Mount::Node };
            self.place(&write).expect("nothing comes between the latest state and this");
            self.drain(out);
        }
    }

    /// Publishes who the other nodes are. As long as the table does not say that this one is trusted, it is older than what
    /// the node was told when it joined: the present primary may not be in it yet.
    pub(super) fn publish_peers(&mut self) {
        let shared = &self.view.shared;
        let mut peers = BTreeMap::new();
        let mut catches_up = true;
        for row in self.tables.nodes.info.iter(&self.kv.latest()) {
            let Ok((node, info)) = row else { continue };
            let address: Arc<str> = info.network.node_to_node_interface.address().into();
            if node == shared.keys.node_id {
                catches_up = info.status == NodeStatus::Pending;
            } else if !info.is_removable() {
                peers.insert(node, Peer { address, status: info.status });
            }
        }
        if catches_up {
            peers.extend(shared.peers.load().iter().map(|(node, peer)| (*node, peer.clone())));
        }
        shared.peers.store(Arc::new(peers));
    }
}
