//! What scripts printed and threw, kept for the members as long as the application stays the same.
//!
//! The lines are those of this node, in its memory. They are not in an interpreter, whose heap is put back after a call.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use coco_app::console::{Level, Line, Page, Query};
use coco_kv::Stamp;
use coco_wire::{Seqno, TxId};

use crate::console::{Console, ConsoleLevel};

/// The tables of an application as they were at a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edition {
    /// Of the content of each table.
    pub(super) stamps: [Stamp; 3],
    /// The version.
    pub(super) version: Seqno,
}

/// What one call printed and threw.
pub(super) struct Printed {
    /// Lines in order.
    pub(super) lines: Vec<(Level, String)>,
    /// How many lines more there were.
    dropped: u64,
}

/// The call that did.
pub(super) struct Source<'a> {
    /// Route of its endpoint.
    pub(super) endpoint: &'a Arc<str>,
    /// When it ended, in milliseconds since 1970.
    pub(super) time_ms: u64,
    /// The state that it read.
    pub(super) read_at: TxId,
}

/// The last lines of each endpoint.
#[derive(Default)]
pub(super) struct Journal(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// What the lines are of.
    edition: Edition,
    /// Number of the last line.
    last: u64,
    /// What the lines take.
    bytes: usize,
    endpoints: BTreeMap<Arc<str>, Tail>,
}

/// The last lines of an endpoint.
#[derive(Default)]
struct Tail {
    lines: VecDeque<Line>,
    dropped: u64,
}

impl Printed {
    /// Longest line, in bytes. What scripts print is cut there already.
    const MAX_LINE_BYTES: usize = 4096;

    pub(super) fn new(console: Console) -> Self {
        let level = |level| match level {
            ConsoleLevel::Info => Level::Info,
            ConsoleLevel::Fail => Level::Fail,
        };
        let lines = console.lines.into_iter().map(|line| (level(line.level), line.text)).collect();
        Self { lines, dropped: console.dropped }
    }

    /// Whether there was nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }

    pub(super) fn exception(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(Self::MAX_LINE_BYTES)];
        self.lines.push((Level::Exception, text.to_owned()));
    }
}

impl Journal {
    /// Most lines of an endpoint.
    const MAX_LINES: usize = 256;
    /// Most bytes of all endpoints.
    const MAX_BYTES: usize = 8 << 20;

    /// Keeps what a call of an edition printed. What an older one printed is forgotten; that of an older one than the
    /// last is not kept.
    pub(super) fn keep(&self, edition: Edition, source: &Source<'_>, printed: Printed) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.follow(edition) {
            kept.add(source, printed);
            kept.shorten();
        }
    }

    /// Lines for a member who sees an edition.
    pub(super) fn page(&self, edition: Edition, query: &Query) -> Page {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = kept.follow(edition);
        let asked = |route: &str| is_current && query.endpoint.as_ref().is_none_or(|asked| asked == route);
        let tails = kept.endpoints.iter().filter(|(route, _)| asked(route)).map(|(_, tail)| tail);
        let dropped = tails.clone().map(|tail| tail.dropped).sum();
        let after = query.after.unwrap_or(0);
        let mut found: Vec<_> =
            tails.flat_map(|tail| &tail.lines).filter(|line| line.number > after).collect();
        found.sort_unstable_by_key(|line| line.number);
        let surplus = found.len().saturating_sub(query.limit);
        let wanted = match query.after {
            Some(_) => &found[..found.len() - surplus],
            None => &found[surplus..],
        };
        Page { lines: wanted.iter().copied().cloned().collect(), dropped, last: kept.last }
    }
}

impl Kept {
    /// Forgets all if the edition is another one than before, and not older; returns whether it is the one kept. After
    /// a rollback, versions may seem old for a while.
    fn follow(&mut self, edition: Edition) -> bool {
        if self.edition.stamps != edition.stamps {
            if edition.version < self.edition.version {
                return false;
            }
            self.endpoints.clear();
            self.bytes = 0;
        }
        self.edition = Edition { version: edition.version.max(self.edition.version), ..edition };
        true
    }

    fn add(&mut self, source: &Source<'_>, printed: Printed) {
        let tail = self.endpoints.entry(source.endpoint.clone()).or_default();
        tail.dropped += printed.dropped;
        for (level, text) in printed.lines {
            self.last += 1;
            let Source { time_ms, read_at, .. } = *source;
            let endpoint = source.endpoint.clone();
            let line = Line { number: self.last, time_ms, endpoint, read_at, level, text };
            self.bytes += line_bytes(&line);
            tail.lines.push_back(line);
            if tail.lines.len() > Journal::MAX_LINES {
                self.bytes -= tail.drop_first();
            }
        }
    }

    /// Drops the oldest lines, of whichever endpoint, until the rest is small enough.
    fn shorten(&mut self) {
        while self.bytes > Journal::MAX_BYTES {
            let first = |tail: &&mut Tail| tail.lines.front().map_or(u64::MAX, |line| line.number);
            let Some(oldest) = self.endpoints.values_mut().min_by_key(first) else { return };
            self.bytes -= oldest.drop_first();
        }
    }
}

impl Tail {
    /// Returns what the line took.
    fn drop_first(&mut self) -> usize {
        self.dropped += 1;
        self.lines.pop_front().as_ref().map_or(0, line_bytes)
    }
}

/// What a line takes.
fn line_bytes(line: &Line) -> usize {
    size_of::<Line>() + line.text.capacity()
}

#[cfg(test)]
mod tests;
