//! What follows from one input to one node.

use coco_boundary::{Effect, EntryKind, Event as News, ReadFault, RequestId, StopReason};
use coco_node::Output;
use coco_wire::{Seqno, TxId};

use super::{
    Sabotage,
    checks::{Checked, check},
    event::Event,
    faults::Fault,
    machine::evidence,
    world::World,
};

/// Longest delay of a message or job that is delayed, in election timeouts.
const MAX_DELAY_TIMEOUTS: u64 = 3;
/// Reports that are wrong on a host that lies, of a thousand.
const LIES: u64 = 50;
/// What a slow disk adds to each write.
const SLOW_MS: u64 = 700;

impl World<'_> {
    /// Carries out what a core asks for, in order.
    pub(super) fn follow(&mut self, place: usize, out: Output) -> Checked {
        self.checks.stepped(place, &self.machines[place])?;
        // A snapshot inside of what is committed at once splits it: the whole is what was agreed on.
        let is_commit = |effect: &Effect| matches!(effect, Effect::Commit { .. });
        let agreed = out.effects.iter().rposition(is_commit);
        for (index, effect) in out.effects.into_iter().enumerate() {
            if !is_commit(&effect) || agreed == Some(index) {
                self.effect(place, effect)?;
            }
        }
        for job in out.jobs {
            let mut ms = self.random.between(1, self.options.job_ms);
            if self.random.chance(self.options.late_jobs) && self.strike(Fault::LateJob) {
                ms += self.long_ms();
            }
            self.after(ms, Event::Job(place, job));
        }
        self.send(place, out.messages)?;
        if let Some(at) = out.wake_at
            && self.machines[place].wish.is_none_or(|wish| at < wish)
        {
            let (now, _) = self.machines[place].clock.read(self.now_ms);
            self.machines[place].wish = Some(at);
            self.after(at.since_ms(now), Event::Wake(place));
        }
        self.write(place);
        self.settle_reads(place, out.reads)
    }

    fn effect(&mut self, place: usize, effect: Effect) -> Checked {
        match effect {
            Effect::Append { id, kind, entry } => {
                self.note(|| format!("       node {place} appends {id} {kind:?}"));
                self.hash((place, id, kind == EntryKind::Signature));
                self.machines[place].disk.append(id, kind, entry);
                let lies = self.conditions.sabotage == Some(Sabotage::UnsyncedReports);
                if lies && self.random.chance(LIES) {
                    self.after(1, Event::Answer(place, News::Persisted { upto: id }));
                }
                self.checks.appended(place, &self.machines[place])
            }
            Effect::Truncate { last } => {
                self.note(|| format!("       node {place} goes back to {last}"));
                self.hash((place, last));
                self.checks.truncates(place, &self.machines[place], last)?;
                self.machines[place].disk.truncate(last);
                Ok(())
            }
            Effect::Commit { upto } => {
                self.note(|| format!("       node {place} commits {upto}"));
                self.hash((place, upto, true));
                let earlier = std::mem::replace(&mut self.machines[place].committed, upto);
                check(upto > earlier, "S8 commits go up", || format!("{place} from {earlier} to {upto}"))?;
                self.checks.commits(place, &self.machines, upto)
            }
            Effect::ReadEntries { request, from, to } => {
                self.read_back(place, request, from, to);
                Ok(())
            }
            Effect::Quote { report_data } => {
                let evidence = Ok(evidence(&report_data));
                self.after(1, Event::Answer(place, News::Quote { report_data, evidence }));
                Ok(())
            }
            Effect::Stop { reason } => {
                self.note(|| format!("       node {place} stops: {reason:?}"));
                let machine = &mut self.machines[place];
                if reason == StopReason::Asked {
                    machine.disk.finish();
                }
                machine.crash(self.now_ms);
                check(machine.is_stopping, "no node gives up", || format!("node {place}"))
            }
            Effect::ResumeLedger { after } => self.resume(place, after),
            Effect::Files(effect) => self.file(place, effect),
            Effect::Send { .. } => Ok(()),
        }
    }

    fn read_back(&mut self, place: usize, request: RequestId, from: Seqno, to: Seqno) {
        self.hash((place, from, to));
        let mut entries = self.machines[place].disk.read(from, to);
        if self.random.chance(self.options.short_reads) && self.strike(Fault::ShortRead) {
            let kept = self.random.below(entries.len().max(1) as u64);
            entries.truncate(usize::try_from(kept).expect("a length"));
        }
        if self.random.chance(self.options.flipped_reads) && self.strike(Fault::FlippedRead) {
            // Lengths of entries differ with their signatures: what is drawn must not.
            let (which, at, bit) = (self.random.draw(), self.random.draw(), self.random.below(8));
            flip(&mut entries, which, at, bit);
        }
        if self.random.chance(self.options.reordered_reads)
            && entries.len() > 1
            && self.strike(Fault::ReorderedRead)
        {
            let last = self.random.between(1, entries.len() as u64 - 1);
            entries.swap(0, usize::try_from(last).expect("an index"));
        }
        if self.random.chance(self.options.old_reads)
            && self.machines[place].disk.make_old(&mut entries.clone(), from)
            && self.strike(Fault::OldRead)
        {
            self.machines[place].disk.make_old(&mut entries, from);
        }
        let entries = if entries.is_empty() { Err(ReadFault::Busy) } else { Ok(entries) };
        let ms = self.random.between(1, self.options.write_ms);
        self.after(ms, Event::Answer(place, News::Entries { request, entries }));
    }

    /// Starts to write what is not on disk, one write at a time.
    fn write(&mut self, place: usize) {
        let slow = self.machines[place].disk.slow_until_ms > self.now_ms;
        let ms = self.random.between(1, self.options.write_ms) + if slow { SLOW_MS } else { 0 };
        let disk = &mut self.machines[place].disk;
        if !disk.is_writing && !disk.is_full && disk.is_behind() {
            disk.is_writing = true;
            let upto = disk.last();
            self.after(ms, Event::Written(place, upto));
        }
    }

    /// A write ended; of a process that is gone, it never did.
    pub(super) fn written(&mut self, place: usize, upto: TxId) -> Checked {
        let machine = &mut self.machines[place];
        machine.disk.is_writing = false;
        if !machine.alive {
            return Ok(());
        }
        machine.disk.written(upto);
        let mut ms = 1;
        if self.random.chance(self.options.unreported) && self.strike(Fault::LateReport) {
            ms += self.long_ms();
        }
        self.after(ms, Event::Answer(place, News::Persisted { upto }));
        self.write(place);
        Ok(())
    }

    pub(super) fn long_ms(&mut self) -> u64 {
        self.random.below(MAX_DELAY_TIMEOUTS * self.options.settings.consensus.election_timeout_ms)
    }
}

/// A bit becomes wrong.
fn flip(entries: &mut [Vec<u8>], which: u64, at: u64, bit: u64) {
    let index =
        |number: u64, length: usize| usize::try_from(number % length.max(1) as u64).expect("a length");
    let which = index(which, entries.len());
    let Some(entry) = entries.get_mut(which) else { return };
    let at = index(at, entry.len());
    if let Some(byte) = entry.get_mut(at) {
        *byte ^= 1 << bit;
    }
}
