//! Giving transactions their place.

use std::sync::atomic::Ordering;

use coco_boundary::{Effect, EntryKind};
use coco_ledger::AppendOptions;
use coco_raft::{Entry, Input};
use coco_wire::{TxId, WriteSet};

use super::{Changed, Core, Output, Refusal};
use crate::call::{Mount, Write};

/// Names of the tables that say who may do what begin so.
const GOVERNANCE: &str = "public:ccf.gov.";
/// Table whose change may open the service to users.
const SERVICE_INFO: &str = "public:ccf.gov.service.info";

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
        self.kv.commit(txid.seqno, &write.executed)?;
        let options = AppendOptions { starts_chunk: false, ends_chunk: write.requests.ledger_chunk };
        let writes = write.executed.writes();
        if self.ledger.append(txid, writes, write.claims, options).is_err() {
            self.kv.rollback(txid.seqno.previous());
            return Err(Refusal::TooLarge);
        }
        self.changed = self.changed.max(Changed::Appended);
        self.view.shared.stale.store(true, Ordering::Release);
        self.appended(writes);
        Ok(txid)
    }

    /// Hands everything that has its place to disk and peers, signs if it is time, and publishes what is told at once.
    pub fn flush(&mut self, out: &mut Output) {
        self.drain(out);
        if self.is_primary() {
            self.consider_signing(out);
        }
        self.publish();
    }

    pub(super) fn drain(&mut self, out: &mut Output) {
        let mut sealed = Vec::new();
        self.ledger.drain(&mut sealed);
        if sealed.is_empty() {
            return;
        }
        let mut entries = Vec::with_capacity(sealed.len());
        for entry in sealed {
            entries.push(Entry {
                txid: entry.txid,
                signature: entry.signature,
                configuration: None,
                retired: Vec::new(),
            });
            let kind = if entry.signature { EntryKind::Signature } else { EntryKind::Transaction };
            out.effects.push(Effect::Append { id: entry.txid, kind, entry: entry.bytes });
        }
        self.raft_input(Input::Propose(entries), out);
    }

    /// Follows up on what a transaction changed, as soon as it has its place.
    fn appended(&mut self, writes: &WriteSet) {
        if writes.tables().any(|(name, _)| name.as_str().starts_with(GOVERNANCE)) {
            self.changed = Changed::Governance;
        }
        if writes.table(SERVICE_INFO).is_some() {
            self.open = crate::genesis::is_open(&self.kv.latest());
        }
    }
}
