//! Entries that another node sealed: opened beside the sequencer, put in their place, signatures checked beside it.

use coco_crypto::{Certificate, LedgerSecret, Scheme, SignatureForm, cose::CoseAlgorithm};
use coco_wire::{
    Digest, Seqno, TxId, WriteSet,
    entry::EntryFlags,
    signature::{NodeSignature, RootSignature, TREE},
};

use crate::{
    ledger::Ledger,
    open::{OpenError, Opened, open},
    receipt::{ReceiptError, SignedRoot},
    seal::Sealing,
    secrets::LedgerSecrets,
};

/// Entries as they came, to be decrypted and checked: a job for another thread.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    pub(crate) secrets: LedgerSecrets,
    pub(crate) entries: Vec<Vec<u8>>,
}

/// An entry that opened.
#[derive(Clone, Debug)]
pub struct OpenedEntry {
    bytes: Vec<u8>,
    opened: Opened,
    /// The secret that it sets for the entries behind it.
    sets: Option<LedgerSecret>,
}

/// What became of an [`OpenRequest`].
#[derive(Clone, Debug)]
pub struct OpenedBatch {
    /// The entries that opened, up to the first that did not.
    pub opened: Vec<OpenedEntry>,
    /// Why the next one did not.
    pub refused: Option<OpenError>,
}

/// An entry that has its place.
#[derive(Clone, Debug)]
pub struct Received {
    /// The entry.
    pub opened: Opened,
    /// Whether it set a new secret for the entries behind it.
    pub rekeys: bool,
    /// What is left to check, if it is a signature: nothing before it is known to be the leader's until then.
    pub check: Option<SignatureCheck>,
}

/// The signatures of one signature transaction, whose root is already known to be right: a job for another thread.
#[derive(Clone, Debug)]
pub struct SignatureCheck {
    txid: TxId,
    root: Digest,
    by_node: Option<NodeSignature>,
    by_service: Option<RootSignature>,
}

/// Who may have signed.
#[derive(Clone, Copy, Debug)]
pub struct Signatories<'a> {
    /// Certificate of the node that [`SignatureCheck::node`] names, if it is one of the service.
    pub node: Option<&'a Certificate>,
    /// Certificate of the service.
    pub service: &'a Certificate,
}

/// Why an entry gets no place. The ledger is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// Not the next one.
    #[error("entry {found} came where {expected} was due")]
    Position {
        /// The next position.
        expected: Seqno,
        /// That of the entry.
        found: TxId,
    },
    /// Only signatures end chunks.
    #[error("an entry that is no signature ends a chunk")]
    Flags,
    /// A signature transaction that does not read.
    #[error(transparent)]
    Signature(#[from] ReceiptError),
    /// A signature over other entries than those before it.
    #[error("the signature is over another ledger")]
    Root,
}

/// Why signatures are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// The node is none of the service.
    #[error("signed by an unknown node")]
    UnknownNode,
    /// The certificate inside is not one that the service gave to the node.
    #[error("the certificate in the signature is not the node's")]
    Certificate,
    /// The node's key did not make it.
    #[error("the signature of the node is not authentic")]
    NodeNotAuthentic,
    /// Of another service.
    #[error("signed with another key than the service's")]
    ServiceKey,
    /// The service's key did not make it.
    #[error("the signature of the service is not authentic")]
    ServiceNotAuthentic,
}

impl OpenRequest {
    /// Decrypts and checks each entry: about 2 µs for small ones. `learn` finds the secret that an entry sets for those
    /// behind it, if it sets one that this node can read.
    #[must_use]
    pub fn run(self, learn: &dyn Fn(&WriteSet) -> Option<LedgerSecret>) -> OpenedBatch {
        let Self { mut secrets, entries } = self;
        let mut batch = OpenedBatch { opened: Vec::with_capacity(entries.len()), refused: None };
        for bytes in entries {
            let opened = match open(&secrets, &bytes) {
                Ok(opened) => opened,
                Err(error) => return OpenedBatch { refused: Some(error), ..batch },
            };
            let sets = learn(&opened.writes);
            if let Some(secret) = &sets {
                secrets.add(opened.txid.seqno.next(), secret.clone());
            }
            batch.opened.push(OpenedEntry { bytes, opened, sets });
        }
        batch
    }
}

impl OpenedEntry {
    /// Its place, as the entry itself names it: to be compared with what consensus says.
    #[must_use]
    pub fn txid(&self) -> TxId {
        self.opened.txid
    }

    /// Whether it signs all entries before it.
    #[must_use]
    pub fn is_signature(&self) -> bool {
        self.opened.is_signature()
    }

    /// What it changes.
    #[must_use]
    pub fn writes(&self) -> &WriteSet {
        &self.opened.writes
    }
}

