//! The slow part of making snapshots, for another thread.

use std::sync::Arc;

use coco_kv::{Dump, Snapshot};
use coco_ledger::{
    LedgerSecrets, OpenError, ReceiptError, SignedRoot, SnapshotSealError, SnapshotSealer, open,
};
use coco_wire::{Digest, Domain, Seqno, TxId, WriteSet, snapshot::SnapshotHeader};

/// Bytes of a piece, or a little more: what the host writes at a time.
const PIECE: usize = 1 << 20;

/// Makes the next piece of a snapshot.
pub(in crate::core) struct Sealing {
    seqno: Seqno,
    stage: Stage,
}

enum Stage {
    Begin { secrets: Arc<LedgerSecrets>, header: SnapshotHeader, state: Snapshot },
    Going(Box<SnapshotSealer<Dump>>),
}

/// A piece.
pub(in crate::core) struct Sealed {
    pub(super) seqno: Seqno,
    pub(super) bytes: Vec<u8>,
    pub(super) rest: Result<Rest, SnapshotSealError>,
}

/// What comes after a piece.
pub(super) enum Rest {
    More(Sealing),
    /// It was the last one. This is the digest of all.
    Nothing(Digest),
}

impl Sealing {
    pub(super) fn begin(secrets: Arc<LedgerSecrets>, header: SnapshotHeader, state: Snapshot) -> Self {
        Self { seqno: header.seqno, stage: Stage::Begin { secrets, header, state } }
    }

    pub(in crate::core) fn run(self) -> Sealed {
        let seqno = self.seqno;
        let mut sealer = match self.sealer() {
            Ok(sealer) => sealer,
            Err(error) => return Sealed { seqno, bytes: Vec::new(), rest: Err(error) },
        };
        let mut bytes = Vec::with_capacity(PIECE);
        while bytes.len() < PIECE {
            let Some(piece) = sealer.next() else {
                let rest = Ok(Rest::Nothing(sealer.digest()));
                return Sealed { seqno, bytes, rest };
            };
            bytes.extend_from_slice(&piece);
        }
        Sealed { seqno, bytes, rest: Ok(Rest::More(Self { seqno, stage: Stage::Going(sealer) })) }
    }

    fn sealer(self) -> Result<Box<SnapshotSealer<Dump>>, SnapshotSealError> {
        match self.stage {
            Stage::Going(sealer) => Ok(sealer),
            Stage::Begin { secrets, header, state } => {
                let [public, private] = [Domain::Public, Domain::Private].map(|domain| state.dump(domain));
                SnapshotSealer::new(&secrets, &header, public, private).map(Box::new)
            }
        }
    }
}

/// Makes the receipt of a snapshot.
pub(in crate::core) struct Proving {
    pub(super) snapshot: Seqno,
    pub(super) secrets: Arc<LedgerSecrets>,
    /// The entry that records the digest.
    pub(super) entry: Vec<u8>,
    /// The first signature after it.
    pub(super) signature: TxId,
    pub(super) writes: WriteSet,
}

/// What became of it.
pub(in crate::core) struct Proved {
    pub(super) snapshot: Seqno,
    pub(super) proof: Result<Proof, ProofError>,
}

/// What makes a snapshot a committed one.
pub(in crate::core) struct Proof {
    pub(super) evidence_seqno: Seqno,
    pub(super) receipt: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(in crate::core) enum ProofError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

impl Proving {
    pub(in crate::core) fn run(self) -> Proved {
        let proof = || {
            let evidence = open(&self.secrets, &self.entry)?;
            let receipt =
                SignedRoot::from_writes(self.signature, &self.writes)?.snapshot_receipt(&evidence)?;
            Ok(Proof { evidence_seqno: evidence.txid.seqno, receipt })
        };
        Proved { snapshot: self.snapshot, proof: proof() }
    }
}
