//! What can be wrong with a ledger, and where.

use coco_wire::{
    InvalidId, Seqno, TxId, View, chunk::ChunkDamage, domain::DomainError, signature::SignatureError,
    tree::TreeError,
};

use crate::report::ServiceStatus;

/// The first thing wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} at offset {offset}: {reason}")]
pub struct Damage {
    /// Name of the file.
    pub file: String,
    /// Offset of the entry, or of what is wrong in the frame of the file, in bytes.
    pub offset: u64,
    /// Position of the entry, once known.
    pub seqno: Option<Seqno>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not the name of a file of the ledger.
    #[error("not the name of a ledger file")]
    Name,
    /// The file does not continue the ledger.
    #[error("starts at {found} where {expected} is expected")]
    Order {
        /// Where the ledger goes on.
        expected: Seqno,
        /// Where the file starts.
        found: Seqno,
    },
    /// A committed file, or one before the last, without positions or with a torn entry.
    #[error("the file is not complete")]
    Incomplete,
    /// A file does not end where its name says.
    #[error("ends at {found} where the name says {named}")]
    Last {
        /// According to the name.
        named: Seqno,
        /// Last entry inside.
        found: Seqno,
    },
    /// A committed file, or one before the last, ends in entries without a signature after them.
    #[error("the file does not end on a signature")]
    UnsignedEnd,
    /// The frame of the file or of an entry.
    #[error(transparent)]
    Frame(#[from] ChunkDamage),
    /// An entry that seems to be cut by the end of the file is followed by others.
    #[error("the entry reaches beyond the end of the file, but others follow it")]
    Overlong,
    /// The public domain.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The IV is that of a snapshot.
    #[error("the IV belongs to a snapshot")]
    Iv,
    /// The position in the IV or the public domain.
    #[error("seqno {found} where {expected} is expected")]
    Seqno {
        /// That of the entry by counting.
        expected: Seqno,
        /// That in the entry.
        found: Seqno,
    },
    /// The view goes back, changes without a signature before, or is 0.
    #[error("view {found} after {previous}")]
    View {
        /// Of the entry before.
        previous: View,
        /// Of this entry.
        found: View,
    },
    /// An entry that asks for a chunk boundary is not at one, or may not ask.
    #[error("the entry asks for a chunk boundary that is not there")]
    ChunkBoundary,
    /// Claims without commit evidence: no released version wrote this.
    #[error("claims without commit evidence")]
    Commitments,
    /// A row of the snapshot evidence table.
    #[error("the snapshot evidence does not match its transaction")]
    SnapshotEvidence,
    /// A row about the service.
    #[error("service: {0}")]
    Service(#[from] ServiceDamage),
    /// A row about a node.
    #[error("node: {0}")]
    Node(#[from] NodeDamage),
    /// A signature transaction.
    #[error("signature: {0}")]
    Signature(#[from] SignatureDamage),
}

/// What is wrong with `public:ccf.gov.service.info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceDamage {
    /// Not one row with the expected JSON.
    #[error("malformed row")]
    Row,
    /// The certificate cannot be read, is not self-signed, or its key is not elliptic.
    #[error("unusable certificate")]
    Certificate,
    /// No service goes from the one status to the other.
    #[error("status changes from {from:?} to {to:?}")]
    Transition {
        /// Before; none at the start.
        from: Option<ServiceStatus>,
        /// After.
        to: ServiceStatus,
    },
    /// The key changes although the service is not recovering.
    #[error("identity changes without recovery")]
    Identity,
    /// The recorded start of the service, or number of recoveries, is wrong.
    #[error("start or recovery count do not match")]
    Recovery,
}

/// What is wrong with the tables of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeDamage {
    /// The key of a row is not a node ID.
    #[error("malformed node ID")]
    Id(#[from] InvalidId),
    /// Not the expected JSON or PEM.
    #[error("malformed row")]
    Row,
    /// A row is removed that is not there.
    #[error("removed but unknown")]
    Unknown,
    /// The node ID is not the digest of the node's key.
    #[error("the node ID is not the digest of the key")]
    Key,
    /// A retired node comes back, or a trusted one becomes pending.
    #[error("illegal change of status")]
    Transition,
    /// The certificate is not issued by the service.
    #[error("certificate not issued by the service")]
    NotIssued,
    /// A node with both a self-signed and an endorsed certificate in one transaction.
    #[error("two certificates")]
    TwoCertificates,
}

/// What is wrong with a signature transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureDamage {
    /// Other tables, rows or private writes beside the signature, or a part of it is missing.
    #[error("not exactly the rows of a signature")]
    Rows,
    /// A signature claims something.
    #[error("a signature has no claims")]
    Claims,
    /// A value does not decode.
    #[error(transparent)]
    Value(#[from] SignatureError),
    /// The stored tree does not decode.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The stored tree is not that of the entries before.
    #[error("the stored tree differs from that of the entries")]
    TreeMismatch,
    /// The root in the value is not that of the entries before.
    #[error("the root differs from that of the entries")]
    Root,
    /// The signed transaction ID is not that of the entry.
    #[error("signs transaction {0}")]
    TxId(TxId),
    /// A field that is always zero, or names a committed transaction, does not.
    #[error("a field has a value that it never has")]
    Field,
    /// The node is not in the table of nodes, or pending.
    #[error("the node may not sign")]
    UnknownNode,
    /// The node has no certificate.
    #[error("the node has no certificate")]
    NoCertificate,
    /// The certificate in the signature is unreadable, of another key, or not issued by the service.
    #[error("the certificate in the signature is not the node's")]
    EmbeddedCertificate,
    /// No service identity is known yet.
    #[error("no service identity")]
    NoService,
    /// The service signature names another key or algorithm.
    #[error("signed with another key than the service's")]
    ServiceKey,
    /// The node did not make the signature.
    #[error("not authentic for the node")]
    NodeNotAuthentic,
    /// The service did not make the signature.
    #[error("not authentic for the service")]
    ServiceNotAuthentic,
}
