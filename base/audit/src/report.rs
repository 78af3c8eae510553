//! What a verification found.

use std::collections::BTreeMap;

use coco_crypto::Certificate;
use coco_wire::{Digest, Seqno, TxId, View};
use serde::Deserialize;

/// Result of verifying a ledger without damage.
#[derive(Clone, Debug)]
pub struct Report {
    /// The last signature transaction: everything up to it is proven. `0.0` when there is none.
    pub last_verified: TxId,
    /// The last whole entry. `0.0` when there is none.
    pub last_entry: TxId,
    /// What follows the last signature.
    pub tail: Tail,
    /// Files read.
    pub chunks: u64,
    /// Entries read.
    pub entries: u64,
    /// Bytes of entries hashed.
    pub bytes: u64,
    /// Signature transactions verified.
    pub signatures: u64,
    /// Signatures by node keys among them.
    pub node_signatures: u64,
    /// Signatures by the service key (COSE) among them.
    pub service_signatures: u64,
    /// Where the ledger is older, and proves less, than today's.
    pub weaknesses: BTreeMap<Weakness, Span>,
    /// Identities of the service, one for each recovery. Whether the last is the one that the reader
    /// trusts is for the reader to say.
    pub services: Vec<ServiceEpoch>,
    /// Certificate of the service at the end.
    pub service: Option<Certificate>,
    /// Status of the service at the end.
    pub status: Option<ServiceStatus>,
    /// Views and where they start.
    pub views: Vec<(View, Seqno)>,
}

/// What follows the last signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    None,
    /// Whole entries that no signature covers yet.
    Unsigned {
        /// How many.
        entries: u64,
    },
    /// The last file ends inside an entry, as after a crash.
    Torn {
        /// Its name.
        file: String,
        /// Where that entry starts, in bytes.
        offset: u64,
        /// Whole entries before it that no signature covers.
        entries: u64,
    },
}

/// A check that older formats do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weakness {
    /// The root is signed by the node only.
    NoServiceSignature,
    /// The root is signed by the service only.
    NoNodeSignature,
    /// The signature does not hold the certificate of the node (CCF 1.x).
    NoEmbeddedCertificate,
    /// The leaf does not cover a commit evidence (CCF 1.x).
    NoCommitEvidence,
    /// The leaf does not cover claims.
    NoClaims,
}

/// Transactions that share a weakness; others may stand between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: TxId,
    /// The last.
    pub last: TxId,
}

/// An identity of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceEpoch {
    /// Digest of its public key.
    pub identity: Digest,
    /// The transaction that installed it.
    pub from: TxId,
}

/// Status in `public:ccf.gov.service.info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ServiceStatus {
    /// Started, not open to users.
    Opening,
    /// Open to users.
    Open,
    /// Recovered the public state; members must submit shares.
    WaitingForRecoveryShares,
    /// Recovering the public state.
    Recovering,
}

/// Whether a transaction is proven to be in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// A verified signature covers it.
    Verified,
    /// The verified part ends before it.
    Beyond,
    /// Another transaction stands at its position.
    OtherView(View),
}

impl Report {
    /// Whether `id` is proven to be in the ledger.
    #[must_use]
    pub fn coverage(&self, id: TxId) -> Coverage {
        if id.seqno > self.last_verified.seqno {
            return Coverage::Beyond;
        }
        match self.view_at(id.seqno) {
            Some(view) if view == id.view => Coverage::Verified,
            view => Coverage::OtherView(view.unwrap_or_default()),
        }
    }

    /// View of the entry at `seqno`, if it was read.
    pub(crate) fn view_at(&self, seqno: Seqno) -> Option<View> {
        let after = self.views.partition_point(|(_, start)| *start <= seqno);
        let (view, _) = self.views.get(after.checked_sub(1)?)?;
        (seqno <= self.last_entry.seqno).then_some(*view)
    }

    pub(crate) fn weakness(&mut self, weakness: Weakness, at: TxId) {
        let span = self.weaknesses.entry(weakness).or_insert(Span { count: 0, first: at, last: at });
        span.count += 1;
        span.last = at;
    }

    pub(crate) fn empty() -> Self {
        Self {
            last_verified: TxId::default(),
            last_entry: TxId::default(),
            tail: Tail::None,
            chunks: 0,
            entries: 0,
            bytes: 0,
            signatures: 0,
            node_signatures: 0,
            service_signatures: 0,
            weaknesses: BTreeMap::new(),
            services: Vec::new(),
            service: None,
            status: None,
            views: Vec::new(),
        }
    }
}
