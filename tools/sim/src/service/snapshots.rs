//! Snapshots: hosts keep what nodes make, and nodes begin with them.

use coco_boundary::{Event as News, FileEffect, FileEvent, SnapshotFault};
use coco_kv::Reader as _;
use coco_node::{
    Beginning, Inspection, Opening,
    startup::fetch::{Answer, Fetch, Step},
};
use coco_wire::{
    Seqno, TableName,
    snapshot::{SnapshotName, SnapshotPhase},
};

use super::{
    app::ITEMS,
    checks::{Checked, check},
    disk::Disk,
    event::Event,
    faults::Fault,
    files::{File, Flaw},
    network::address,
    world::World,
};

/// How often a node tries to begin, in milliseconds.
const AGAIN_MS: u64 = 50;
/// Nodes that begin without a snapshot although there is one, of a thousand.
const WITHOUT: u64 = 300;
/// Largest snapshot that is fetched.
const MAX_BYTES: u64 = 1 << 20;

/// How a node comes by a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With the ledger up to it, from the files of another host.
    Copied,
    /// Alone, from a node.
    Fetched,
}

impl World<'_> {
    /// A host does what a node asks of its files.
    pub(super) fn file(&mut self, place: usize, effect: FileEffect) -> Checked {
        let answer = match effect {
            FileEffect::WriteSnapshot { seqno, offset, bytes } => {
                self.note(|| format!("       node {place} writes a piece of the snapshot at {seqno}"));
                self.hash((place, seqno));
                self.checks.makes_snapshot(place, (seqno, offset), &bytes)?;
                let Some(len) = self.machines[place].files.write(seqno, offset, &bytes) else {
                    return Ok(());
                };
                if self.random.chance(self.options.unwritten_snapshots)
                    && self.strike(Fault::UnwrittenSnapshot)
                {
                    self.machines[place].files.drop(seqno);
                    FileEvent::SnapshotFailed { seqno, fault: SnapshotFault::Backlog }
                } else {
                    FileEvent::SnapshotWritten { seqno, len }
                }
            }
            FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt } => {
                self.note(|| format!("       node {place} commits the snapshot at {seqno}"));
                self.hash((place, seqno, evidence_seqno));
                let name = SnapshotName { seqno, evidence_seqno, phase: SnapshotPhase::Committed };
                self.commit_snapshot(place, name, &receipt)
            }
            FileEffect::DropSnapshot { seqno } => {
                self.machines[place].files.drop(seqno);
                return Ok(());
            }
            // Core asks for no other files.
            FileEffect::List { .. } | FileEffect::Read { .. } => return Ok(()),
        };
        let ms = self.random.between(1, self.options.write_ms);
        self.after(ms, Event::Answer(place, News::Files(answer)));
        Ok(())
    }

    fn commit_snapshot(&mut self, place: usize, name: SnapshotName, receipt: &[u8]) -> FileEvent {
        let flaw = self.flaw();
        let files = &mut self.machines[place].files;
        let Some(mut bytes) = files.drop(name.seqno) else {
            return FileEvent::SnapshotFailed { seqno: name.seqno, fault: SnapshotFault::Absent };
        };
        let sealed = bytes.len();
        bytes.extend_from_slice(receipt);
        let len = bytes.len() as u64;
        files.keep(name, bytes, sealed, flaw);
        self.snapshots += 1;
        FileEvent::SnapshotCommitted { name, len }
    }

    fn flaw(&mut self) -> Option<Flaw> {
        if !self.random.chance(self.options.damaged_snapshots) {
            return None;
        }
        let (fault, flaw) = match self.random.below(3) {
            0 => (Fault::LostSnapshot, Flaw::Lost),
            1 => (Fault::TornSnapshot, Flaw::Torn(self.random.below(1000))),
            _ => {
                (Fault::FlippedSnapshot, Flaw::Flipped { at: self.random.draw(), bit: self.random.below(8) })
            }
        };
        self.strike(fault).then_some(flaw)
    }

    /// A node hears that it is let in, and begins: with a snapshot, or with nothing.
    pub(super) fn joined(&mut self, place: usize) -> Checked {
        let joined = self.identities.welcome(place, self.addresses());
        let needed = self.unreadable();
        let Some((source, name, way)) = self.choose(needed) else {
            if needed > Seqno::ZERO {
                // Nobody could tell it how the ledger begins.
                self.after(AGAIN_MS, Event::Joined(place));
                return Ok(());
            }
            return self.input(place, "joined", |core, out| core.joined(joined, out));
        };
        let Some(file) = self.machines[source].files.get(name).cloned() else { return Ok(()) };
        let disk = match way {
            Way::Copied => self.machines[source].disk.copy(name.seqno),
            Way::Fetched => Disk::default(),
        };
        let readable = (way == Way::Copied).then(|| disk.base().next());
        let opened = self.open_snapshot(source, name, &file, (way, readable));
        check(
            opened.is_some() == file.flaw.is_none(),
            "D5 sound snapshots are taken, and no others",
            || format!("{name} of node {source}, which has {:?}, for node {place}", file.flaw),
        )?;
        let Some(beginning) = opened else {
            self.note(|| format!("node {place} cannot begin with {name} of node {source}"));
            self.after(AGAIN_MS, Event::Joined(place));
            return Ok(());
        };
        self.hash((place, source, name.seqno));
        let machine = &mut self.machines[place];
        machine.disk = disk;
        machine.files.keep(name, file.bytes, 0, None);
        machine.view.shared.begin_with(name.seqno);
        self.input(place, "begins with a snapshot", |core, out| core.joined_with(joined, beginning, out))?;
        self.check_beginning(place, name.seqno)
    }

    /// The ledger of a node begins behind a snapshot.
    pub(super) fn resume(&mut self, place: usize, after: Seqno) -> Checked {
        let committed = self.checks.at(after);
        check(committed.is_some(), "S4 snapshots are of what is committed", || {
            format!("{place} at {after}")
        })?;
        let digest = self.checks.digest(after);
        let machine = &mut self.machines[place];
        machine.disk.resume(committed.unwrap_or_default(), digest);
        machine.committed = after;
        Ok(())
    }

    /// Which snapshot a node is to begin with, and how. Nodes that began with one alone cannot tell others of what is
    /// before it: whoever comes later needs as much, and whoever is there must have it.
    fn choose(&mut self, needed: Seqno) -> Option<(usize, SnapshotName, Way)> {
        let begun = self.machines.iter().filter(|machine| machine.takes_part());
        let known = begun.map(|machine| machine.state().chain.committed.seqno).min().unwrap_or_default();
        let all = self.machines.iter().enumerate();
        let named = all.flat_map(|(place, machine)| machine.files.names().map(move |name| (place, name)));
        let candidates: Vec<_> = named.filter(|(_, name)| name.seqno >= needed).collect();
        let (source, name) = *self.random.pick(&candidates)?;
        if needed == Seqno::ZERO && self.random.chance(WITHOUT) {
            return None;
        }
        let machine = &self.machines[source];
        let copies = machine.disk.at(name.seqno).is_some() && machine.disk.base() <= known;
        let fetches = machine.alive && name.seqno <= known;
        let way = match self.random.chance(500) {
            _ if !copies && !fetches => return None,
            prefers_copy if copies && (prefers_copy || !fetches) => Way::Copied,
            _ => Way::Fetched,
        };
        let fault = if way == Way::Copied { Fault::CopiedSnapshot } else { Fault::FetchedSnapshot };
        self.strike(fault).then_some((source, name, way))
    }

    /// Up to here nodes have only a snapshot.
    fn unreadable(&self) -> Seqno {
        let begun = self.machines.iter().filter(|machine| machine.takes_part());
        begun.map(|machine| machine.disk.base()).max().unwrap_or_default()
    }

    /// What a node makes of a snapshot file, as `coco` does before it joins.
    fn open_snapshot(
        &self,
        source: usize,
        name: SnapshotName,
        file: &File,
        (way, readable): (Way, Option<Seqno>),
    ) -> Option<Beginning> {
        let service = self.identities.certificate();
        match way {
            Way::Fetched => self.fetch(source, name, file)?,
            Way::Copied => {
                let mut inspection = Inspection::default();
                inspection.push(&file.bytes).ok()?;
                inspection.finish_with(service, self.scheme).ok()?;
            }
        }
        let mut opening = Opening::new(self.identities.secrets());
        opening.push(&file.bytes).ok()?;
        opening.finish_with(service, self.scheme, readable).ok()
    }

    /// Asks a node for its file.
    fn fetch(&self, source: usize, name: SnapshotName, file: &File) -> Option<()> {
        let service = self.identities.certificate().clone();
        let mut fetch = Fetch::new(service, address(source), Seqno::ZERO, MAX_BYTES).signed_with(self.scheme);
        let location = Some(format!("https://{}/node/snapshot/{name}", address(source)));
        fetch.answered(Answer { status: 307, location, ..Answer::default() }).ok()?;
        let size = file.bytes.len();
        let content_range = Some(format!("bytes 0-{}/{size}", size.checked_sub(1)?));
        let part = Answer { status: 206, content_range, body: file.bytes.clone(), ..Answer::default() };
        fetch.answered(part).ok()?;
        (fetch.kept().ok()? == Step::Complete(name)).then_some(())
    }

    /// D6, S10: a node that begins with a snapshot has the state and the configuration of its place.
    fn check_beginning(&mut self, place: usize, seqno: Seqno) -> Checked {
        let state = self.machines[place].state();
        let items = TableName::new(ITEMS);
        for (name, expected) in self.checks.history.state(seqno) {
            let found = state.committed.get(&items, name.as_bytes());
            let found = found.as_deref().unwrap_or_default();
            check(found == expected.as_bytes(), "D6 a snapshot has what was committed", || {
                format!("{name} of node {place} is {found:?} at {seqno}, not {expected}")
            })?;
        }
        let known = state.consensus.configurations.iter().flat_map(|(_, nodes)| nodes);
        let known = known.map(|id| self.place_of(id)).collect();
        let expected = self.checks.configuration(seqno);
        check(expected == known, "S10 a snapshot has the configuration of its place", || {
            format!("{known:?} for node {place} at {seqno}, not {expected:?}")
        })
    }
}
