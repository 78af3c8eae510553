//! What this node tells the others, with the entries that go with it: the latest are in memory, the rest is read back
//! from the ledger files.

mod flags;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use coco_boundary::{Effect, ReadFault, RequestId};
use coco_ledger::Lineage;
use coco_raft::{Message, NodeId};
use coco_wire::{Seqno, peer::AppendEntries};

use self::flags::Flags;
pub(super) use self::flags::{Traced, Tracing};
use super::{Core, Output};

/// Bytes of the latest entries kept in memory.
const MAX_RECENT_BYTES: usize = 64 << 20;
/// Messages with entries that may wait for the disk, for each peer; more are dropped, and consensus repeats them.
const MAX_WAITING: usize = 64;
/// Numbers of requests that Core makes begin here, so that they are not taken for those of
/// [`History`](crate::history::History).
const FIRST_REQUEST: u64 = 1 << 63;

/// A message of consensus for a peer.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Receiver.
    pub to: NodeId,
    /// What it is told.
    pub message: Message,
    /// The entries of an `AppendEntries`, whole.
    pub entries: Vec<Arc<[u8]>>,
}

/// What is being sent.
#[derive(Default)]
pub(super) struct Sending {
    /// The latest entries, without a gap, up to the last one.
    recent: VecDeque<Arc<[u8]>>,
    /// Position of the first of them.
    first: Seqno,
    bytes: usize,
    flags: Flags,
    waiting: BTreeMap<NodeId, Waiting>,
    requests: u64,
}

/// Messages to one peer that wait for entries, in their order.
#[derive(Default)]
struct Waiting {
    messages: VecDeque<AppendEntries>,
    /// The read that is under way for the first.
    reading: Option<RequestId>,
}

/// Whether an answer of the host is for Core.
#[must_use]
pub fn is_requested_by_core(request: RequestId) -> bool {
    request.0 >= FIRST_REQUEST
}

impl Sending {
    /// The entries up to `last` came with a snapshot, which proves what they were.
    pub(super) fn begin_after(&mut self, last: Seqno, lineage: Lineage) {
        self.flags.begin_after(last, lineage);
    }

    /// Notes an entry that is written to the ledger.
    pub(super) fn written(&mut self, seqno: Seqno, entry: &[u8]) {
        self.flags.note(seqno, entry);
    }

    /// Keeps an entry that was appended.
    pub(super) fn keep(&mut self, seqno: Seqno, entry: &[u8]) {
        let end = Seqno(self.first.0 + self.recent.len() as u64);
        if seqno != end {
            self.recent.clear();
            self.bytes = 0;
            self.first = seqno;
        }
        self.bytes += entry.len();
        self.recent.push_back(entry.into());
        while self.bytes > MAX_RECENT_BYTES && self.recent.len() > 1 {
            self.bytes -= self.recent.pop_front().map_or(0, |entry| entry.len());
            self.first = self.first.next();
        }
    }

    /// Forgets everything after `to`.
    pub(super) fn rollback(&mut self, to: Seqno) {
        self.flags.rollback(to);
        while self.first.0 + self.recent.len() as u64 > to.0 + 1
            && let Some(entry) = self.recent.pop_back()
        {
            self.bytes -= entry.len();
        }
    }

    /// The entries of a message, if all are in memory.
    fn entries_of(&self, header: &AppendEntries) -> Option<Vec<Arc<[u8]>>> {
        let (from, to) = (header.previous.seqno, header.last.seqno);
        let start = usize::try_from((from.0 + 1).checked_sub(self.first.0)?).ok()?;
        let len = usize::try_from(to.0.checked_sub(from.0)?).ok()?;
        let end = start.checked_add(len).filter(|end| *end <= self.recent.len())?;
        Some(self.recent.range(start..end).cloned().collect())
    }

