//! Signed transactions as clients send them (EIP-2718), and who sent them.

use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718 as _};
use alloy_eips::eip2718::{Decodable2718 as _, Eip2718Error, Encodable2718 as _};
use alloy_primitives::{Address, B256};
use revm::context::{TxEnv, either::Either};
use secp256k1::{
    Message, SECP256K1,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use crate::Fees;

/// Most bytes of a transaction, as in Ethereum's public pools.
pub const MAX_LEN: usize = 128 * 1024;

/// Why bytes are no transaction that anybody executes.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// More than [`MAX_LEN`] bytes.
    #[error("oversized data: transaction size {0}, limit {MAX_LEN}")]
    TooLong(usize),
    /// Not the bytes of a transaction, or something behind it.
    #[error("{0}")]
    Malformed(#[from] Eip2718Error),
    /// With blobs, which nobody here stores.
    #[error("transaction type not supported: blobs are not stored here")]
    Blobs,
    /// Without a chain, so that it could be repeated on any.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// For another chain.
    #[error("invalid chain id for signer: have {found} want {expected}")]
    OtherChain {
        /// For which.
        found: u64,
        /// Which this is.
        expected: u64,
    },
    /// Nobody's signature, or one that could be written in another way (EIP-2).
    #[error("invalid transaction v, r, s values")]
    Signature,
}

/// A transaction whose sender is known. Recovering takes ten times as long as executing a transfer: it is done once, before
/// the transaction comes to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    envelope: TxEnvelope,
    sender: Address,
}

impl Verified {
    /// Reads a transaction for a chain, and recovers its sender.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn read(bytes: &[u8], chain_id: u64) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_LEN {
            return Err(Unreadable::TooLong(bytes.len()));
        }
        let envelope = TxEnvelope::decode_2718_exact(bytes)?;
        if envelope.is_eip4844() {
            return Err(Unreadable::Blobs);
        }
        let found = envelope.chain_id().ok_or(Unreadable::Unprotected)?;
        if found != chain_id {
            return Err(Unreadable::OtherChain { found, expected: chain_id });
        }
        Self::recover(envelope)
    }

    /// Recovers the sender of a transaction of any chain.
    pub(crate) fn recover(envelope: TxEnvelope) -> Result<Self, Unreadable> {
        let sender = sender(&envelope).ok_or(Unreadable::Signature)?;
        Ok(Self { envelope, sender })
    }

    /// A transaction whose sender this program has recovered before; none if the bytes are no transaction.
    #[must_use]
    pub fn recovered(bytes: &[u8], sender: Address) -> Option<Self> {
        let envelope = TxEnvelope::decode_2718_exact(bytes).ok()?;
        Some(Self { envelope, sender })
    }

    /// Who signed it.
    #[must_use]
    pub fn sender(&self) -> Address {
        self.sender
    }

    /// Keccak-256 of its bytes: its name.
    #[must_use]
    pub fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// The number of the transaction among its sender's, from zero on.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }

    /// Most gas that it may use.
    #[must_use]
    pub fn gas_limit(&self) -> u64 {
        self.envelope.gas_limit()
    }

    /// Whether it creates a contract.
    #[must_use]
    pub fn is_create(&self) -> bool {
        self.envelope.kind().is_create()
    }

    /// What its sender pays for a unit of gas, in wei, where it costs at least `base_fee`.
    #[must_use]
    pub fn price(&self, fees: Fees, base_fee: u64) -> u128 {
        match fees {
            Fees::Free => 0,
            Fees::Charged => self.envelope.effective_gas_price(Some(base_fee)),
        }
    }

    /// Its fields.
    #[must_use]
    pub fn envelope(&self) -> &TxEnvelope {
        &self.envelope
    }

    /// As it was sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.envelope.encoded_2718()
    }

    pub(crate) fn environment(&self, fees: Fees) -> TxEnv {
        let it = &self.envelope;
        let (gas_price, gas_priority_fee) = match fees {
            // Whoever must not pay must not have to be able to.
            Fees::Free => (0, it.max_priority_fee_per_gas().map(|_| 0)),
            Fees::Charged => (it.max_fee_per_gas(), it.max_priority_fee_per_gas()),
        };
        TxEnv {
            tx_type: it.ty(),
            caller: self.sender,
            gas_limit: it.gas_limit(),
            gas_price,
            kind: it.kind(),
            value: it.value(),
            data: it.input().clone(),
            nonce: it.nonce(),
            chain_id: it.chain_id(),
            access_list: it.access_list().cloned().unwrap_or_default(),
            gas_priority_fee,
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: it
                .authorization_list()
                .into_iter()
                .flatten()
                .cloned()
                .map(Either::Left)
                .collect(),
        }
    }
}

/// Who signed a transaction; none for a signature of nobody, or one that could be written in another way (EIP-2).
fn sender(envelope: &TxEnvelope) -> Option<Address> {
    let signature = envelope.signature();
    if signature.normalize_s().is_some() {
        return None;
    }
    let id = if signature.v() { RecoveryId::One } else { RecoveryId::Zero };
    let bytes = [signature.r().to_be_bytes::<32>(), signature.s().to_be_bytes::<32>()].concat();
    let signature = RecoverableSignature::from_compact(&bytes, id).ok()?;
    let hash = Message::from_digest(envelope.signature_hash().0);
    let key = SECP256K1.recover_ecdsa(hash, &signature).ok()?.serialize_uncompressed();
    Some(Address::from_raw_public_key(&key[1..]))
}

#[cfg(test)]
mod tests;
