use super::*;
use crate::{EcKey, Signer, SystemEntropy, ed25519::Ed25519Key};

#[test]
fn labels_are_those_of_the_registry() {
    let labels = [-7, -35, -36, -8, -37, -38, -39];
    let names = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512"];
    for (algorithm, (label, name)) in CoseAlgorithm::ALL.into_iter().zip(labels.into_iter().zip(names)) {
        assert_eq!((algorithm.label(), algorithm.name()), (label, name));
        assert_eq!(CoseAlgorithm::from_label(label), Some(algorithm));
    }
    for unknown in [0, 7, -9, -47, i64::MIN, i64::MAX] {
        assert_eq!(CoseAlgorithm::from_label(unknown), None);
    }
}

#[test]
fn an_algorithm_belongs_to_its_key() {
    let mut keys = Vec::new();
    for (curve, algorithm) in [
        (Curve::P256, CoseAlgorithm::Es256),
        (Curve::P384, CoseAlgorithm::Es384),
        (Curve::P521, CoseAlgorithm::Es512),
    ] {
        let key = EcKey::generate(curve, &SystemEntropy);
        assert_eq!(CoseAlgorithm::of(key.public_key()), algorithm);
        keys.push((PublicKey::Ec(key.public_key().clone()), algorithm, key.sign(b"tbs").into_fixed()));
    }
    let key = Ed25519Key::generate(&SystemEntropy);
    keys.push((PublicKey::Ed25519(key.public_key()), CoseAlgorithm::EdDsa, key.sign(b"tbs").to_vec()));
    for (key, own, signature) in &keys {
        for algorithm in CoseAlgorithm::ALL {
            assert_eq!(
                algorithm.verify(key, b"tbs", signature).is_ok(),
                algorithm == *own,
                "{key:?} {algorithm:?}"
            );
            assert_eq!(algorithm.verify(key, b"other", signature), Err(NotAuthentic));
        }
    }
}

#[test]
fn known_answer() {
    // COSE working group examples, ecdsa-examples/ecdsa-sig-01: ES256 with the key of identifier "11".
    let spki = concat!(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
        "bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff",
        "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"
    );
    let to_be_signed = "846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e";
    let signature = "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e\
                     2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";
    let key = PublicKey::from_spki_der(&hex::decode(spki).unwrap()).unwrap();
    let unhex = |text| hex::decode(text).unwrap();
    CoseAlgorithm::Es256.verify(&key, &unhex(to_be_signed), &unhex(signature)).unwrap();
}
