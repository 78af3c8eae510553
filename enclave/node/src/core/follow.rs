//! The part of a backup: what the primary appended is opened, agreed on, put in its place and acknowledged.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use coco_boundary::StopReason;
use coco_crypto::Certificate;
use coco_ledger::{OpenedBatch, OpenedEntry, SignatureCheck, SignatureRefusal};
use coco_raft::{Entry, Input, Message, NodeId};
use coco_wire::{Seqno, TxId, peer::AppendEntries};

use super::{Changed, Core, Output, jobs::Job, nodes};
use crate::view::Stage;

/// Bytes of entries that may wait to be opened; the leader sends again what is dropped.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Messages that may wait.
const MAX_WAITING: usize = 256;

/// What a backup has in hand.
#[derive(Default)]
pub(super) struct Following {
    /// Messages behind the one whose entries are being opened, in their order.
    waiting: VecDeque<(NodeId, AppendEntries, Vec<Vec<u8>>)>,
    bytes: usize,
    /// Whether a job opens entries.
    opening: bool,
    /// The opened entries of the message that consensus decides on.
    at_hand: Vec<OpenedEntry>,
    /// Signatures in their place that are not checked yet, ascending.
    unchecked: VecDeque<TxId>,
    /// What the host last reported.
    persisted: TxId,
}

impl Following {
    /// Everything up to this entry is in a snapshot.
    pub(super) fn begin_after(&mut self, last: TxId) {
        self.persisted = last;
    }
}

impl Core {
    /// Takes in a message of consensus from a node of the service; `entries` are those of an `AppendEntries`.
    pub fn heard(&mut self, from: NodeId, message: Message, entries: Vec<Vec<u8>>, out: &mut Output) {
        if self.stage != Stage::PartOfNetwork || (self.stopping && self.leaving.is_none()) {
            return;
        }
        let Message::AppendEntries(header) = message else {
            self.raft_input(Input::Message { from, message, entries: Vec::new() }, out);
            return self.flush(out);
        };
        let following = &mut self.following;
        let bytes: usize = entries.iter().map(Vec::len).sum();
        if following.waiting.len() >= MAX_WAITING
            || (following.bytes > 0 && following.bytes + bytes > MAX_WAITING_BYTES)
        {
            return;
        }
        following.bytes += bytes;
        following.waiting.push_back((from, header, entries));
        self.open_next(out);
        self.flush(out);
    }

    /// Goes on with the messages that wait; their order is kept, as consensus asks for whatever comes too early once more.
    fn open_next(&mut self, out: &mut Output) {
        while !self.following.opening
            && let Some((from, header, entries)) = self.following.waiting.pop_front()
        {
            self.following.bytes -= entries.iter().map(Vec::len).sum::<usize>();
            if entries.is_empty() {
                let message = Message::AppendEntries(header);
                self.raft_input(Input::Message { from, message, entries: Vec::new() }, out);
            } else {
                self.following.opening = true;
                let request = self.ledger.open_request(header.previous.seqno, entries);
                out.jobs.push(Job::open(from, header, request, Arc::clone(&self.view.shared)));
            }
        }
    }

    /// Entries were opened: consensus decides which of them are new.
    pub(super) fn opened(
        &mut self,
        from: NodeId,
        header: AppendEntries,
        batch: OpenedBatch,
        out: &mut Output,
    ) {
        self.following.opening = false;
        if batch.refused.is_some() && self.raft.log().at(header.previous.seqno) != Some(header.previous) {
            // The logs differ before these entries, perhaps in what set the secrets. Where, is for consensus to find.
            let question = Message::AppendEntries(AppendEntries { last: header.previous, ..header });
            self.raft_input(Input::Message { from, message: question, entries: Vec::new() }, out);
        } else if let Some(error) = &batch.refused {
            self.view.shared.log.fail(format_args!("Entries of node {from} do not open: {error}"));
        } else if !continues(&header, &batch.opened) {
            self.view.shared.log.fail(format_args!("Entries of node {from} are not those it announced"));
        } else if let Some(entries) = self.described(&header, &batch.opened) {
            self.following.at_hand = batch.opened;
            let message = Message::AppendEntries(header);
            self.raft_input(Input::Message { from, message, entries }, out);
            self.following.at_hand = Vec::new();
        } else {
            self.view.shared.log.fail(format_args!("Entries of node {from} have malformed rows of nodes"));
        }
        self.open_next(out);
    }

