//! Snapshots: the committed state at a signature, in one sealed entry, and a receipt.
//!
//! The bytes follow from the state, the views and the ledger secret alone, so all nodes make the same and the nonce,
//! which holds only the seqno, never seals two texts. The tables themselves are the store's; here they are bytes that
//! stream through.

mod open;
mod seal;

pub use open::{OpenedSnapshot, SnapshotOpenError, SnapshotOpener, SnapshotSecrets};
pub use seal::{SnapshotSealError, SnapshotSealer};
