//! Flags of entries that are read back for peers.
//!
//! Nothing in an entry itself authenticates them, so without knowing them the host could change them, and a backup would
//! find out only when it has taken the entry in. Of what this node wrote it remembers them. Of what came with a snapshot
//! it reads them back, proved by the snapshot, once a peer needs an entry of that time.

use std::{collections::BTreeMap, mem};

use coco_boundary::{Effect, ReadFault, RequestId};
use coco_ledger::{Lineage, NotSigned, ProvedRun};
use coco_wire::{
    Seqno,
    entry::{EntryFlags, EntryHeader},
};

use super::super::{Core, Output, jobs::Job};

/// What is known of flags.
#[derive(Default)]
pub(in super::super) struct Flags {
    /// Those of entries before this one are not known.
    from: Seqno,
    /// Entries with flags, which are a few in each chunk.
    some: BTreeMap<Seqno, EntryFlags>,
    older: Older,
}

/// How those before the first one known are found out.
#[derive(Default)]
enum Older {
    /// There are none, or nothing proves them.
    #[default]
    Unproved,
    Waiting(Lineage),
    Reading(RequestId, Lineage),
    /// A job has what was read.
    Proving,
}

/// Entries that were read back, and what is to prove them.
pub(in super::super) struct Tracing {
    lineage: Lineage,
    entries: Vec<Vec<u8>>,
}

/// What that came to.
pub(in super::super) struct Traced {
    lineage: Lineage,
    outcome: Result<Option<ProvedRun>, NotSigned>,
}

impl Tracing {
    pub(in super::super) fn run(self) -> Traced {
        let Self { mut lineage, entries } = self;
        let outcome = lineage.prove(&entries);
        Traced { lineage, outcome }
    }
}

impl Flags {
    /// The entries up to `last` came with a snapshot.
    pub(super) fn begin_after(&mut self, last: Seqno, lineage: Lineage) {
        self.from = last.next();
        self.older = Older::waiting(lineage);
    }

    pub(super) fn note(&mut self, seqno: Seqno, entry: &[u8]) {
        if let Some(flags) = flags_of(entry).filter(|flags| *flags != EntryFlags::NONE) {
            self.some.insert(seqno, flags);
        }
    }

    pub(super) fn rollback(&mut self, to: Seqno) {
        self.some.split_off(&to.next());
    }

    /// Whether those of this entry, and of all after it, are known.
    pub(super) fn are_known_from(&self, seqno: Seqno) -> bool {
        seqno >= self.from
    }

    pub(super) fn are_those_of(&self, seqno: Seqno, entry: &[u8]) -> bool {
        let written = self.some.get(&seqno).copied().unwrap_or(EntryFlags::NONE);
        self.are_known_from(seqno) && flags_of(entry) == Some(written)
    }

    /// Whether more of them can be found out.
    pub(super) fn are_provable(&self) -> bool {
        !matches!(self.older, Older::Unproved)
    }

    pub(super) fn are_read_by(&self, request: RequestId) -> bool {
        matches!(&self.older, Older::Reading(reading, _) if *reading == request)
    }

    /// The read that finds out more, unless one is under way.
    fn read(&mut self, request: RequestId) -> Option<Effect> {
        let Older::Waiting(lineage) = &self.older else { return None };
        let (from, to) = lineage.wanted()?;
        if let Older::Waiting(lineage) = mem::take(&mut self.older) {
            self.older = Older::Reading(request, lineage);
        }
        Some(Effect::ReadEntries { request, from, to })
    }

    fn proved(&mut self, run: ProvedRun) {
        self.from = run.first;
        self.some.extend(run.flags);
    }
}

impl Older {
    fn waiting(lineage: Lineage) -> Self {
        if lineage.wanted().is_some() { Self::Waiting(lineage) } else { Self::Unproved }
    }
}

impl Core {
    /// Begins to find out flags of older entries, or goes on with it.
    pub(super) fn trace(&mut self, out: &mut Output) {
        let request = self.sending.request();
        out.effects.extend(self.sending.flags.read(request));
    }

    /// Older entries were read back for their flags.
    pub(super) fn older_entries_read(&mut self, entries: Result<Vec<Vec<u8>>, ReadFault>, out: &mut Output) {
        let flags = &mut self.sending.flags;
        let Older::Reading(_, lineage) = mem::take(&mut flags.older) else { return };
        match entries {
            Ok(entries) if !entries.is_empty() => {
                flags.older = Older::Proving;
                out.jobs.push(Job::trace(Tracing { lineage, entries }));
            }
            Ok(_) | Err(_) => {
                flags.older = Older::waiting(lineage);
                self.sending.forget_older();
            }
        }
    }

    /// Older entries were proved, or not.
    pub(in super::super) fn traced(&mut self, traced: Traced, out: &mut Output) {
        let Traced { lineage, outcome } = traced;
        let flags = &mut self.sending.flags;
        flags.older = Older::waiting(lineage);
        match outcome {
            Ok(run) => {
                run.into_iter().for_each(|run| flags.proved(run));
                for peer in self.sending.peers_that_wait() {
                    self.send_waiting(peer, out);
                }
            }
            Err(NotSigned(seqno)) => {
                let log = &self.view.shared.log;
                log.fail(format_args!("Entry {seqno} was read back otherwise than it was signed"));
                self.sending.forget_older();
            }
        }
    }
}

fn flags_of(entry: &[u8]) -> Option<EntryFlags> {
    EntryHeader::decode(*entry.first_chunk()?).ok().map(EntryHeader::flags)
}

#[cfg(test)]
mod tests;
