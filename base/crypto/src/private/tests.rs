use super::*;
use crate::{Curve, SystemEntropy, hash::HashAlgorithm, rsa::RsaBits};

#[test]
fn keys_of_all_kinds_are_read_again_and_sign() {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    let ecdsa = |hash| SignatureScheme::Ecdsa(hash, SignatureForm::Fixed);
    let keys = [
        PrivateKey::Ec(EcKey::generate(Curve::P256, &SystemEntropy)),
        PrivateKey::Ec(EcKey::generate(Curve::P384, &SystemEntropy)),
        PrivateKey::Rsa(RsaKey::generate(RsaBits::B2048)),
        PrivateKey::Ed25519(Ed25519Key::generate(&SystemEntropy)),
    ];
    let schemes = [
        ecdsa(Sha256),
        ecdsa(Sha384),
        ecdsa(Sha512),
        SignatureScheme::Ecdsa(Sha256, SignatureForm::Der),
        SignatureScheme::RsaPss(Sha256),
        SignatureScheme::RsaPss(Sha384),
        SignatureScheme::RsaPss(Sha512),
        SignatureScheme::Ed25519,
    ];
    for key in keys {
        let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let mut signed = 0;
        for scheme in schemes {
            let Ok(signature) = again.sign(scheme, b"message") else { continue };
            signed += 1;
            assert!(key.public_key().verify(scheme, b"message", &signature).is_ok(), "{scheme:?}");
            assert!(key.public_key().verify(scheme, b"massage", &signature).is_err(), "{scheme:?}");
        }
        let expected = match key {
            PrivateKey::Ec(_) => 4,
            PrivateKey::Rsa(_) => 3,
            PrivateKey::Ed25519(_) => 1,
        };
        assert_eq!(signed, expected, "{key:?}");
    }
    assert!(PrivateKey::from_pem("").is_err());
}
