//! The key that encrypts the private part of the ledger, and what is derived from it.

use std::{fmt, sync::Arc};

use coco_wire::{Digest, TxId};
use zeroize::Zeroizing;

use crate::{
    Entropy, GcmKey, HmacKey, NotAuthentic,
    aead::{Iv, KEY_LEN},
    constant_time_eq,
};

/// Label of the commit secret: CCF's `src/node/ledger_secret.h` takes the size of a pointer for the length of
/// its longer label, and every ledger since depends on that.
const COMMIT_SECRET_LABEL: &[u8] = b"Commit S";

/// A ledger secret of 32 bytes with its prepared keys; clones share them, `Debug` shows nothing.
#[derive(Clone)]
pub struct LedgerSecret(Arc<Parts>);

struct Parts {
    bytes: Zeroizing<[u8; KEY_LEN]>,
    encryption: GcmKey,
    commit: HmacKey,
}

/// Of `ce:`, two numbers of 20 digits, a dot, a colon and 64 hexadecimal digits.
const MAX_EVIDENCE_LEN: usize = 3 + 20 + 1 + 20 + 1 + 64;

impl LedgerSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        entropy.fill(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// Takes the secret's 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        let commit_secret = HmacKey::new(bytes).tag(COMMIT_SECRET_LABEL);
        Self(Arc::new(Parts {
            bytes: Zeroizing::new(*bytes),
            encryption: GcmKey::new(bytes),
            commit: HmacKey::new(&commit_secret.0),
        }))
    }

    /// The secret itself, to be wrapped or encrypted for another node.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0.bytes
    }

    /// The key that encrypts ledger entries and snapshots.
    #[must_use]
    pub fn encryption_key(&self) -> &GcmKey {
        &self.0.encryption
    }

    /// What proves that the service made this transaction: revealed in its receipt, not before.
    #[must_use]
    pub fn commit_nonce(&self, transaction: TxId) -> Digest {
        self.0.commit.tag(transaction.to_string().as_bytes())
    }

    /// Commit evidence of a transaction: `ce:VIEW.SEQNO:NONCE`, the nonce in hexadecimal (CCF
    /// `src/kv/committable_tx.h`).
    #[must_use]
    pub fn commit_evidence(&self, transaction: TxId) -> String {
        let mut evidence = String::with_capacity(MAX_EVIDENCE_LEN);
        evidence.push_str("ce:");
        transaction.push_to(&mut evidence);
        let nonce = self.0.commit.tag(&evidence.as_bytes()["ce:".len()..]);
        evidence.push(':');
        evidence.push_str(nonce.hex_digits(&mut [0; 64]));
        evidence
    }

    /// Encrypts the secret that this one replaces: `tag ‖ iv ‖ ciphertext` with a random IV.
    #[must_use]
    pub fn encrypt_previous(&self, previous: &Self, entropy: &dyn Entropy) -> Vec<u8> {
        let mut iv = Iv::default();
        entropy.fill(&mut iv);
        self.encryption_key().seal_packed(&iv, &[], previous.as_bytes())
    }

    /// Reverses [`LedgerSecret::encrypt_previous`].
    ///
    /// # Errors
    /// When the bytes are not a secret encrypted by this one.
    pub fn decrypt_previous(&self, packed: &[u8]) -> Result<Self, NotAuthentic> {
        open_secret(self.encryption_key(), packed)
    }
}

/// Reads a ledger secret that `key` encrypted.
pub(crate) fn open_secret(key: &GcmKey, packed: &[u8]) -> Result<LedgerSecret, NotAuthentic> {
    let plaintext = key.open_packed(&[], packed)?;
    let bytes = plaintext.as_slice().try_into().map_err(|_| NotAuthentic)?;
    Ok(LedgerSecret::from_bytes(bytes))
}

impl PartialEq for LedgerSecret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.as_bytes(), other.as_bytes())
    }
}

impl Eq for LedgerSecret {}

impl fmt::Debug for LedgerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
