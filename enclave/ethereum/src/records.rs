//! Rows of blocks and transactions, in RLP (Ethereum Yellow Paper, appendix B).

use std::borrow::Cow;

use alloy_consensus::{Header, Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Log};
use alloy_rlp::{Encodable as _, RlpDecodable, RlpEncodable};
use coco_kv::{Decode, Encode};

/// A transaction that was executed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Record {
    /// As its sender signed it (EIP-2718).
    pub(crate) transaction: Bytes,
    /// Who signed it.
    pub(crate) sender: Address,
    /// Number of its block.
    pub(crate) block: u64,
    /// Whether it did what it was sent for.
    pub(crate) success: bool,
    /// The gas that it used.
    pub(crate) gas_used: u64,
    /// What a unit of gas cost, in wei.
    pub(crate) price: u128,
    /// What contracts logged.
    pub(crate) logs: Vec<Log>,
}

/// The block that transactions are being executed in: begun by the first of them.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Open {
    /// Its number.
    pub(crate) number: u64,
    /// When it was begun, in seconds since 1970.
    pub(crate) time_s: u64,
    /// Random bytes of the enclave, from which all randomness in it is derived.
    pub(crate) seed: B256,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Block {
    /// What its hash is of.
    pub(crate) header: Header,
    /// Random bytes of the enclave, from which all randomness in it was derived.
    pub(crate) seed: B256,
    /// Its transactions, in order.
    pub(crate) transactions: Vec<Place>,
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Place {
    /// Of the transaction.
    pub(crate) hash: B256,
    /// The gas that it used.
    pub(crate) gas_used: u64,
    /// How many logs it has.
    pub(crate) logs: u64,
}

/// The last block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct Head {
    /// Its number.
    pub(crate) number: u64,
    /// Its hash.
    pub(crate) hash: B256,
    /// When it was begun, in seconds since 1970.
    pub(crate) time_s: u64,
    /// Root of the state after it.
    pub(crate) state_root: B256,
}

/// A number as a key: blocks are in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u64);

impl Record {
    /// The transaction itself.
    pub(crate) fn envelope(&self) -> Option<TxEnvelope> {
        TxEnvelope::decode_2718_exact(&self.transaction).ok()
    }

    /// The contract that the transaction was to create.
    pub(crate) fn created(&self, envelope: &TxEnvelope) -> Option<Address> {
        envelope.kind().is_create().then(|| self.sender.create(envelope.nonce()))
    }
}

impl Encode for Number {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.0.to_be_bytes().to_vec().into()
    }
}

impl Decode for Number {
    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

macro_rules! rows {
    ($($name:ident),*) => {$(
        impl Encode for $name {
            fn encode(&self) -> Cow<'_, [u8]> {
                let mut row = Vec::with_capacity(self.length());
                alloy_rlp::Encodable::encode(self, &mut row);
                row.into()
            }
        }

        impl Decode for $name {
            fn decode(mut bytes: &[u8]) -> Option<Self> {
                let row = <Self as alloy_rlp::Decodable>::decode(&mut bytes).ok()?;
                bytes.is_empty().then_some(row)
            }
        }
    )*};
}

rows!(Record, Open, Block, Head);