    /// What consensus needs to know of entries; none if one describes a node in a way that cannot be read.
    fn described(&self, header: &AppendEntries, opened: &[OpenedEntry]) -> Option<Vec<Entry>> {
        let committed = self.raft.log().committed().seqno;
        let mut nodes = self.trusted_at(header.previous.seqno.max(committed));
        opened
            .iter()
            .map(|entry| {
                let (txid, signature) = (entry.txid(), entry.is_signature());
                // What is committed is not taken in again.
                let change = match txid.seqno > committed {
                    true => nodes::change(&mut nodes, entry.writes()).ok()?.unwrap_or_default(),
                    false => nodes::Change::default(),
                };
                Some(Entry { txid, signature, configuration: change.configuration, retired: change.retired })
            })
            .collect()
    }

    /// Puts the entries at hand in their place, from `first` on.
    pub(super) fn append_received(&mut self, first: Seqno, out: &mut Output) {
        let entries = std::mem::take(&mut self.following.at_hand);
        for entry in entries.into_iter().filter(|entry| entry.txid().seqno >= first) {
            let txid = entry.txid();
            let received = match self.ledger.receive(entry) {
                Ok(received) => received,
                Err(error) => {
                    let log = &self.view.shared.log;
                    log.fatal(format_args!(
                        "Entry {txid} of the primary does not belong to this ledger: {error}"
                    ));
                    return self.stop(StopReason::Fault, out);
                }
            };
            if received.rekeys {
                self.publish_secrets();
            }
            let writes = Arc::new(received.opened.writes);
            self.kv.apply(txid.seqno, Arc::clone(&writes));
            self.changed = self.changed.max(Changed::Appended);
            self.view.shared.stale.store(true, Ordering::Release);
            self.appended(txid.seqno, &writes);
            if let Some(check) = received.check {
                self.signature_received(&check);
                let node = check.node().and_then(|node| self.certificate_of(&node));
                out.jobs.push(Job::check(check, node, Arc::clone(&self.view.shared)));
            }
        }
        drop(self.write_out(out));
    }

    fn signature_received(&mut self, check: &SignatureCheck) {
        self.following.unchecked.push_back(check.txid());
        self.signing.made.made(check.txid(), check.root());
        self.changed = self.changed.max(Changed::Standing);
    }

    /// The certificate that the service gave to a node.
    fn certificate_of(&self, node: &NodeId) -> Option<Certificate> {
        let pem = self.tables.nodes.endorsed_certificates.get(&self.kv.latest(), node).ok()??;
        Certificate::from_pem(&pem).ok()
    }

    /// A signature was checked: what is persisted up to the next one counts now.
    pub(super) fn checked(&mut self, txid: TxId, outcome: Result<(), SignatureRefusal>, out: &mut Output) {
        if !self.following.unchecked.contains(&txid) {
            // Rolled back meanwhile.
            return;
        }
        if let Err(refusal) = outcome {
            self.view.shared.log.fatal(format_args!("Signature {txid} of the primary is refused: {refusal}"));
            return self.stop(StopReason::Fault, out);
        }
        self.following.unchecked.retain(|other| *other != txid);
        self.acknowledge(out);
    }

    /// The host reports entries as persisted.
    pub(super) fn persisted(&mut self, upto: TxId, out: &mut Output) {
        // A report may cross a rollback, or another report.
        if upto.seqno > self.following.persisted.seqno && self.raft.log().at(upto.seqno) == Some(upto) {
            self.following.persisted = upto;
        }
        self.acknowledge(out);
    }

    /// Tells consensus what is persisted and, where others signed it, checked.
    fn acknowledge(&mut self, out: &mut Output) {
        let persisted = self.following.persisted;
        let upto = match self.following.unchecked.front() {
            Some(first) if first.seqno <= persisted.seqno => {
                self.raft.log().at(first.seqno.previous()).unwrap_or_default()
            }
            _ => persisted,
        };
        if upto.seqno > Seqno::ZERO {
            self.raft_input(Input::Persisted(upto), out);
        }
    }

    /// Forgets what came after `to`.
    pub(super) fn forget_received(&mut self, to: Seqno) {
        self.following.unchecked.retain(|txid| txid.seqno <= to);
        if self.following.persisted.seqno > to {
            self.following.persisted = self.raft.log().at(to).unwrap_or_default();
        }
    }
}

/// Whether the entries are those that the header announces.
fn continues(header: &AppendEntries, opened: &[OpenedEntry]) -> bool {
    let mut previous = header.previous;
    opened.iter().all(|entry| {
        let txid = entry.txid();
        let follows = txid.seqno == previous.seqno.next() && txid.view >= previous.view;
        previous = txid;
        follows
    }) && previous == header.last
        && previous.view <= header.view
}
