//! What a node offers to governance.

use std::sync::Arc;

use coco_app::{Chain, Historical, Index, Lookup, Reject, Services};
use coco_crypto::{Entropy as _, SystemEntropy};
use coco_wire::{Digest, Seqno, TxId, View};

use crate::consortium::NOW_S;

/// What a node knows of its ledger.
#[derive(Default)]
pub(crate) struct Node {
    chain: Chain,
}

impl Node {
    pub(crate) fn advance(&mut self, seqno: Seqno) {
        let latest = TxId { view: View(2), seqno };
        self.chain = Chain { views: [(View(2), Seqno(1))].into(), committed: latest, latest };
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(NOW_S).unwrap() * 1000
    }
}

/// What it offers to handlers.
pub(crate) struct Offered<'a> {
    pub(crate) node: &'a Node,
    pub(crate) root: Digest,
}

impl Services for Offered<'_> {
    fn chain(&self) -> &Chain {
        &self.node.chain
    }

    fn now_ms(&self) -> u64 {
        self.node.now_ms()
    }

    fn fill_random(&self, out: &mut [u8]) {
        SystemEntropy.fill(out);
    }

    fn history(&self, _: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        Ok(Lookup::Loading)
    }

    fn index(&self, _: &str) -> Option<&dyn Index> {
        None
    }

    fn root(&self) -> Digest {
        self.root
    }
}
