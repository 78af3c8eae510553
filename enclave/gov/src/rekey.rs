//! A new ledger secret, for the entries after the transaction that sets it.
//!
//! Source: CCF `src/node/node_state.h` (`rekey_ledger`), `src/node/secret_broadcast.h`. The transaction carries the secret
//! to each trusted node, encrypted to it, and to the members in shares; the secret before it is wrapped in it, so that who
//! has the newest one can read the whole ledger.

use coco_crypto::{LedgerSecret, RsaPublicKey};
use coco_js::HostRefusal;
use coco_kv::Tx;
use coco_tables::{
    nodes::NodeStatus,
    secrets::{EncryptedSecret, SecretsForNodes},
    service::ServiceStatus,
};
use coco_wire::text::Base64;

use crate::{adapter::Governance, host::refused};

impl Governance {
    /// Makes a new secret and issues shares of it. The nodes get it by [`Governance::hand_out`].
    pub(crate) fn rekey(&self, tx: &mut Tx) -> Result<LedgerSecret, HostRefusal> {
        let info = self.tables.service.info.get(tx).map_err(refused)?;
        // Until then, submitted shares are sealed with a secret that must not change, and older ones are not known.
        if info.is_none_or(|info| info.status != ServiceStatus::Open) {
            return Err(refused("Cannot rekey ledger while the service is not open"));
        }
        let secret = LedgerSecret::generate(&*self.authority.entropy);
        self.issue_shares_of_new(tx, &secret)?;
        Ok(secret)
    }

    /// Gives a new secret to the nodes that are trusted at the end of the transaction: to those too that it lets in, and
    /// to none that it removes.
    pub(crate) fn hand_out(&self, tx: &mut Tx, secret: &LedgerSecret) -> Result<(), HostRefusal> {
        let mut secrets = SecretsForNodes::default();
        for row in self.tables.nodes.info.iter(tx) {
            let (node, info) = row.map_err(refused)?;
            if info.status != NodeStatus::Trusted {
                continue;
            }
            let key = RsaPublicKey::from_spki_pem(&info.encryption_pub_key).map_err(|_| {
                refused(format!("Encryption key of node {node} is not an RSA public key in PEM"))
            })?;
            let encrypted_secret = Base64(key.encrypt_oaep(secret.as_bytes()).map_err(refused)?);
            let encrypted =
                EncryptedSecret { version: None, encrypted_secret, previous_secret_stored_version: None };
            secrets.0.insert(node, vec![encrypted]);
        }
        self.tables.secrets.for_nodes.put(tx, &secrets);
        Ok(())
    }
}
