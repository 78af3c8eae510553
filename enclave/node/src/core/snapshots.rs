//! Snapshots: every node makes the same from its committed state; the primary records their digest; the receipt of that
//! record commits them.
//!
//! Where they are is written in the ledger: at the first signature after a row of
//! [`snapshot_requests`](coco_tables::signatures::Signatures), which ends a chunk too. The primary writes that row when one
//! is due, members when they want one. So all nodes agree on the positions whatever their configurations say, and as a
//! snapshot is made only once its last entry is committed, its nonce never seals other bytes.

mod evidence;
mod sealing;

use std::collections::{BTreeMap, BTreeSet};

use coco_app::NodeRequests;
use coco_boundary::{Effect, FileEffect, FileEvent, Monotonic};
use coco_kv::Tx;
use coco_tables::{
    signatures::{PERIODIC, SNAPSHOT_REQUESTS},
    value::Present,
};
use coco_wire::{
    Digest, Seqno, WriteSet,
    snapshot::{SNAPSHOT_EVIDENCE, SnapshotEvidence, SnapshotHeader, view_history},
};

use self::sealing::Rest;
pub(super) use self::sealing::{Proof, Proved, Proving, Sealed, Sealing};
use super::{Core, Output, Signatures, jobs::Job};
use crate::call::{Mount, Write};

/// Snapshots that are written, or wait for their evidence.
const MAX_WAITING: usize = 4;
/// Snapshots that wait to be written: each holds on to a state.
const MAX_QUEUED: usize = 2;
/// Periodic snapshots are this many times as far apart as one takes to be written, however fast entries come.
const PACE: u64 = 50;
/// Evidence that waits for its signature, or for the snapshot to be written.
const MAX_EVIDENCE: usize = 16;

/// How often the primary has snapshots made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// Entries between two periodic snapshots (CCF `snapshots.tx_count`).
    pub tx_count: u64,
    /// When it is time for one although there are fewer.
    pub time: Option<SnapshotTime>,
}

/// When it is time for a snapshot (CCF `snapshots.time_interval` and `.min_tx_count`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotTime {
    /// Milliseconds since the last one.
    pub interval_ms: u64,
    /// Entries since, without those about the snapshot itself.
    pub min_tx_count: u64,
}

/// What a node knows of snapshots that are not committed.
#[derive(Default)]
pub(super) struct Snapshots {
    /// None: this node makes no snapshots.
    policy: Option<SnapshotPolicy>,
    /// Requests whose signature is not committed.
    requests: BTreeSet<Seqno>,
    /// Evidence by its own position.
    evidence: BTreeMap<Seqno, Evidence>,
    /// By the last entry inside.
    making: BTreeMap<Seqno, Making>,
    last: Last,
    /// A periodic one was due too soon after the last.
    overdue: bool,
}

/// What the next snapshot's time counts from.
#[derive(Default)]
struct Last {
    at: Monotonic,
    /// How long it took to be written.
    took_ms: u64,
    /// The last entry about the last snapshot.
    seqno: Seqno,
}

impl Last {
    /// Whether the next one would take too much of the node's time.
    fn is_too_near(&self, now: Monotonic) -> bool {
        now.since_ms(self.at) < self.took_ms.saturating_mul(PACE)
    }
}

struct Evidence {
    snapshot: SnapshotEvidence,
    /// The entry, once it is sealed.
    entry: Vec<u8>,
    /// The first signature after it, once that is committed.
    signature: Option<(Seqno, WriteSet)>,
}

struct Making {
    /// Bytes handed to the host.
    len: u64,
    phase: Phase,
}

enum Phase {
    /// Another one is being written.
    Queued(Sealing),
    /// A job makes the next piece.
    Sealing,
    /// The host writes a piece.
    Writing(Rest),
    /// All is written; the digest waits to be recorded, and the record to be signed.
    Written(Digest),
    /// A job makes the receipt.
    Proving,
}

impl Snapshots {
    /// Whether the next periodic one has to wait: the last is not written yet, or was so a moment ago.
    fn must_wait(&self, now: Monotonic) -> bool {
        let is_written = |making: &Making| matches!(making.phase, Phase::Written(_) | Phase::Proving);
        self.last.is_too_near(now) || !self.making.values().all(is_written)
    }

    fn has_evidence(&self, of: Seqno) -> bool {
        self.evidence.values().any(|evidence| evidence.snapshot.version == of)
    }

