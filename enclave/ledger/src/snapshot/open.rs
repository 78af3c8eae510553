//! From the bytes of a snapshot to its tables, with everything checked before they are handed out.

use coco_crypto::{
    Certificate, Ecdsa, Scheme,
    gcm_stream::GcmOpener,
    hash::Sha256,
    receipt::{SnapshotReceiptRefusal, verify_snapshot_with},
};
use coco_wire::{
    Digest, Domain, Seqno, TxId,
    snapshot::{FRAME_LEN, SnapshotError, SnapshotFrame, SnapshotHeader, SnapshotTables},
};

use crate::secrets::LedgerSecrets;

/// Longest header: a million views.
const MAX_HEADER_LEN: usize = 8 << 20;
/// Longest receipt.
const MAX_RECEIPT_LEN: usize = 1 << 20;
/// Bytes of private tables that are decrypted at a time: buffers as large as a piece would lie between the rows, and make
/// the state take twice its room.
const PLAIN_LEN: usize = 16 << 10;

/// Whether private tables are read.
#[derive(Clone, Debug)]
pub enum SnapshotSecrets {
    /// They are, with these.
    Known(LedgerSecrets),
    /// They are skipped, as nobody knows the secrets yet: a recovery begins so. The receipt alone proves the rest.
    Unknown,
}

/// Reads a snapshot from pieces of any length, into tables that come into being aside.
pub struct SnapshotOpener<T> {
    secrets: SnapshotSecrets,
    tables: T,
    hash: Sha256,
    /// The beginning of the file, up to the end of the header; then the receipt.
    pending: Vec<u8>,
    phase: Phase,
}

enum Phase {
    /// Frame and header are not complete.
    Head,
    Domains(Box<Domains>),
    Receipt {
        header: SnapshotHeader,
    },
    /// After an error.
    Failed,
}

struct Domains {
    frame: SnapshotFrame,
    header: SnapshotHeader,
    cipher: Option<GcmOpener>,
    public_left: u64,
    private_left: u64,
}

/// A snapshot that is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedSnapshot<T> {
    /// What precedes the tables.
    pub header: SnapshotHeader,
    /// What was made of the tables.
    pub tables: T,
    /// SHA-256 of all but the receipt.
    pub digest: Digest,
    /// The transaction that recorded the digest.
    pub evidence: TxId,
}

/// Why a snapshot is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotOpenError<E> {
    /// The frame or the header.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The header or the receipt is longer than any.
    #[error("header or receipt is too long")]
    TooLong,
    /// No ledger secret is known for its position.
    #[error("no ledger secret is known for {0}")]
    NoSecret(Seqno),
    /// The tables.
    #[error("{0}")]
    Tables(E),
    /// The file ends too early.
    #[error("the snapshot ends too early")]
    Truncated,
    /// Altered, or encrypted under another secret.
    #[error("the snapshot is not authentic")]
    NotAuthentic,
    /// The receipt.
    #[error(transparent)]
    Receipt(#[from] SnapshotReceiptRefusal),
    /// More was given after an error.
    #[error("the snapshot was refused before")]
    Refused,
}

impl<T: SnapshotTables> SnapshotOpener<T> {
    /// At the beginning of a file. `tables` is handed out again once everything is proved.
    #[must_use]
    pub fn new(secrets: SnapshotSecrets, tables: T) -> Self {
        Self { secrets, tables, hash: Sha256::new(), pending: Vec::new(), phase: Phase::Head }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// On anything but a snapshot and its receipt.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), SnapshotOpenError<T::Error>> {
        let phase = std::mem::replace(&mut self.phase, Phase::Failed);
        self.phase = match phase {
            Phase::Head => self.push_head(piece)?,
            Phase::Domains(domains) => self.push_domains(domains, piece)?,
            Phase::Receipt { header } => self.push_receipt(header, piece)?,
            Phase::Failed => return Err(SnapshotOpenError::Refused),
        };
        Ok(())
    }

    /// Hands out the tables, if the receipt at the end of the file proves that `service` recorded this snapshot.
    ///
    /// # Errors
    /// If the file is not complete or not proved.
    pub fn finish(self, service: &Certificate) -> Result<OpenedSnapshot<T>, SnapshotOpenError<T::Error>> {
        self.finish_with(service, &Ecdsa)
    }