impl Ledger {
    /// Entries of another node that follow on `previous`, to be opened with the secrets known there: what this ledger
    /// has after it, and the secrets that this sets, may be about to be rolled back.
    #[must_use]
    pub fn open_request(&self, previous: Seqno, entries: Vec<Vec<u8>>) -> OpenRequest {
        let mut secrets = self.secrets().clone();
        secrets.rollback(previous);
        OpenRequest { secrets, entries }
    }

    /// Puts an entry of another node in its place, byte for byte, and in force the secret that it sets. A signature must
    /// be over exactly the entries before it; who signed is still to be checked.
    ///
    /// # Errors
    /// If it does not follow; then nothing changes.
    ///
    /// # Panics
    /// If this node has a signature reserved: it is no backup then.
    pub fn receive(&mut self, entry: OpenedEntry) -> Result<Received, ReceiveError> {
        assert!(!self.is_signing(), "a backup signs nothing");
        let OpenedEntry { bytes, opened, sets } = entry;
        let expected = self.last().next();
        if opened.txid.seqno != expected {
            return Err(ReceiveError::Position { expected, found: opened.txid });
        }
        let signs = opened.is_signature() || opened.writes.table(TREE).is_some();
        let check = if signs { Some(self.signature_check(&opened)?) } else { None };
        let ends_chunk = opened.flags.contains(EntryFlags::FORCE_CHUNK_AFTER);
        if ends_chunk && check.is_none() {
            return Err(ReceiveError::Flags);
        }
        self.place(opened.txid, Sealing { bytes, leaf: opened.leaf }, check.is_some(), ends_chunk);
        let rekeys = sets.is_some();
        if let Some(secret) = sets {
            self.add_secret(opened.txid.seqno.next(), secret);
        }
        Ok(Received { opened, rekeys, check })
    }

    fn signature_check(&self, opened: &Opened) -> Result<SignatureCheck, ReceiveError> {
        let signed = SignedRoot::from_writes(opened.txid, &opened.writes)?;
        if signed.root() != self.root() {
            return Err(ReceiveError::Root);
        }
        let (by_node, by_service) = signed.into_signatures();
        Ok(SignatureCheck { txid: opened.txid, root: self.root(), by_node, by_service })
    }
}

impl SignatureCheck {
    /// The signature transaction.
    #[must_use]
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// Root of the Merkle tree up to the entry before it.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The node that signed, if one did beside the service.
    #[must_use]
    pub fn node(&self) -> Option<Digest> {
        self.by_node.as_ref().map(|signature| signature.node)
    }

    /// Checks every signature: about 0.3 ms each with P-384 keys.
    ///
    /// # Errors
    /// On the first that does not fit.
    pub fn run(&self, by: Signatories<'_>, scheme: &dyn Scheme) -> Result<(), SignatureRefusal> {
        if let Some(signature) = &self.by_node {
            check_node(signature, by, scheme)?;
        }
        match &self.by_service {
            Some(signature) => check_service(signature, self.root, by.service, scheme),
            None => Ok(()),
        }
    }
}

fn check_node(
    signature: &NodeSignature,
    by: Signatories<'_>,
    scheme: &dyn Scheme,
) -> Result<(), SignatureRefusal> {
    let node = by.node.ok_or(SignatureRefusal::UnknownNode)?;
    let key = node.public_key().as_ec().ok_or(SignatureRefusal::UnknownNode)?;
    if key.id() != signature.node {
        return Err(SignatureRefusal::UnknownNode);
    }
    match &signature.cert {
        Some(pem) if *pem != node.to_pem() => {
            // Renewed meanwhile.
            let embedded = Certificate::from_pem(pem).map_err(|_| SignatureRefusal::Certificate)?;
            let issued = embedded.verify_issued_by(by.service).is_ok();
            if !issued || embedded.public_key().id() != signature.node {
                return Err(SignatureRefusal::Certificate);
            }
        }
        _ => {}
    }
    scheme
        .verifier(key)
        .verify_digest(&signature.root, &signature.sig.0, SignatureForm::Der)
        .map_err(|_| SignatureRefusal::NodeNotAuthentic)
}

fn check_service(
    signature: &RootSignature,
    root: Digest,
    service: &Certificate,
    scheme: &dyn Scheme,
) -> Result<(), SignatureRefusal> {
    let key = service.public_key().as_ec().ok_or(SignatureRefusal::ServiceKey)?;
    let header = &signature.header;
    if header.kid != key.id() || header.algorithm != CoseAlgorithm::of(key).label() {
        return Err(SignatureRefusal::ServiceKey);
    }
    let signed = RootSignature::to_be_signed(&signature.protected, root);
    scheme
        .verifier(key)
        .verify(&signed, &signature.signature, SignatureForm::Fixed)
        .map_err(|_| SignatureRefusal::ServiceNotAuthentic)
}