    /// Keeps a sealed entry that a receipt will be about.
    pub(super) fn sealed(&mut self, seqno: Seqno, entry: &[u8]) {
        if let Some(evidence) = self.evidence.get_mut(&seqno) {
            evidence.entry = entry.to_vec();
        }
    }

    /// Takes in a committed signature.
    pub(super) fn signed(&mut self, seqno: Seqno, writes: &WriteSet) {
        for (_, evidence) in self.evidence.range_mut(..seqno) {
            evidence.signature.get_or_insert_with(|| (seqno, writes.clone()));
        }
    }

    pub(super) fn rollback(&mut self, to: Seqno) {
        self.requests.split_off(&to.next());
        self.evidence.split_off(&to.next());
    }

    /// The signatures up to `upto`, all committed now, at which there are snapshots; asked once.
    pub(super) fn points(&mut self, signatures: &Signatures, upto: Seqno) -> BTreeSet<Seqno> {
        let signature_after = |request: Seqno| {
            let later = signatures.0.iter().map(|(txid, _)| txid.seqno).find(|seqno| *seqno > request);
            later.filter(|seqno| *seqno <= upto)
        };
        let points = self.requests.iter().filter_map(|request| signature_after(*request)).collect();
        self.requests.retain(|request| signature_after(*request).is_none());
        points
    }
}

