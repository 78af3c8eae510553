//! The ledger as its writer sees it: sealing, Merkle tree, signatures, receipts and snapshots.
//!
//! Pure: bytes and plain data in and out; whoever calls has the clock, the disk and the threads. All formats are
//! CCF's, and `coco-wire` owns them. Modules in reading order.

pub mod ledger;

pub mod policy;
pub mod signature;

pub mod open;
pub mod receipt;
pub mod seal;

pub mod lineage;
pub mod receive;
pub mod resume;
pub mod snapshot;

pub mod secrets;
pub mod tree;

mod chunk;

pub use ledger::{AppendOptions, Ledger, LedgerConfig, Sealed};
pub use lineage::{Lineage, NotSigned, ProvedRun};
pub use open::{OpenError, Opened, open};
pub use policy::{PreviousSignature, SigningDecision, SigningPolicy, SigningState, Timing};
pub use receipt::{ReceiptError, SignedRoot};
pub use receive::{
    OpenRequest, OpenedBatch, OpenedEntry, ReceiveError, Received, Signatories, SignatureCheck,
    SignatureRefusal,
};
pub use resume::{ResumeError, ResumePoint};
pub use seal::{Sealing, seal};
pub use secrets::LedgerSecrets;
pub use signature::{NodeSigner, ServiceSigner, SignatureMode, SignatureRequest, Signed};
pub use snapshot::{
    OpenedSnapshot, SnapshotOpenError, SnapshotOpener, SnapshotSealError, SnapshotSealer, SnapshotSecrets,
};
pub use tree::Tree;
