//! COSE_Sign1 structure; the example is RFC 9052, appendix C.2.1.

use super::*;

const EXAMPLE: &str = "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23\
d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";

#[test]
fn the_example_of_the_rfc() {
    let bytes = hex::decode(EXAMPLE).unwrap();
    let message = CoseSign1::decode(&bytes).unwrap();
    assert_eq!(message.protected.algorithm(), Some(-7));
    assert_eq!(message.unprotected.kid(), Some(&b"11"[..]));
    assert_eq!(message.protected.kid(), None);
    assert_eq!(message.protected.content_type(), None);
    assert_eq!(message.payload, Some(&b"This is the content."[..]));
    assert_eq!(message.signature.len(), 64);
    let expected = "846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e";
    assert_eq!(hex::encode(message.to_be_signed(None).unwrap()), expected);
    assert_eq!(message.to_be_signed(Some(b"x")), Err(CoseError::Payload));
    let again = encode(message.protected_bytes, &message.unprotected, message.payload, message.signature);
    assert_eq!(again, bytes);
}

#[test]
fn other_structures_are_refused() {
    for (message, expected) in [
        ("8443a10126a04040", CoseError::Structure),
        ("d18443a10126a04040", CoseError::Structure),
        ("d28343a10126a040", CoseError::Structure),
        ("d28443a10126a0404040", CoseError::Cbor(CborError::Trailing(9))),
        ("d28443a10126a001 40", CoseError::Structure),
        ("d284a10126a04040", CoseError::Structure),
        ("d28443a10126404040", CoseError::Structure),
        ("d284410aa04040", CoseError::ProtectedHeader),
        ("d28440a04040", CoseError::Cbor(CborError::Malformed(0))),
        ("d28445a201260126a04040", CoseError::Cbor(CborError::DuplicateKey(0))),
    ] {
        let bytes = hex::decode(message.replace(' ', "")).unwrap();
        assert_eq!(CoseSign1::decode(&bytes).map(|_| ()), Err(expected), "{message}");
    }
}

#[test]
fn a_detached_payload_must_be_given() {
    let bytes = encode(&Headers::empty().encode(), &Headers::empty(), None, b"signature");
    let message = CoseSign1::decode(&bytes).unwrap();
    assert_eq!(message.to_be_signed(None), Err(CoseError::Payload));
    assert_eq!(message.to_be_signed(Some(b"root")).unwrap(), to_be_signed(&[0xa0], b"root"));
}

#[test]
fn damage_never_panics() {
    let good = hex::decode(EXAMPLE).unwrap();
    for end in 0..good.len() {
        assert!(CoseSign1::decode(&good[..end]).is_err(), "{end}");
    }
    for bit in 0..8 * good.len() {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(message) = CoseSign1::decode(&bytes) {
            let _ = message.to_be_signed(None);
        }
    }
}