impl Core {
    /// This node makes snapshots, and as the primary it decides when.
    #[must_use]
    pub fn making_snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots.policy = Some(policy);
        self
    }

    /// Follows up on a transaction that has its place.
    pub(super) fn note_snapshots(&mut self, writes: &WriteSet) {
        let seqno = self.kv.version();
        let snapshots = &mut self.snapshots;
        if writes.table(SNAPSHOT_REQUESTS).is_some() {
            snapshots.requests.insert(seqno);
        }
        if writes.table(SNAPSHOT_EVIDENCE).is_some()
            && let Ok(Some(snapshot)) = self.tables.signatures.snapshot_evidence.get(&self.kv.latest())
        {
            let evidence = Evidence { snapshot, entry: Vec::new(), signature: None };
            snapshots.evidence.insert(seqno, evidence);
            snapshots.last.seqno = seqno.next();
            if snapshots.evidence.len() > MAX_EVIDENCE {
                snapshots.evidence.pop_first();
            }
        }
    }

    /// Whether the next signature is one at which there is a snapshot.
    pub(super) fn is_snapshot_due(&self) -> bool {
        let signature = self.signing.made.last().0.seqno;
        self.snapshots.requests.last().is_some_and(|request| *request > signature)
    }

    /// The primary's part before it signs: a request if a periodic snapshot is due there.
    pub(super) fn request_snapshot_if_due(&mut self, now: Monotonic) {
        let Some(policy) = self.snapshots.policy else { return };
        if self.is_snapshot_due() {
            return;
        }
        let latest = self.kv.latest();
        let requests = &self.tables.signatures.snapshot_requests;
        let requested = requests.version_of_previous_write(&latest, PERIODIC);
        // The request and the signature right behind it; as CCF, what members ask for does not count.
        let last = requested.map_or(Seqno::ZERO, Seqno::next);
        let signature = latest.version().next().next();
        let count_is_due = signature.0 - last.0 >= policy.tx_count;
        let time_is_due = policy.time.is_some_and(|time| {
            let Last { at, seqno, .. } = self.snapshots.last;
            now.since_ms(at) >= time.interval_ms
                && latest.version().0.saturating_sub(seqno.0) >= time.min_tx_count
        });
        let is_due = count_is_due || time_is_due;
        self.snapshots.overdue = is_due && self.snapshots.must_wait(now);
        if is_due && !self.snapshots.overdue {
            let mut tx = Tx::new(latest);
            requests.put(&mut tx, PERIODIC, &Present);
            self.place_own(tx, Digest::ZERO);
        }
    }

    /// The primary's part once there is room again for a snapshot that was due, although nothing else may be written.
    pub(super) fn make_up_for_snapshot(&mut self) {
        if !self.snapshots.overdue {
            return;
        }
        let now = self.view.shared.clock.now();
        if !self.snapshots.must_wait(now) {
            self.request_snapshot_if_due(now);
        }
    }

    /// Begins the snapshot at a signature, which is committed, while nothing after it is.
    pub(super) fn make_snapshot(&mut self, seqno: Seqno, out: &mut Output) {
        let at = self.view.shared.clock.now();
        self.snapshots.last = Last { at, took_ms: 0, seqno };
        let (Some(_), Some(secrets)) = (self.snapshots.policy, self.view.shared.secrets.load()) else {
            return;
        };
        if !self.make_room(out) {
            let log = &self.view.shared.log;
            return log.info(format_args!("No snapshot is made at {seqno}: others wait to be written"));
        }
        let leaf = self.ledger.leaf(seqno).expect("the tree has the last committed signature");
        let views = self.raft.log().views().iter().map(|first| (first.view, first.seqno));
        let header = SnapshotHeader { seqno, leaf, view_history: view_history(views, seqno) };
        let sealing = Sealing::begin(secrets, header, self.kv.committed());
        self.snapshots.making.insert(seqno, Making { len: 0, phase: Phase::Queued(sealing) });
        self.seal_next(out);
    }

    /// Whether one more snapshot can be made: few wait to be written, and few for their evidence.
    fn make_room(&mut self, out: &mut Output) -> bool {
        let making = &mut self.snapshots.making;
        let is_queued = |making: &&Making| matches!(making.phase, Phase::Queued(_));
        if making.values().filter(is_queued).count() >= MAX_QUEUED {
            return false;
        }
        while making.len() >= MAX_WAITING {
            if let Some((seqno, _)) = making.pop_first() {
                out.effects.push(Effect::Files(FileEffect::DropSnapshot { seqno }));
            }
        }
        true
    }

    /// Begins with the oldest snapshot that waits, unless one is being written.
    fn seal_next(&mut self, out: &mut Output) {
        let making = &mut self.snapshots.making;
        let is_busy = |making: &Making| matches!(making.phase, Phase::Sealing | Phase::Writing(_));
        if making.values().any(is_busy) {
            return;
        }
        let next = making.values_mut().find(|making| matches!(making.phase, Phase::Queued(_)));
        if let Some(making) = next
            && let Phase::Queued(sealing) = std::mem::replace(&mut making.phase, Phase::Sealing)
        {
            out.jobs.push(Job::seal(sealing));
        }
    }

    /// A piece was made.
    pub(super) fn piece_sealed(&mut self, sealed: Sealed, out: &mut Output) {
        let Sealed { seqno, bytes, rest } = sealed;
        let Some(making) = self.snapshots.making.get_mut(&seqno) else { return };
        match rest {
            Ok(rest) => {
                let offset = making.len;
                making.len += bytes.len() as u64;
                making.phase = Phase::Writing(rest);
                out.effects.push(Effect::Files(FileEffect::WriteSnapshot { seqno, offset, bytes }));
            }
            Err(error) => {
                self.view.shared.log.fail(format_args!("No snapshot can be made at {seqno}: {error}"));
                self.snapshots.making.remove(&seqno);
                self.seal_next(out);
            }
        }
    }

    /// The host tells of files.
    pub(super) fn file_event(&mut self, event: &FileEvent, out: &mut Output) {
        match *event {
            FileEvent::SnapshotWritten { seqno, len } => {
                let Some(making) = self.snapshots.making.get_mut(&seqno) else { return };
                if making.len != len {
                    return;
                }
                match std::mem::replace(&mut making.phase, Phase::Sealing) {
                    Phase::Writing(Rest::More(sealing)) => out.jobs.push(Job::seal(sealing)),
                    Phase::Writing(Rest::Nothing(digest)) => {
                        making.phase = Phase::Written(digest);
                        let now = self.view.shared.clock.now();
                        self.snapshots.last.took_ms = now.since_ms(self.snapshots.last.at);
                        self.settle_snapshots(out);
                    }
                    other => making.phase = other,
                }
            }
            FileEvent::SnapshotFailed { seqno, .. } => {
                self.snapshots.making.remove(&seqno);
                self.seal_next(out);
            }
            FileEvent::SnapshotCommitted { .. } | FileEvent::Listed { .. } | FileEvent::Part { .. } => {}
        }
    }

    /// Gives a transaction of the node itself its place.
    fn place_own(&mut self, tx: Tx, claims: Digest) {
        let requests = NodeRequests::default();
        let write = Write { executed: tx.finish(), claims, requests, mount: Mount::Node };
        self.place(&write).expect("nothing comes between the latest state and this");
    }
}

#[cfg(test)]
mod tests;
