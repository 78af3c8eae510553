//! Where chunks of the ledger end: decided by the writer at a signature and recorded in it.

use std::collections::VecDeque;

use coco_wire::Seqno;

/// Sizes of entries, ends of chunks and requests to end one, back to the last committed signature.
#[derive(Clone, Debug)]
pub(crate) struct Chunker {
    chunk_size: u64,
    /// Last entry that was compacted, and the bytes of all entries up to it.
    base: Mark,
    /// For each entry after `base`, the bytes of all entries up to it.
    totals: VecDeque<u64>,
    /// Ends of chunks: the last one at or before `base`, and all later ones; never empty.
    ends: VecDeque<Mark>,
    /// Entries after which a chunk must end, ascending.
    requests: VecDeque<Seqno>,
}

/// A position in the ledger, in entries and in bytes.
#[derive(Clone, Copy, Debug)]
struct Mark {
    seqno: Seqno,
    total: u64,
}

impl Chunker {
    /// `chunk_size`: bytes of entries after which a chunk ends at the next signature. The first chunk begins after `last`.
    pub(crate) fn new(chunk_size: u64, last: Seqno) -> Self {
        let base = Mark { seqno: last, total: 0 };
        Self { chunk_size, base, totals: VecDeque::new(), ends: [base].into(), requests: VecDeque::new() }
    }

    /// Records the next entry.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.totals.push_back(self.last().total + bytes as u64);
    }

    /// The entry last recorded ends its chunk.
    pub(crate) fn end(&mut self) {
        self.ends.push_back(self.last());
    }

    /// The chunk with entry `seqno` must end at the first signature after it.
    pub(crate) fn request(&mut self, seqno: Seqno) {
        self.requests.push_back(seqno);
    }

    /// Whether a signature right after the entry last recorded should end the chunk.
    pub(crate) fn is_due(&self) -> bool {
        let end = self.ends.back().expect("never empty");
        let requested = self.requests.back().is_some_and(|request| *request > end.seqno);
        requested || self.last().total - end.total >= self.chunk_size
    }

    pub(crate) fn rollback(&mut self, to: Seqno) {
        let kept = usize::try_from(to.0 - self.base.seqno.0).unwrap_or(usize::MAX);
        self.totals.truncate(kept);
        self.ends.truncate(self.ends.partition_point(|end| end.seqno <= to));
        self.requests.truncate(self.requests.partition_point(|request| *request <= to));
    }

    /// Nothing at or before `to` will be rolled back.
    pub(crate) fn compact(&mut self, to: Seqno) {
        let count = usize::try_from(to.0 - self.base.seqno.0).unwrap_or(usize::MAX);
        if let Some(total) = self.totals.drain(..count).next_back() {
            self.base = Mark { seqno: to, total };
        }
        let later = self.ends.partition_point(|end| end.seqno <= to);
        self.ends.drain(..later.saturating_sub(1));
        let end = self.ends.front().expect("never empty").seqno;
        self.requests.drain(..self.requests.partition_point(|request| *request <= end));
    }

    fn last(&self) -> Mark {
        let seqno = Seqno(self.base.seqno.0 + self.totals.len() as u64);
        self.totals.back().map_or(self.base, |total| Mark { seqno, total: *total })
    }
}