    /// Number of a new request.
    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(FIRST_REQUEST + self.requests)
    }

    fn peers_that_wait(&self) -> Vec<NodeId> {
        self.waiting.keys().copied().collect()
    }

    /// Drops messages with entries whose flags cannot be found out now; consensus repeats them.
    fn forget_older(&mut self) {
        let flags = &self.flags;
        self.waiting.retain(|_, waiting| {
            let first = waiting.messages.front().map(|header| header.previous.seqno.next());
            first.is_none_or(|first| flags.are_known_from(first))
        });
    }
}

impl Core {
    /// Sends a message, once its entries are there.
    pub(super) fn send(&mut self, to: NodeId, message: Message, out: &mut Output) {
        let waits = self.sending.waiting.get(&to).is_some_and(|waiting| !waiting.messages.is_empty());
        match message {
            Message::AppendEntries(header) if waits || header.last != header.previous => {
                let waiting = self.sending.waiting.entry(to).or_default();
                if waiting.messages.len() < MAX_WAITING {
                    waiting.messages.push_back(header);
                    self.send_waiting(to, out);
                }
            }
            _ => out.messages.push(Outgoing { to, message, entries: Vec::new() }),
        }
    }

    fn send_waiting(&mut self, to: NodeId, out: &mut Output) {
        loop {
            let sending = &mut self.sending;
            let next = sending.waiting.get(&to).and_then(|waiting| waiting.messages.front()).copied();
            let Some(header) = next else {
                sending.waiting.remove(&to);
                return;
            };
            let entries = sending.entries_of(&header);
            let Some(waiting) = sending.waiting.get_mut(&to) else { return };
            if header.last == header.previous {
                waiting.messages.pop_front();
                out.messages.push(Outgoing {
                    to,
                    message: Message::AppendEntries(header),
                    entries: Vec::new(),
                });
            } else if let Some(entries) = entries {
                waiting.messages.pop_front();
                out.messages.push(Outgoing { to, message: Message::AppendEntries(header), entries });
            } else if !sending.flags.are_known_from(header.previous.seqno.next()) {
                if sending.flags.are_provable() {
                    return self.trace(out);
                }
                waiting.messages.pop_front();
            } else {
                if waiting.reading.is_none() {
                    sending.requests += 1;
                    let request = RequestId(FIRST_REQUEST + sending.requests);
                    waiting.reading = Some(request);
                    let (from, to) = (header.previous.seqno.next(), header.last.seqno);
                    out.effects.push(Effect::ReadEntries { request, from, to });
                }
                return;
            }
        }
    }

    /// Entries were read back for a peer. They may be fewer than asked for: then the rest is read next.
    pub(super) fn entries_read(
        &mut self,
        request: RequestId,
        entries: Result<Vec<Vec<u8>>, ReadFault>,
        out: &mut Output,
    ) {
        if self.sending.flags.are_read_by(request) {
            return self.older_entries_read(entries, out);
        }
        let asked = self.sending.waiting.iter_mut().find(|(_, waiting)| waiting.reading == Some(request));
        let Some((&to, waiting)) = asked else { return };
        waiting.reading = None;
        let header = waiting.messages.pop_front();
        if let (Some(header), Ok(entries)) = (header, entries) {
            let mut numbered = (header.previous.seqno.0 + 1..).map(Seqno).zip(&entries);
            if let Some((seqno, _)) =
                numbered.find(|(seqno, entry)| !self.sending.flags.are_those_of(*seqno, entry))
            {
                let log = &self.view.shared.log;
                log.fail(format_args!(
                    "Entry {seqno} was read back with other flags than it was written with"
                ));
                return self.send_waiting(to, out);
            }
            let last = Seqno(header.previous.seqno.0 + entries.len() as u64);
            if let Some(last) = self.raft.log().at(last).filter(|last| last.seqno <= header.last.seqno) {
                let entries = entries.into_iter().map(Arc::from).collect();
                let message = Message::AppendEntries(AppendEntries { last, ..header });
                if last.seqno > header.previous.seqno {
                    out.messages.push(Outgoing { to, message, entries });
                    if last.seqno < header.last.seqno {
                        waiting.messages.push_front(AppendEntries { previous: last, ..header });
                    }
                }
            }
        }
        self.send_waiting(to, out);
    }
}
