//! What is left of a ledger after a loss of power, read as whoever takes it over would read it.

use coco_ledger::{Ledger, LedgerConfig, LedgerSecrets};
use coco_wire::{Seqno, TxId, entry::Entry};

/// What a loss of power leaves of entries that were not synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Nothing.
    Lost,
    /// So many thousandths of the next one.
    Torn(u64),
    /// All but the next one, in whose place there is nothing yet.
    Reordered,
}

/// The entries that a ledger still has, up to the first that is none. If it begins behind a snapshot, its tree is not
/// known here.
pub(super) fn recover(image: &[u8], base: Seqno, secrets: LedgerSecrets, config: LedgerConfig) -> Vec<TxId> {
    let mut ledger = Ledger::new(secrets, config);
    let mut entries = Vec::new();
    let mut rest = image;
    while let Ok((entry, behind)) = Entry::decode_first(rest) {
        entries.push(entry.bytes().to_vec());
        rest = behind;
    }
    let opened = ledger.open_request(ledger.last(), entries).run(&|_| None).opened;
    let placed = opened.into_iter().map_while(|entry| {
        let txid = entry.txid();
        (base > Seqno::ZERO || ledger.receive(entry).is_ok()).then_some(txid)
    });
    placed.collect()
}