    /// The same, of a ledger that is signed in another way.
    ///
    /// # Errors
    /// If the file is not complete or not proved.
    pub fn finish_with(
        self,
        service: &Certificate,
        scheme: &dyn Scheme,
    ) -> Result<OpenedSnapshot<T>, SnapshotOpenError<T::Error>> {
        let header = match self.phase {
            Phase::Receipt { header } => header,
            Phase::Head | Phase::Domains(_) => return Err(SnapshotOpenError::Truncated),
            Phase::Failed => return Err(SnapshotOpenError::Refused),
        };
        let digest = self.hash.finish();
        let evidence = verify_snapshot_with(&self.pending, digest, header.seqno, service, scheme)?;
        Ok(OpenedSnapshot { header, tables: self.tables, digest, evidence })
    }

    fn push_head(&mut self, piece: &[u8]) -> Result<Phase, SnapshotOpenError<T::Error>> {
        self.pending.extend_from_slice(piece);
        let Some((frame, domains)) = self.pending.split_first_chunk::<FRAME_LEN>() else {
            return Ok(Phase::Head);
        };
        let frame = SnapshotFrame::decode(frame)?;
        let public_len = usize::try_from(frame.public_len).unwrap_or(usize::MAX);
        let public = &domains[..domains.len().min(public_len)];
        let (header, tables) = match SnapshotHeader::decode(public) {
            Err(SnapshotError::Truncated(_)) if public.len() < public_len.min(MAX_HEADER_LEN) => {
                return Ok(Phase::Head);
            }
            Err(SnapshotError::Truncated(_)) if public.len() < public_len => {
                return Err(SnapshotOpenError::TooLong);
            }
            result => result?,
        };
        if header.seqno != frame.seqno {
            return Err(SnapshotError::Iv.into());
        }
        self.tables.begin(header.seqno);
        let header_len = public.len() - tables.len();
        let mut cipher = match &self.secrets {
            SnapshotSecrets::Unknown => None,
            SnapshotSecrets::Known(secrets) => {
                let secret = secrets.at(frame.seqno).ok_or(SnapshotOpenError::NoSecret(frame.seqno))?;
                Some(GcmOpener::new(secret.as_bytes(), &frame.iv().0))
            }
        };
        if let Some(cipher) = &mut cipher {
            cipher.aad(&public[..header_len]);
        }
        let rest = self.pending.split_off(FRAME_LEN + header_len);
        self.hash.update(&self.pending);
        self.pending.clear();
        let domains = Box::new(Domains {
            public_left: frame.public_len - header_len as u64,
            private_left: frame.private_len,
            frame,
            header,
            cipher,
        });
        self.push_domains(domains, &rest)
    }

    fn push_domains(
        &mut self,
        mut domains: Box<Domains>,
        piece: &[u8],
    ) -> Result<Phase, SnapshotOpenError<T::Error>> {
        let (public, rest) = split_at_most(piece, domains.public_left);
        let (private, receipt) = split_at_most(rest, domains.private_left);
        domains.public_left -= public.len() as u64;
        domains.private_left -= private.len() as u64;
        self.hash.update(public);
        self.hash.update(private);
        if !public.is_empty() {
            if let Some(cipher) = &mut domains.cipher {
                cipher.aad(public);
            }
            self.tables.push(Domain::Public, public).map_err(SnapshotOpenError::Tables)?;
        }
        if let Some(cipher) = &mut domains.cipher {
            for private in private.chunks(PLAIN_LEN) {
                let mut private = private.to_vec();
                cipher.open(&mut private);
                self.tables.push(Domain::Private, &private).map_err(SnapshotOpenError::Tables)?;
            }
        }
        if domains.public_left + domains.private_left > 0 {
            return Ok(Phase::Domains(domains));
        }
        if let Some(cipher) = domains.cipher {
            cipher.finish(&domains.frame.tag).map_err(|_| SnapshotOpenError::NotAuthentic)?;
        }
        self.push_receipt(domains.header, receipt)
    }

    fn push_receipt(
        &mut self,
        header: SnapshotHeader,
        piece: &[u8],
    ) -> Result<Phase, SnapshotOpenError<T::Error>> {
        self.pending.extend_from_slice(piece);
        if self.pending.len() > MAX_RECEIPT_LEN {
            return Err(SnapshotOpenError::TooLong);
        }
        Ok(Phase::Receipt { header })
    }
}

fn split_at_most(bytes: &[u8], len: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(len).map_or(bytes.len(), |len| len.min(bytes.len())))
}
