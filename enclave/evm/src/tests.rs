//! What tests of several modules use: keys that sign, stores, programs.

mod ethereum;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Signature, TxKind, U256};
use coco_kv::{Store, Tx};
use coco_wire::Seqno;
use revm::primitives::hardfork::SpecId;
use secp256k1::{Message, PublicKey, Secp256k1, SecretKey};

use crate::{Block, Execution, Fees, Refused, Rules, Verified, World};

pub(crate) const CHAIN: u64 = 1337;

/// A key of an account.
pub(crate) struct Key(SecretKey);

impl Key {
    pub(crate) fn new(number: u8) -> Self {
        Self(SecretKey::from_byte_array([number; 32]).unwrap())
    }

    pub(crate) fn address(&self) -> Address {
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &self.0).serialize_uncompressed();
        Address::from_raw_public_key(&key[1..])
    }

    pub(crate) fn sign_hash(&self, hash: B256) -> Signature {
        let signed = Secp256k1::new().sign_ecdsa_recoverable(Message::from_digest(hash.0), &self.0);
        let (id, bytes) = signed.serialize_compact();
        Signature::from_bytes_and_parity(&bytes, i32::from(id) == 1)
    }

    /// The bytes of a transaction that it signs.
    pub(crate) fn sign<T>(&self, transaction: T) -> Vec<u8>
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        let signature = self.sign_hash(transaction.signature_hash());
        TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
    }

    /// The same, read again.
    pub(crate) fn send<T>(&self, transaction: T) -> Verified
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        Verified::read(&self.sign(transaction), CHAIN).unwrap()
    }
}

/// A call that offers nothing for gas.
pub(crate) fn call(nonce: u64, to: TxKind, value: u64, input: &[u8]) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 1_000_000,
        to,
        value: U256::from(value),
        input: input.to_vec().into(),
        ..TxEip1559::default()
    }
}

/// A world in a store.
pub(crate) struct Chain {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) number: u64,
}

impl Chain {
    /// With nothing in it.
    pub(crate) fn new(fork: SpecId) -> Self {
        let rules = Rules { chain_id: CHAIN, fork, fees: Fees::Free, max_gas: None };
        Self { world: World::default(), store: Store::new(), rules, number: 1 }
    }

    /// Changes it in one transaction of the store.
    pub(crate) fn write<T>(&mut self, change: impl FnOnce(&World, &mut Tx) -> T) -> T {
        let mut tx = self.tx();
        let result = change(&self.world, &mut tx);
        self.commit(tx).unwrap();
        result
    }

    /// Commits a transaction of the store, unless it read what has changed.
    pub(crate) fn commit(&mut self, tx: Tx) -> Result<(), coco_kv::Conflict> {
        let next = Seqno(self.store.version().0 + 1);
        self.store.commit(next, &tx.finish())
    }

    pub(crate) fn tx(&self) -> Tx {
        Tx::new(self.store.latest())
    }

    pub(crate) fn block(&self) -> Block<'static> {
        Block {
            number: self.number,
            time_s: 1_800_000_000 + self.number,
            beneficiary: Address::repeat_byte(0xc0),
            max_gas: 30_000_000,
            base_fee: 0,
            random: B256::repeat_byte(0x77),
            seed: Some(B256::repeat_byte(0x5e)),
            hash_of: &|number| B256::from(U256::from(number)),
        }
    }

    pub(crate) fn execute(&mut self, transaction: &Verified) -> Result<Execution, Refused> {
        let (rules, block) = (self.rules, self.block());
        self.write(|world, tx| world.execute(tx, &rules, &block, transaction))
    }
}

/// Code that deploys `runtime`.
pub(crate) fn deploying(runtime: &[u8]) -> Vec<u8> {
    let len = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let head = [0x61, len[0], len[1], 0x80, 0x60, 12, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    [&head[..], runtime].concat()
}
