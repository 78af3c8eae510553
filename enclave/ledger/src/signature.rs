//! Signature transactions: made beside the sequencer, over everything before them.

use coco_crypto::{Signer, cose::CoseAlgorithm};
use coco_wire::{
    Digest, Key, Seqno, TableName, TxId, Value, View, WriteSet,
    entry::EntryFlags,
    signature::{
        COSE_SIGNATURES, NodeSignature, RootHeader, RootSignature, SIGNATURES, SINGLETON_KEY, TREE,
        encode_cose_value,
    },
    text::Base64,
    tree::SerialisedTree,
};

use crate::{
    seal::{Sealing, seal},
    secrets::LedgerSecrets,
};

/// Which signatures are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureMode {
    /// By the node's key and by the service's, as CCF 6 and 7.
    #[default]
    Dual,
    /// By the service's key only.
    CoseOnly,
}

/// The key and the certificate of a node.
#[derive(Clone, Copy)]
pub struct NodeSigner<'a> {
    /// The node's identity.
    pub key: &'a dyn Signer,
    /// PEM, endorsed by the service.
    pub certificate: &'a str,
}

/// The key of the service, and what its signatures say.
#[derive(Clone, Copy)]
pub struct ServiceSigner<'a> {
    /// The service's identity: P-384 or P-256.
    pub key: &'a dyn Signer,
    /// Configured issuer.
    pub issuer: &'a str,
    /// Configured subject.
    pub subject: &'a str,
    /// When it signs, in seconds since 1970.
    pub issued_at: u64,
}

/// Everything that is needed to make one signature transaction: a job for another thread.
#[derive(Clone, Debug)]
pub struct SignatureRequest {
    pub(crate) txid: TxId,
    pub(crate) root: Digest,
    pub(crate) tree: SerialisedTree,
    pub(crate) flags: EntryFlags,
    pub(crate) mode: SignatureMode,
    pub(crate) secrets: LedgerSecrets,
}

/// A signature transaction that is ready to take its reserved place.
#[derive(Clone, Debug)]
pub struct Signed {
    pub(crate) txid: TxId,
    pub(crate) root: Digest,
    pub(crate) writes: WriteSet,
    pub(crate) sealing: Sealing,
}

impl SignatureRequest {
    /// Its reserved place.
    #[must_use]
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// Root of the Merkle tree up to the entry before it.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Whether a chunk ends with it: the moment for a snapshot.
    #[must_use]
    pub fn ends_chunk(&self) -> bool {
        self.flags.contains(EntryFlags::FORCE_CHUNK_AFTER)
    }

    /// Signs and seals: about 0.2 ms with P-384 keys.
    #[must_use]
    pub fn sign(self, node: NodeSigner<'_>, service: ServiceSigner<'_>) -> Signed {
        let mut writes = WriteSet::default();
        let mut put = |table: &str, value: Vec<u8>| {
            writes
                .table_mut(&TableName::new(table))
                .insert(Key::new(&SINGLETON_KEY), Some(Value::from(value)));
        };
        if self.mode == SignatureMode::Dual {
            put(SIGNATURES, self.by_node(node).encode());
        }
        put(COSE_SIGNATURES, encode_cose_value(&self.by_service(service).encode()));
        put(TREE, self.tree.encode());
        let sealing = seal(&self.secrets, self.txid, &writes, Digest::ZERO, self.flags)
            .expect("fewer than 2^31 views, and less than 1 GiB of leaves");
        Signed { txid: self.txid, root: self.root, writes, sealing }
    }

    /// The root's 32 bytes are signed without being hashed again (CCF `src/node/history.h`).
    fn by_node(&self, node: NodeSigner<'_>) -> NodeSignature {
        NodeSignature {
            cert: Some(node.certificate.to_owned()),
            commit_seqno: Seqno::ZERO,
            commit_view: View(0),
            hashed_nonce: Digest::ZERO,
            node: node.key.public_key().id(),
            root: self.root,
            seqno: self.txid.seqno,
            sig: Base64(node.key.sign_digest(&self.root).to_der()),
            view: self.txid.view,
        }
    }

    fn by_service(&self, service: ServiceSigner<'_>) -> RootSignature {
        let public = service.key.public_key();
        let header = RootHeader {
            algorithm: CoseAlgorithm::of(public).label(),
            kid: public.id(),
            issued_at: service.issued_at,
            issuer: service.issuer.to_owned(),
            subject: service.subject.to_owned(),
            tx_id: self.txid,
        };
        let message = RootSignature::to_be_signed(&header.encode(), self.root);
        RootSignature::new(header, service.key.sign(&message).into_fixed())
    }
}

impl Signed {
    /// Its place.
    #[must_use]
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// Root of the Merkle tree that it signs.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }
}
