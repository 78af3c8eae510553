//! The host of a node of these tests: its disk is a list, and what it is asked for it does at once.

use coco_boundary::{Effect, EntryKind, Event, FileEffect, FileEvent};
use coco_node::{Certificates, Output, is_requested_by_core};

use crate::node::Node;

impl Node {
    /// Carries out what follows until nothing does.
    pub(crate) fn settle(&mut self, mut out: Output) {
        loop {
            let mut next = Output::default();
            if out.certificates == Certificates::Written {
                self.certificates = out.certificates;
            }
            self.messages.append(&mut out.messages);
            self.reads.append(&mut out.reads);
            for effect in std::mem::take(&mut out.effects) {
                self.perform(effect, &mut next);
            }
            for job in std::mem::take(&mut out.jobs) {
                match &mut self.held {
                    Some(held) => held.push(job),
                    None => self.core.done(job.run(), &mut next),
                }
            }
            self.messages.append(&mut next.messages);
            self.reads.append(&mut next.reads);
            if next.effects.is_empty() && next.jobs.is_empty() {
                self.core.refresh_committed();
                return;
            }
            out = next;
        }
    }

    fn perform(&mut self, effect: Effect, out: &mut Output) {
        match effect {
            Effect::Append { id, kind, entry } => {
                assert_eq!(id.seqno, self.persisted.seqno.next(), "entries come in order");
                self.entries.insert(id.seqno, entry);
                self.persisted = id;
                if kind == EntryKind::Signature && !self.slow_disk {
                    self.core.handle(Event::Persisted { upto: id }, out);
                }
            }
            Effect::Commit { upto } => self.committed = upto,
            Effect::Truncate { last } => {
                self.entries.split_off(&last.next());
                self.persisted.seqno = self.persisted.seqno.min(last);
            }
            Effect::Quote { report_data } => {
                let evidence = Ok((self.platform)(&report_data));
                self.core.handle(Event::Quote { report_data, evidence }, out);
            }
            Effect::ReadEntries { request, from, to } => {
                let entries = Ok(self.entries.range(from..=to).map(|(_, entry)| entry.clone()).collect());
                if is_requested_by_core(request) {
                    return self.core.handle(Event::Entries { request, entries }, out);
                }
                let history = &self.view.shared.history;
                if let Some(decoding) = history.answered(request, entries) {
                    history.decode(&self.view.state().chain, decoding);
                }
            }
            Effect::Stop { .. } => self.stopped = true,
            Effect::ResumeLedger { after } => {
                assert!(self.entries.is_empty(), "before anything else");
                self.persisted.seqno = after;
                self.committed = after;
            }
            Effect::Files(effect) => self.files(effect, out),
            Effect::Send { .. } => {}
        }
    }

    fn files(&mut self, effect: FileEffect, out: &mut Output) {
        match effect {
            FileEffect::WriteSnapshot { seqno, offset, bytes } => {
                let file = self.unfinished.entry(seqno).or_default();
                assert_eq!(file.len() as u64, offset, "pieces follow each other");
                file.extend(bytes);
                let len = file.len() as u64;
                if !self.stuck_files {
                    let event = FileEvent::SnapshotWritten { seqno, len };
                    self.core.handle(Event::Files(event), out);
                }
            }
            FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt } => {
                let mut file = self.unfinished.remove(&seqno).expect("it was written");
                file.extend(receipt);
                self.snapshots.insert((seqno, evidence_seqno), file);
            }
            FileEffect::DropSnapshot { seqno } => drop(self.unfinished.remove(&seqno)),
            FileEffect::List { .. } | FileEffect::Read { .. } => unreachable!("Core reads no files"),
        }
    }

    /// Answers the reads of the ledger that calls asked for.
    pub(crate) fn answer_reads(&mut self) {
        let effects = self.view.shared.history.take_reads();
        self.settle(Output { effects, ..Output::default() });
    }
}
