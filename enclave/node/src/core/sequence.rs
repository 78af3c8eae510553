//! Giving transactions their place.

use std::sync::atomic::Ordering;

use coco_app::Appended;
use coco_boundary::{Effect, EntryKind};
use coco_ledger::AppendOptions;
use coco_raft::{Entry, Input};
use coco_tables::{jwt, nodes};
use coco_wire::{Seqno, TxId, WriteSet};

use super::{Changed, Core, Output, Refusal, nodes::Change};
use crate::call::{Mount, Write};

/// Names of the tables that say who may do what begin so.
const GOVERNANCE: [&str; 2] = ["public:ccf.gov.", "public:coco.gov."];
/// Table whose change may open the service to users.
pub(super) const SERVICE_INFO: &str = "public:ccf.gov.service.info";

impl Core {
    /// Gives a transaction the next place, if what it read still holds.
    ///
    /// [`Core::flush`] hands it to disk and peers; the caller does that once for all it sequences.
    ///
    /// # Errors
    /// If it cannot have a place; nothing is changed.
    pub fn sequence(&mut self, write: &Write) -> Result<TxId, Refusal> {
        if !self.is_primary() {
            return Err(Refusal::NotPrimary);
        }
        let uncommitted = self.kv.version().0 - self.raft.log().committed().seqno.0;
        if self.settings.max_uncommitted != 0 && uncommitted >= self.settings.max_uncommitted {
            return Err(Refusal::Full);
        }
        let txid = self.place(write)?;
        if write.mount == Mount::App {
            self.count_for_window(txid);
        }
        Ok(txid)
    }

    /// As [`Core::sequence`], for what the node itself writes.
    pub(super) fn place(&mut self, write: &Write) -> Result<TxId, Refusal> {
        let txid = TxId { view: self.raft.view(), seqno: self.kv.version().next() };
        let change = self.change_by(write.executed.writes()).map_err(|_| Refusal::Malformed)?;
        self.kv.commit(txid.seqno, &write.executed)?;
        let options = AppendOptions { starts_chunk: false, ends_chunk: write.requests.ledger_chunk };
        let writes = write.executed.writes();
        if self.ledger.append(txid, writes, write.claims, options).is_err() {
            self.kv.rollback(txid.seqno.previous());
            return Err(Refusal::TooLarge);
        }
        if let Some(secret) = &write.requests.ledger_secret {
            self.ledger.add_secret(txid.seqno.next(), secret.clone());
            self.publish_secrets();
        }
        self.reconfigurations.extend(change.map(|change| (txid.seqno, change)));
        self.changed = self.changed.max(Changed::Appended);
        self.view.shared.stale.store(true, Ordering::Release);
        self.appended(txid.seqno, writes);
        Ok(txid)
    }

    /// Hands everything that has its place to disk and peers, signs if it is time, and publishes what is told at once.
    pub fn flush(&mut self, out: &mut Output) {
        self.drain(out);
        if self.is_primary() {
            self.mark_retired(out);
            self.record_snapshot();
            self.make_up_for_snapshot();
            self.consider_signing(out);
        }
        self.go_on_leaving(out);
        self.publish();
    }

    /// Hands what is ready to disk and peers.
    pub(super) fn drain(&mut self, out: &mut Output) {
        let entries = self.write_out(out);
        if !entries.is_empty() {
            self.raft_input(Input::Propose(entries), out);
        }
    }

    /// Hands what is ready to the disk; the same as consensus knows it.
    pub(super) fn write_out(&mut self, out: &mut Output) -> Vec<Entry> {
        let mut sealed = Vec::new();
        self.ledger.drain(&mut sealed);
        let replicates = !sealed.is_empty() && self.is_primary() && !self.view.shared.peers.load().is_empty();
        let mut entries = Vec::with_capacity(sealed.len());
        for entry in sealed {
            let txid = entry.txid;
            let change = self.reconfigurations.pop_front_if(|(seqno, _)| *seqno == txid.seqno);
            let Change { configuration, retired } = change.map(|(_, change)| change).unwrap_or_default();
            entries.push(Entry { txid, signature: entry.signature, configuration, retired });
            self.sending.written(txid.seqno, &entry.bytes);
            if replicates {
                self.sending.keep(txid.seqno, &entry.bytes);
            }
            self.snapshots.sealed(txid.seqno, &entry.bytes);
            let kind = if entry.signature { EntryKind::Signature } else { EntryKind::Transaction };
            out.effects.push(Effect::Append { id: txid, kind, entry: entry.bytes });
        }
        entries
    }

    /// Shows the ledger's secrets to the rest of the node, before any state that they belong to.
    pub(super) fn publish_secrets(&self) {
        self.view.shared.secrets.set(self.ledger.secrets().clone());
    }

    /// Follows up on what a transaction changed, as soon as it has its place.
    pub(super) fn appended(&mut self, seqno: Seqno, writes: &WriteSet) {
        let app = &self.view.mounts.app;
        app.appended(&Appended { seqno, writes });
        let decisive = &app.manifest().decisive_tables;
        if decisive.iter().any(|table| writes.table(table).is_some()) {
            self.changed = Changed::Decisive;
        }
        if !writes.concerns_service() {
            return;
        }
        if writes.tables().any(|(name, _)| GOVERNANCE.iter().any(|it| name.as_str().starts_with(it))) {
            self.changed = Changed::Decisive;
        }
        self.note_snapshots(writes);
        if writes.table(nodes::INFO).is_some() {
            self.publish_peers();
        }
        if writes.table(SERVICE_INFO).is_some() {
            self.open = crate::genesis::is_open(&self.kv.latest());
        }
        if writes.table(jwt::ISSUERS).is_some() {
            self.view.shared.refreshing.note_written();
        }
        if nodes::changes_rules(writes) {
            self.view.shared.rules.note_written();
        }
    }
}
