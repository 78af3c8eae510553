//! Leases: a node may take part for some time after its evidence was judged, and shows new evidence before that is over.
//!
//! Without a lease, evidence counts for ever, and what members take back keeps nodes from joining only, as in CCF. With
//! one, each node renews its own, soon after its evidence is a third of the lease old and whenever members change what is
//! admitted. The primary retires nodes whose evidence is too old, or not admitted any more. Both happen aside, by requests
//! of the node to itself; here is what is due.

use std::sync::atomic::{AtomicU64, Ordering};

use coco_attest::binding::LeaseProof;
use coco_boundary::Monotonic;
use coco_crypto::Signer as _;
use coco_kv::Reader;
use coco_tables::{
    Tables,
    nodes::{Appraisal, Lease, NodeStatus, QuoteInfo, Reason},
};
use coco_wire::{Digest, View as ViewNumber};
use serde::{Deserialize, Serialize};

use crate::view::{Shared, Stage};

/// Path of the request for a challenge.
pub const CHALLENGE: &str = "/leases/challenge";
/// Path of the request that renews a lease.
pub const RENEW: &str = "/leases/renew";
/// Path of the request that retires nodes without a lease.
pub const ENFORCE: &str = "/leases/enforce";

/// Answer to the request for a challenge.
#[derive(Debug, Serialize, Deserialize)]
pub struct Challenged {
    /// What evidence is to be bound to, which is good once and for some seconds.
    pub challenge: Digest,
}

/// Body of the request that renews a lease.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shown {
    /// Evidence, bound to the last challenge.
    pub quote_info: QuoteInfo,
}

/// What became of nodes that may no longer take part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Retired.
    pub evicted: Vec<(Digest, Reason)>,
    /// Kept, as too few would be left to decide without them, or as another primary is to retire this one.
    pub kept: Vec<(Digest, Reason)>,
    /// Whether this node, the primary, is to be retired by another one: whoever retires a node makes the secret that the
    /// node is not to know.
    pub steps_down: bool,
}

/// Most milliseconds that nodes have to show that new rules admit them, and to find a new primary.
const MAX_PATIENCE_MS: u64 = 30_000;
/// Least and most milliseconds from one attempt to the next.
const RETRY_MS: (u64, u64) = (1_000, 30_000);

/// Counts how often was written what may change which nodes are welcome.
#[derive(Debug, Default)]
pub(crate) struct Rules(AtomicU64);

impl Rules {
    pub(crate) fn note_written(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn changes(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What follows from the length of a lease, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    /// How old evidence is when it is renewed.
    renew: u64,
    /// How long after a change of the rules, or of the primary, nodes are left in peace.
    patience: u64,
    /// From one attempt to the next.
    retry: u64,
}

impl Times {
    fn of(lease: Lease) -> Self {
        let length = lease.seconds.saturating_mul(1000);
        Self {
            renew: length / 3,
            patience: (length / 3).min(MAX_PATIENCE_MS),
            retry: (length / 30).clamp(RETRY_MS.0, RETRY_MS.1),
        }
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// This node is to show new evidence.
    Renewal,
    /// Nodes that may no longer take part are to be retired.
    Enforcement,
}

/// Follows the leases of a service from one look to the next.
#[derive(Debug, Default)]
pub struct Watch {
    /// The view, and how often the rules had changed at the last look.
    seen: (ViewNumber, u64),
    /// Since when that is so.
    since: Monotonic,
    /// The changes of the rules under which the node showed evidence last.
    shown: Option<u64>,
    /// What was seen when the leases were enforced last.
    enforced: Option<(ViewNumber, u64)>,
    /// When each was tried last.
    renewing: Option<Monotonic>,
    enforcing: Option<Monotonic>,
}

impl Watch {
    /// What this node has to do now. Costs no more than some rows.
    pub fn look(&mut self, shared: &Shared) -> Option<Due> {
        let state = shared.state.load();
        let (tables, now) = (Tables::default(), shared.clock.now());
        let seen = (state.consensus.view, shared.rules.changes());
        if self.seen != seen {
            (self.seen, self.since) = (seen, now);
        }
        let lease = tables.nodes.lease.get(&state.latest).ok().flatten()?;
        if state.stage != Stage::PartOfNetwork || !is_trusted(&tables, &state.latest, &shared.keys.node_id) {
            return None;
        }
        let (times, wall) = (Times::of(lease), shared.clock.wall_ms());
        let rests = |tried: Option<Monotonic>| tried.is_some_and(|tried| now.since_ms(tried) < times.retry);
        let own = tables.nodes.appraisals.get(&state.latest, &shared.keys.node_id).ok().flatten();
        let is_old = own.is_none_or(|own| wall >= own.time.saturating_mul(1000).saturating_add(times.renew));
        if (is_old || self.shown != Some(seen.1)) && !rests(self.renewing) {
            self.renewing = Some(now);
            return Some(Due::Renewal);
        }
        let is_patient = now.since_ms(self.since) < times.patience;
        if !state.primary || is_patient || rests(self.enforcing) {
            return None;
        }
        if self.enforced == Some(seen) && !is_one_expired(&tables, &state.latest, lease, wall / 1000) {
            return None;
        }
        self.enforcing = Some(now);
        Some(Due::Enforcement)
    }

    /// What was due was done, by the rules of the last look.
    pub fn done(&mut self, due: Due) {
        match due {
            Due::Renewal => self.shown = Some(self.seen.1),
            Due::Enforcement => self.enforced = Some(self.seen),
        }
    }
}

fn is_trusted(tables: &Tables, state: &impl Reader, node: &Digest) -> bool {
    let info = tables.nodes.info.get(state, node).ok().flatten();
    info.is_some_and(|info| info.status == NodeStatus::Trusted)
}

/// Whether evidence of a trusted node is too old at `now`, in seconds since 1970.
fn is_one_expired(tables: &Tables, state: &impl Reader, lease: Lease, now: u64) -> bool {
    let nodes = &tables.nodes;
    let mut trusted = nodes.info.iter(state).flatten().filter(|(_, info)| info.status == NodeStatus::Trusted);
    trusted
        .any(|(node, _)| is_expired(nodes.appraisals.get(state, &node).ok().flatten().as_ref(), lease, now))
}

/// What evidence of this node is bound to that answers a challenge of its service; none if it belongs to none.
#[must_use]
pub fn proof(shared: &Shared, challenge: Digest) -> Option<LeaseProof> {
    Some(LeaseProof {
        service: shared.keys.service()?.key.public_key().id(),
        node: shared.keys.node_id,
        challenge,
    })
}

/// Whether evidence is too old at `now`, in seconds since 1970. If nobody knows when it was judged, it is.
pub(crate) fn is_expired(appraisal: Option<&Appraisal>, lease: Lease, now: u64) -> bool {
    appraisal.is_none_or(|appraisal| appraisal.time.saturating_add(lease.seconds) <= now)
}

/// How many of so many nodes can be retired at once: those that stay are a majority of all, as they have to commit it.
pub(crate) fn spared(nodes: usize) -> usize {
    nodes.saturating_sub(nodes / 2 + 1)
}

#[cfg(test)]
mod tests;
