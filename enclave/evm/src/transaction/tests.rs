//! Transactions as they come, and who sent them.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Signature, TxKind, U256};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::tests::{CHAIN, Key, call};

const TO: TxKind = TxKind::Call(Address::repeat_byte(0x11));

fn legacy() -> TxLegacy {
    TxLegacy { chain_id: Some(CHAIN), gas_limit: 21_000, to: TO, ..TxLegacy::default() }
}

/// A transaction of each type that is executed, signed by the same key.
fn each(key: &Key) -> Vec<Vec<u8>> {
    let to = Address::repeat_byte(0x11);
    let authorization = Authorization { chain_id: U256::from(CHAIN), address: to, nonce: 0 };
    let signature = Key::new(9).sign_hash(authorization.signature_hash());
    vec![
        key.sign(legacy()),
        key.sign(TxEip2930 { chain_id: CHAIN, to: TO, ..TxEip2930::default() }),
        key.sign(call(5, TO, 7, b"input")),
        key.sign(TxEip7702 {
            chain_id: CHAIN,
            to,
            authorization_list: vec![authorization.into_signed(signature)],
            ..TxEip7702::default()
        }),
    ]
}

#[test]
fn each_type_names_its_sender() {
    let key = Key::new(1);
    for (bytes, kind) in each(&key).iter().zip([0, 1, 2, 4]) {
        let read = Verified::read(bytes, CHAIN).unwrap();
        assert_eq!((read.sender(), read.envelope().ty()), (key.address(), kind));
        assert_eq!(read.hash(), alloy_primitives::keccak256(bytes), "type {kind}");
        assert_eq!(read.bytes(), *bytes, "type {kind}");
        assert_eq!(read.environment(Fees::Free).tx_type, kind);
    }
}

#[test]
fn nobody_pays_where_gas_is_free() {
    let offer = TxEip1559 { max_fee_per_gas: 9, max_priority_fee_per_gas: 2, ..call(0, TO, 0, &[]) };
    let read = Key::new(1).send(offer);
    let prices = |fees| {
        let environment = read.environment(fees);
        (environment.gas_price, environment.gas_priority_fee)
    };
    assert_eq!((prices(Fees::Free), prices(Fees::Charged)), ((0, Some(0)), (9, Some(2))));
}

#[test]
fn what_nobody_executes_is_refused_with_the_reason() {
    let key = Key::new(1);
    let unprotected = TxLegacy { chain_id: None, ..legacy() };
    let elsewhere = TxLegacy { chain_id: Some(1), ..legacy() };
    let blobs = TxEip4844 {
        chain_id: CHAIN,
        blob_versioned_hashes: vec![B256::repeat_byte(1)],
        ..TxEip4844::default()
    };
    let good = key.sign(call(0, TO, 0, &[]));
    // The other signature for the same message (EIP-2).
    let high = {
        let transaction = call(0, TO, 0, &[]);
        let signature = key.sign_hash(transaction.signature_hash());
        let order =
            U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16);
        let high = Signature::new(signature.r(), order.unwrap() - signature.s(), !signature.v());
        TxEnvelope::from(transaction.into_signed(high)).encoded_2718()
    };
    let cases = [
        (key.sign(unprotected), "only replay-protected"),
        (key.sign(elsewhere), "invalid chain id for signer: have 1 want 1337"),
        (key.sign(blobs), "transaction type not supported"),
        ([&good[..], &[0]].concat(), "unexpected"),
        (high, "invalid transaction v, r, s values"),
        (vec![0; MAX_LEN + 1], "oversized data"),
        (Vec::new(), ""),
        (vec![5, 1, 2], ""),
    ];
    for (bytes, expected) in cases {
        let refused = Verified::read(&bytes, CHAIN).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused} instead of {expected}");
    }
}

proptest! {
    /// Whatever comes is read to the same bytes, or refused.
    #[test]
    fn bytes_have_one_reading(at in any::<prop::sample::Index>(), which in 0..4_usize, change in vec(any::<u8>(), 0..4)) {
        let mut bytes = each(&Key::new(1)).swap_remove(which);
        let at = at.index(bytes.len());
        bytes.splice(at..(at + change.len()).min(bytes.len()), change);
        if let Ok(read) = Verified::read(&bytes, CHAIN) {
            prop_assert_eq!(read.bytes(), bytes);
        }
    }
}
