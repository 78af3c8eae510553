//! Ledger secrets on their way to this node: in entries, encrypted to it.

use coco_crypto::LedgerSecret;
use coco_tables::secrets::new_secret_for;
use coco_wire::WriteSet;

use crate::keys::Keys;

/// The secret that a transaction sets for the entries behind it; none if it sets none, or was written when this node was
/// not trusted. About 1 ms if there is one.
pub(crate) fn learn(keys: &Keys, writes: &WriteSet) -> Option<LedgerSecret> {
    let encrypted = new_secret_for(&keys.node_id, writes)?;
    let bytes = keys.encryption.decrypt_oaep(&encrypted).ok()?;
    Some(LedgerSecret::from_bytes(bytes.as_slice().try_into().ok()?))
}
