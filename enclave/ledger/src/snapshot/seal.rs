//! From the tables to the bytes of a snapshot.

use coco_crypto::{
    LedgerSecret,
    gcm_stream::{GcmCipher, GcmSealer},
    hash::Sha256,
};
use coco_wire::{
    Digest, Seqno,
    entry::{EntryError, Iv},
    snapshot::{SnapshotFrame, SnapshotHeader},
};

use crate::secrets::LedgerSecrets;

/// An iterator over the pieces of a snapshot, all but its receipt.
///
/// The tag stands in front of what it covers, so the tables are read twice: by [`SnapshotSealer::new`], for lengths and
/// tag, and while pieces are taken. Each takes time in proportion to the state: work for another thread.
pub struct SnapshotSealer<I> {
    /// Frame and header, which are the first piece.
    head: Option<Vec<u8>>,
    public: I,
    private: I,
    cipher: GcmCipher,
    hash: Sha256,
    entry_len: u64,
    left: u64,
}

/// Why a snapshot cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotSealError {
    /// A domain exceeds 64 GiB.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// No ledger secret is known for its position.
    #[error("no ledger secret is known for {0}")]
    NoSecret(Seqno),
}

impl<I: Iterator<Item = Vec<u8>> + Clone> SnapshotSealer<I> {
    /// `public` and `private` yield the tables of each domain, in pieces; their clones yield the same.
    ///
    /// # Errors
    /// If it would be too large, or no secret is in force at its position.
    pub fn new(
        secrets: &LedgerSecrets,
        header: &SnapshotHeader,
        public: I,
        private: I,
    ) -> Result<Self, SnapshotSealError> {
        let secret = secrets.at(header.seqno).ok_or(SnapshotSealError::NoSecret(header.seqno))?;
        let mut encoded_header = Vec::new();
        header.encode(&mut encoded_header);
        let frame = measure(secret, header.seqno, &encoded_header, public.clone(), private.clone())?;
        let head = [&frame.encode()[..], &encoded_header].concat();
        Ok(Self {
            left: frame.entry_len(),
            entry_len: frame.entry_len(),
            head: Some(head),
            public,
            private,
            cipher: GcmCipher::new(secret.as_bytes(), &frame.iv().0),
            hash: Sha256::new(),
        })
    }

    /// Bytes of all pieces together.
    #[must_use]
    pub fn entry_len(&self) -> u64 {
        self.entry_len
    }

    /// The digest of all pieces, for the evidence: once all were taken.
    ///
    /// # Panics
    /// If pieces are left.
    #[must_use]
    pub fn digest(self) -> Digest {
        assert_eq!(self.left, 0, "all pieces have been taken");
        self.hash.finish()
    }
}

impl<I: Iterator<Item = Vec<u8>> + Clone> Iterator for SnapshotSealer<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let piece = self.head.take().or_else(|| self.public.next()).or_else(|| {
            let mut piece = self.private.next()?;
            self.cipher.apply(&mut piece);
            Some(piece)
        })?;
        self.left = self.left.checked_sub(piece.len() as u64).expect("clones yield the same pieces");
        self.hash.update(&piece);
        Some(piece)
    }
}

/// Reads all tables for their lengths and the tag.
fn measure(
    secret: &LedgerSecret,
    seqno: Seqno,
    header: &[u8],
    public: impl Iterator<Item = Vec<u8>>,
    private: impl Iterator<Item = Vec<u8>>,
) -> Result<SnapshotFrame, EntryError> {
    let mut sealer = GcmSealer::new(secret.as_bytes(), &Iv::of_snapshot(seqno).0);
    sealer.aad(header);
    let (mut public_len, mut private_len) = (header.len() as u64, 0);
    for piece in public {
        public_len += piece.len() as u64;
        sealer.aad(&piece);
    }
    for mut piece in private {
        private_len += piece.len() as u64;
        // Checked before the cipher reaches its limit.
        SnapshotFrame::new(seqno, [0; 16], public_len, private_len)?;
        sealer.seal(&mut piece);
    }
    SnapshotFrame::new(seqno, sealer.finish(), public_len, private_len)
}
