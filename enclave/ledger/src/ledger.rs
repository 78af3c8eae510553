//! The state of the one writer: what is appended, in which order it leaves, and what can be taken back.

use std::collections::VecDeque;

use coco_crypto::LedgerSecret;
use coco_wire::{
    Digest, Seqno, TxId, WriteSet,
    entry::{EntryError, EntryFlags},
};

use crate::{
    chunk::Chunker,
    seal::{Sealing, seal},
    secrets::LedgerSecrets,
    signature::{SignatureMode, SignatureRequest, Signed},
    tree::Tree,
};

/// The writing end of the ledger.
///
/// Entries are sealed when they are appended. A signature reserves its place and is made elsewhere; entries behind
/// it wait, sealed, and leave in order once it is there.
#[derive(Debug)]
pub struct Ledger {
    secrets: LedgerSecrets,
    mode: SignatureMode,
    tree: Tree,
    chunker: Chunker,
    /// Last position taken, reserved ones included.
    last: Seqno,
    /// Signatures from the last committed one on, ascending.
    signatures: VecDeque<Seqno>,
    reserved: Option<Reservation>,
    /// Entries behind the reservation.
    held: VecDeque<(TxId, Sealing)>,
    ready: Vec<Sealed>,
}

#[derive(Debug)]
struct Reservation {
    txid: TxId,
    root: Digest,
    ends_chunk: bool,
}

/// What does not change while the node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// Bytes of entries after which a chunk ends, at the next signature (CCF `ledger.chunk_size`).
    pub chunk_size: u64,
    /// Which signatures are written.
    pub signatures: SignatureMode,
}

/// What a transaction asks for beside its writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendOptions {
    /// A new chunk starts with this entry: the first one of a recovered service.
    pub starts_chunk: bool,
    /// The chunk ends with the next signature.
    pub ends_chunk: bool,
}

