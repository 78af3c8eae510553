use super::*;
use crate::{
    Curve, EcKey, Signer, SystemEntropy,
    ed25519::Ed25519Key,
    hash::HashAlgorithm,
    rsa::{RsaBits, RsaKey},
    signature::SignatureForm,
};

#[test]
fn every_kind_round_trips_and_checks_its_own_schemes() {
    let ec = EcKey::generate(Curve::P384, &SystemEntropy);
    let ed25519 = Ed25519Key::generate(&SystemEntropy);
    let rsa = RsaKey::generate(RsaBits::B2048);
    let keys = [
        PublicKey::Ec(ec.public_key().clone()),
        PublicKey::Ed25519(ed25519.public_key()),
        PublicKey::Rsa(rsa.public_key().clone()),
    ];
    let ecdsa = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
    let schemes = [
        ecdsa,
        SignatureScheme::Ed25519,
        SignatureScheme::RsaPkcs1(HashAlgorithm::Sha256),
        SignatureScheme::RsaPss(HashAlgorithm::Sha256),
    ];
    let signatures = [ec.sign(b"m").into_fixed(), ed25519.sign(b"m").to_vec(), vec![0; 256], vec![0; 256]];
    for (at, key) in keys.iter().enumerate() {
        let again = PublicKey::from_spki_pem(&key.to_pem()).unwrap();
        assert_eq!(&again, key);
        assert_eq!(again.id(), sha256(key.spki_der()));
        assert_eq!(again.as_ec().is_some(), at == 0);
        for (scheme_at, (scheme, signature)) in schemes.iter().zip(&signatures).enumerate() {
            let expected = at == scheme_at && at < 2;
            assert_eq!(key.verify(*scheme, b"m", signature).is_ok(), expected, "{key:?} {scheme:?}");
        }
    }
}

#[test]
fn refuses_bytes_that_are_not_the_one_encoding() {
    let rsa = RsaKey::generate(RsaBits::B2048);
    let spki = rsa.public_key().spki_der();
    let trailing = [spki, &[0]].concat();
    let cases = [&[][..], &[0x30, 0], &spki[1..], &spki[..spki.len() - 1], &trailing];
    for bytes in cases {
        assert!(PublicKey::from_spki_der(bytes).is_err());
    }
    assert!(PublicKey::from_spki_pem(&rsa.to_pem()).is_err());
}
