//! Keys that verify JSON Web Tokens, set and removed by the constitution.

use coco_app::jwt::{JsonWebKeySet, remove_signing_keys, set_signing_keys};
use coco_js::HostRefusal;
use coco_kv::Tx;
use coco_tables::jwt::Issuer;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{adapter::Governance, host::refused};

impl Governance {
    /// Makes a key set that of `issuer`, described by `metadata`.
    pub(crate) fn set_signing_keys(
        &self,
        tx: &mut Tx,
        issuer: &str,
        metadata: &Value,
        key_set: &Value,
    ) -> Result<(), HostRefusal> {
        Issuer::deserialize(metadata).map_err(refused)?;
        let set = JsonWebKeySet::deserialize(key_set).map_err(refused)?;
        set_signing_keys(&self.tables.jwt, tx, issuer, &set).map_err(refused)
    }

    /// Removes all keys of `issuer`.
    pub(crate) fn remove_signing_keys(&self, tx: &mut Tx, issuer: &str) -> Result<(), HostRefusal> {
        remove_signing_keys(&self.tables.jwt, tx, issuer).map_err(refused)
    }
}
