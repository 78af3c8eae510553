use super::*;
use crate::{SystemEntropy, rsa::RsaBits};

#[test]
fn wrapped_keys_are_unwrapped_by_the_same_key_only() {
    for bits in [128, 256] {
        let with = vec![7; bits / 8];
        for len in [1, 8, 9, 16, 31, 1000] {
            let key = vec![3; len];
            let wrapped = wrap(&with, &key).unwrap();
            assert_eq!(wrapped.len(), len.div_ceil(8) * 8 + 8);
            assert_eq!(*unwrap(&with, &wrapped).unwrap(), key);
            assert_eq!(unwrap(&vec![8; bits / 8], &wrapped), Err(WrapError::NotAuthentic));
            let mut tampered = wrapped;
            tampered[0] ^= 1;
            assert_eq!(unwrap(&with, &tampered), Err(WrapError::NotAuthentic));
        }
        assert_eq!(wrap(&with, &[]), Err(WrapError::Length));
        assert_eq!(unwrap(&with, &[]), Err(WrapError::NotAuthentic));
    }
    assert_eq!(wrap(&[1; 24], &[1]), Err(WrapError::KeySize));
    assert_eq!(unwrap(&[1; 7], &[1]), Err(WrapError::KeySize));
}

#[test]
fn keys_are_wrapped_to_the_owner_of_an_rsa_key() {
    let (owner, other) = (RsaKey::generate(RsaBits::B2048), RsaKey::generate(RsaBits::B2048));
    for label in [None, Some(&b"label"[..])] {
        let wrapped = wrap_with_rsa(owner.public_key(), 256, b"a long key", label, &SystemEntropy).unwrap();
        assert_eq!(**unwrap_with_rsa(&owner, &wrapped, label).unwrap(), *b"a long key");
        for (key, label) in [(&other, label), (&owner, Some(&b"another"[..]))] {
            assert_eq!(unwrap_with_rsa(key, &wrapped, label), Err(WrapError::NotAuthentic));
        }
        assert_eq!(unwrap_with_rsa(&owner, &wrapped[..100], label), Err(WrapError::NotAuthentic));
    }
    let refused = wrap_with_rsa(owner.public_key(), 192, b"k", None, &SystemEntropy);
    assert_eq!(refused, Err(WrapError::KeySize));
}