/// An entry ready for disk and peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its place.
    pub txid: TxId,
    /// The whole entry.
    pub bytes: Vec<u8>,
    /// Whether it signs all entries before it.
    pub signature: bool,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new(secrets: LedgerSecrets, config: LedgerConfig) -> Self {
        Self::following(secrets, config, Tree::default())
    }

    /// A ledger that goes on behind the last leaf of `tree`: a committed signature, or none.
    pub(crate) fn following(secrets: LedgerSecrets, config: LedgerConfig, tree: Tree) -> Self {
        let last = tree.last();
        Self {
            secrets,
            mode: config.signatures,
            tree,
            chunker: Chunker::new(config.chunk_size, last),
            last,
            signatures: Some(last).filter(|last| *last > Seqno::ZERO).into_iter().collect(),
            reserved: None,
            held: VecDeque::new(),
            ready: Vec::new(),
        }
    }

    /// Keys of the private part.
    #[must_use]
    pub fn secrets(&self) -> &LedgerSecrets {
        &self.secrets
    }

    /// Adds a secret that is in force from an entry on, which is not there yet.
    ///
    /// # Panics
    /// If entries up to there are sealed under another secret.
    pub fn add_secret(&mut self, from: Seqno, secret: LedgerSecret) {
        assert!(from > self.last, "a new secret is for new entries");
        self.secrets.add(from, secret);
    }

    /// Root of the Merkle tree over all entries that are ready.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// Leaf of the last committed signature or a later entry, as snapshots record it.
    #[must_use]
    pub fn leaf(&self, seqno: Seqno) -> Option<Digest> {
        self.tree.leaf(seqno)
    }

    /// Last position taken, that of a reserved signature included.
    #[must_use]
    pub fn last(&self) -> Seqno {
        self.last
    }

    /// Entries after the last signature, made or reserved.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        let signature = self.reserved.as_ref().map_or(self.last_signature(), |reserved| reserved.txid.seqno);
        self.last.0 - signature.0
    }

    /// Whether a signature is reserved and not yet made.
    #[must_use]
    pub fn is_signing(&self) -> bool {
        self.reserved.is_some()
    }

    /// Seals a transaction into the next position. `claims` is zero where the application claims nothing.
    ///
    /// # Errors
    /// When the entry would exceed 1 GiB, or the view 31 bits; then nothing changes.
    ///
    /// # Panics
    /// If `txid` is not the next position.
    pub fn append(
        &mut self,
        txid: TxId,
        writes: &WriteSet,
        claims: Digest,
        options: AppendOptions,
    ) -> Result<(), EntryError> {
        assert_eq!(txid.seqno, self.last.next(), "entries are appended in order");
        let flags = if options.starts_chunk { EntryFlags::FORCE_CHUNK_BEFORE } else { EntryFlags::NONE };
        let sealing = seal(&self.secrets, txid, writes, claims, flags)?;
        self.last = txid.seqno;
        if options.ends_chunk {
            self.chunker.request(txid.seqno);
        }
        if self.reserved.is_some() {
            self.held.push_back((txid, sealing));
        } else {
            self.release(txid, sealing, false);
        }
        Ok(())
    }

    /// Reserves the next position for a signature over everything before it. `ends_chunk`: the chunk ends with it
    /// even if it is not full and nobody asked for it.
    ///
    /// # Panics
    /// If `txid` is not the next position, or a signature is reserved already.
    pub fn reserve_signature(&mut self, txid: TxId, ends_chunk: bool) -> SignatureRequest {
        assert_eq!(txid.seqno, self.last.next(), "entries are appended in order");
        assert!(self.reserved.is_none(), "one signature is made at a time");
        let ends_chunk = ends_chunk || self.chunker.is_due();
        let root = self.tree.root();
        self.last = txid.seqno;
        self.reserved = Some(Reservation { txid, root, ends_chunk });
        SignatureRequest {
            txid,
            root,
            tree: self.tree.serialise(self.last_signature()),
            flags: if ends_chunk { EntryFlags::FORCE_CHUNK_AFTER } else { EntryFlags::NONE },
            mode: self.mode,
            secrets: self.secrets.clone(),
        }
    }

    /// Puts a signature in its place and releases what waited behind it. Yields what it writes; nothing if its
    /// reservation was rolled back meanwhile.
    pub fn complete_signature(&mut self, signed: Signed) -> Option<WriteSet> {
        let reserved = self.reserved.take_if(|it| it.txid == signed.txid && it.root == signed.root)?;
        self.release(signed.txid, signed.sealing, true);
        self.signatures.push_back(signed.txid.seqno);
        if reserved.ends_chunk {
            self.chunker.end();
        }
        for (txid, sealing) in std::mem::take(&mut self.held) {
            self.release(txid, sealing, false);
        }
        Some(signed.writes)
    }

    /// Moves all entries that are ready to `out`, in order.
    pub fn drain(&mut self, out: &mut Vec<Sealed>) {
        out.append(&mut self.ready);
    }

    /// Takes back everything after `to`, a reserved signature included.
    ///
    /// # Panics
    /// If `to` is before the last committed signature.
    pub fn rollback(&mut self, to: Seqno) {
        self.last = self.last.min(to);
        if self.reserved.take_if(|reserved| reserved.txid.seqno > to).is_some() {
            self.held.clear();
        }
        self.held.retain(|(txid, _)| txid.seqno <= to);
        self.ready.retain(|sealed| sealed.txid.seqno <= to);
        self.tree.retract(to);
        self.chunker.rollback(to);
        self.signatures.truncate(self.signatures.partition_point(|signature| *signature <= to));
        self.secrets.rollback(to);
    }

    /// Everything up to this signature is committed: leaves before it are forgotten.
    ///
    /// # Panics
    /// If the signature is not in the ledger, or before one that was committed.
    pub fn compact(&mut self, signature: Seqno) {
        self.tree.flush(signature);
        self.chunker.compact(signature);
        let later = self.signatures.partition_point(|other| *other <= signature);
        self.signatures.drain(..later.saturating_sub(1));
    }

    /// Puts an entry in the next place, the way the node that sealed it did.
    pub(crate) fn place(&mut self, txid: TxId, sealing: Sealing, signature: bool, ends_chunk: bool) {
        self.last = txid.seqno;
        self.release(txid, sealing, signature);
        if signature {
            self.signatures.push_back(txid.seqno);
        }
        if ends_chunk {
            self.chunker.end();
        }
    }

    fn last_signature(&self) -> Seqno {
        self.signatures.back().copied().unwrap_or(Seqno::ZERO)
    }

    fn release(&mut self, txid: TxId, sealing: Sealing, signature: bool) {
        self.tree.append(sealing.leaf);
        self.chunker.add(sealing.bytes.len());
        self.ready.push(Sealed { txid, bytes: sealing.bytes, signature });
    }
}

#[cfg(test)]
mod tests;
