//! What a handler may use: the transaction, its caller's claims, and the services of the node.

use std::sync::Arc;

use coco_crypto::LedgerSecret;
use coco_kv::Tx;
use coco_wire::{Digest, Seqno, TxId, View, WriteSet, receipt::JsonReceipt};
use serde::{Deserialize, Serialize};

use crate::{attesting::Attesting, download::Download, error::Reject};

/// State in which a handler runs.
pub struct Context<'a> {
    /// Reads and writes; of a query, reads only.
    pub tx: &'a mut Tx,
    /// What the node offers.
    pub services: &'a dyn Services,
    /// The transaction that a [historical](crate::Mode::Historical) call asks for.
    pub historical: Option<Arc<Historical>>,
    /// Digest of what the application claims of this transaction; part of its receipt.
    pub claims: Option<Digest>,
    /// Overrides whether the writes are kept, which by default follows from the status of the answer.
    pub keep_writes: Option<bool>,
    /// What the node is to do once the transaction has its place.
    pub requests: NodeRequests,
    /// What makes the answer, in place of the one that the handler gives.
    pub download: Option<Box<dyn Download>>,
    /// The same, of evidence.
    pub attesting: Option<Box<dyn Attesting>>,
}

impl<'a> Context<'a> {
    /// A context in which nothing has happened yet.
    #[must_use]
    pub fn new(tx: &'a mut Tx, services: &'a dyn Services, historical: Option<Arc<Historical>>) -> Self {
        let requests = NodeRequests::default();
        Self {
            tx,
            services,
            historical,
            claims: None,
            keep_writes: None,
            requests,
            download: None,
            attesting: None,
        }
    }

    /// The transaction that a historical call asks for.
    ///
    /// # Errors
    /// 500 if the call is not a historical one.
    pub fn historical(&self) -> Result<&Arc<Historical>, Reject> {
        self.historical
            .as_ref()
            .ok_or_else(|| Reject::internal("The call was given no historical transaction."))
    }
}

/// What a governance action may ask of the node that executes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRequests {
    /// Begin a new ledger chunk after the next signature.
    pub ledger_chunk: bool,
    /// Seal what comes after this transaction with another secret. The transaction itself carries it to the other nodes.
    pub ledger_secret: Option<LedgerSecret>,
}

/// Fate of a transaction as far as this node knows (CCF `include/ccf/tx_status.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxStatus {
    /// Not seen here, or not yet.
    Unknown,
    /// In the ledger of this node, not committed yet.
    Pending,
    /// Final.
    Committed,
    /// Never to be committed.
    Invalid,
}

/// Which view wrote which part of the ledger, and how far it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// First seqno of each view that wrote anything, ascending.
    pub views: Arc<[(View, Seqno)]>,
    /// Last committed transaction.
    pub committed: TxId,
    /// Last transaction that has its place.
    pub latest: TxId,
}

impl Chain {
    /// View that wrote `seqno`, if it is in the ledger.
    #[must_use]
    pub fn view_of(&self, seqno: Seqno) -> Option<View> {
        if seqno > self.latest.seqno {
            return None;
        }
        self.views.iter().rev().find(|(_, first)| *first <= seqno).map(|(view, _)| *view)
    }

    /// Fate of `txid`.
    #[must_use]
    pub fn status(&self, txid: TxId) -> TxStatus {
        let local = self.view_of(txid.seqno);
        if txid.seqno <= self.committed.seqno {
            return if local == Some(txid.view) { TxStatus::Committed } else { TxStatus::Invalid };
        }
        if local == Some(txid.view) {
            return TxStatus::Pending;
        }
        // A committed transaction of a later view leaves no room for this one.
        if self.committed.view > txid.view { TxStatus::Invalid } else { TxStatus::Unknown }
    }
}

/// What is asked for may have to be read from the ledger first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Here it is.
    Found(T),
    /// Being read; ask again.
    Loading,
}

/// One committed transaction with the proof that it is.
#[derive(Clone, Debug)]
pub struct Historical {
    /// Its identifier.
    pub txid: TxId,
    /// What it changed, decrypted.
    pub writes: Arc<WriteSet>,
    /// Digest of the application's claims; zero if there are none.
    pub claims: Digest,
    /// Its receipt.
    pub receipt: Arc<Receipt>,
}

/// Receipt in the forms that clients ask for.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// JSON receipt (CCF `describe_receipt_v1`); absent in ledgers that carry COSE signatures only.
    pub json: Option<JsonReceipt>,
    /// COSE_Sign1 over the root, without proof; absent in ledgers from before it existed.
    pub cose_signature: Option<Vec<u8>>,
    /// CBOR Merkle proof (CCF ledger profile); absent for signature transactions.
    pub cose_proof: Option<Vec<u8>>,
    /// COSE_Sign1 with the proof in its unprotected header.
    pub cose: Option<Vec<u8>>,
    /// COSE_Sign1 chain from the key that signed to the current service's; absent when they are equal.
    pub cose_endorsements: Option<Vec<Vec<u8>>>,
}

/// What the node offers to handlers.
pub trait Services {
    /// Views and commit level when the call began.
    fn chain(&self) -> &Chain;

    /// Wall clock of the host in milliseconds since 1970; untrusted.
    fn now_ms(&self) -> u64;

    /// Fills `out` with random bytes of the enclave.
    fn fill_random(&self, out: &mut [u8]);

    /// Committed transactions, all or none. They are kept for a while; `Loading` asks for patience.
    ///
    /// # Errors
    /// If one of them is not committed, or there are more than the node serves at a time.
    fn history(&self, seqnos: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject>;

    /// The index over an indexed table (see [`Manifest`](crate::Manifest)).
    fn index(&self, table: &str) -> Option<&dyn Index>;

    /// Root of the Merkle tree under the last signature.
    fn root(&self) -> Digest;
}

/// Seqnos at which each key of one table was written, up to a seqno that follows commit closely.
pub trait Index {
    /// Up to where the ledger is indexed.
    fn indexed_to(&self) -> Seqno;

    /// Seqnos in `from..=to` that wrote `key`, ascending, at most `limit`.
    fn seqnos(&self, key: &[u8], from: Seqno, to: Seqno, limit: usize) -> Vec<Seqno>;

    /// The last seqno that wrote `key`.
    fn last(&self, key: &[u8]) -> Option<Seqno>;
}

#[cfg(test)]
mod tests;
