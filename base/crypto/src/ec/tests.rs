use super::*;
use crate::{PublicKey, SystemEntropy, signature::SignatureScheme};

const CURVES: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

fn public_key(curve: Curve, x: &str, y: &str) -> EcPublicKey {
    let point = hex::decode(format!("04{x}{y}")).unwrap();
    EcPublicKey::from_spki_der(&[curve.spki_prefix(), &point].concat()).unwrap()
}

#[test]
fn known_answers() {
    // RFC 6979 appendix A.2.5 and A.2.6, message "sample".
    let p256 = public_key(
        Curve::P256,
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    let p384 = public_key(
        Curve::P384,
        "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    );
    let cases = [
        (
            &p256,
            HashAlgorithm::Sha256,
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            &p384,
            HashAlgorithm::Sha384,
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46\
             99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        ),
        // The next two have a digest of another length than the curve's, as CCF's root signatures do.
        (
            &p384,
            HashAlgorithm::Sha256,
            "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd\
             f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0",
        ),
        (
            &p256,
            HashAlgorithm::Sha512,
            "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00\
             2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
        ),
    ];
    for (key, hash, signature) in cases {
        let signature = hex::decode(signature).unwrap();
        let scheme = SignatureScheme::Ecdsa(hash, SignatureForm::Fixed);
        let any = PublicKey::Ec(key.clone());
        any.verify(scheme, b"sample", &signature).unwrap();
        assert_eq!(any.verify(scheme, b"simple", &signature), Err(NotAuthentic));
        if hash == key.curve().hash() {
            key.verify(b"sample", &signature, SignatureForm::Fixed).unwrap();
        }
        if hash == HashAlgorithm::Sha256 {
            key.verify_digest(&sha256(b"sample"), &signature, SignatureForm::Fixed).unwrap();
            let der = FixedSignature::new(signature).unwrap().to_der();
            key.verify_digest(&sha256(b"sample"), &der, SignatureForm::Der).unwrap();
        }
    }
}

#[test]
fn signatures_verify_in_both_forms() {
    for curve in CURVES {
        let key = EcKey::generate(curve, &SystemEntropy);
        let public = key.public_key();
        let digest = sha256(b"root");
        for (signature, over_digest) in [(key.sign(b"root"), false), (key.sign_digest(&digest), true)] {
            let check = |bytes: &[u8], form| match over_digest {
                true => public.verify_digest(&digest, bytes, form),
                false => public.verify(b"root", bytes, form),
            };
            let (fixed, der) = (signature.as_fixed().to_vec(), signature.to_der());
            check(&fixed, SignatureForm::Fixed).unwrap();
            check(&der, SignatureForm::Der).unwrap();
            assert_eq!(check(&fixed, SignatureForm::Der), Err(NotAuthentic));
            assert_eq!(check(&der, SignatureForm::Fixed), Err(NotAuthentic));
            for bad in [&[][..], &fixed[1..], &[&fixed[..], &[0]].concat(), &vec![0; fixed.len()]] {
                assert_eq!(check(bad, SignatureForm::Fixed), Err(NotAuthentic));
            }
            for bad in [&[][..], &der[1..], &der[..der.len() - 1], &[&der[..], &[0]].concat()] {
                assert_eq!(check(bad, SignatureForm::Der), Err(NotAuthentic));
            }
            for at in 0..der.len() {
                let mut changed = der.clone();
                changed[at] ^= 0x10;
                assert_eq!(check(&changed, SignatureForm::Der), Err(NotAuthentic), "{curve:?} byte {at}");
            }
            let other = EcKey::generate(curve, &SystemEntropy);
            assert_eq!(other.public_key().verify(b"root", &fixed, SignatureForm::Fixed), Err(NotAuthentic));
        }
    }
}

#[test]
fn keys_round_trip() {
    for curve in CURVES {
        let key = EcKey::generate(curve, &SystemEntropy);
        let again = EcKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.public_key().curve(), curve);
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        let public = EcPublicKey::from_spki_pem(&key.public_key().to_pem()).unwrap();
        assert_eq!(&public, key.public_key());
        assert_eq!(public.id(), sha256(public.spki_der()));
        assert_eq!(public.point().len(), 1 + 2 * curve.coordinate_len());
        let signature = again.sign(b"message");
        public.verify(b"message", signature.as_fixed(), SignatureForm::Fixed).unwrap();
    }
}

#[test]
fn reads_keys_of_openssl() {
    // Made by `openssl ecparam -name secp384r1 -genkey` (SEC1 behind parameters) and turned into PKCS#8 by
    // `openssl pkcs8 -topk8`.
    let sec1 = include_str!("tests/secp384r1_sec1.pem");
    let pkcs8 = include_str!("tests/secp384r1_pkcs8.pem");
    let public = include_str!("tests/secp384r1_public.pem");
    for text in [sec1, pkcs8] {
        assert_eq!(EcKey::from_pem(text).unwrap().public_key().to_pem(), public);
    }
}

#[test]
fn refusals() {
    let key = EcKey::generate(Curve::P256, &SystemEntropy);
    let mut trailing = key.pkcs8_der().to_vec();
    trailing.push(0);
    assert_eq!(EcKey::from_der(&trailing).unwrap_err(), InvalidKey::Malformed);
    let spki = key.public_key().spki_der();
    assert_eq!(EcPublicKey::from_spki_der(&[spki, &[0]].concat()), Err(InvalidKey::Unsupported));
    let mut off_curve = spki.to_vec();
    *off_curve.last_mut().unwrap() ^= 1;
    assert_eq!(EcPublicKey::from_spki_der(&off_curve), Err(InvalidKey::Malformed));
    assert!(EcKey::from_pem(&key.public_key().to_pem()).is_err());
    assert!(EcKey::from_pem("").is_err());
}

#[test]
fn generation_follows_entropy_and_debug_shows_no_key() {
    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }
    for curve in CURVES {
        let (first, second) = (EcKey::generate(curve, &Fixed(7)), EcKey::generate(curve, &Fixed(7)));
        assert_eq!(first.public_key(), second.public_key());
        assert_ne!(first.public_key(), EcKey::generate(curve, &Fixed(8)).public_key());
        assert!(!format!("{first:?}").contains("0707"));
    }
    let zero = std::panic::catch_unwind(|| EcKey::generate(Curve::P256, &Fixed(0)));
    assert!(zero.is_err());
}

#[test]
fn keys_are_made_of_coordinates() {
    for curve in CURVES {
        let key = EcKey::generate(curve, &SystemEntropy).public_key().clone();
        let (x, y) = key.point()[1..].split_at(curve.coordinate_len());
        assert_eq!(EcPublicKey::from_coordinates(curve, x, y).as_ref(), Ok(&key));
        let long = [&[0], x].concat();
        for (x, y) in [(&long[..], y), (y, x), (&[], y), (x, &[])] {
            assert_eq!(EcPublicKey::from_coordinates(curve, x, y), Err(InvalidKey::Malformed), "{curve:?}");
        }
    }
    // One key in 128 has a coordinate that begins with a zero, which may be left out.
    let short = (0..4096).map(|_| EcKey::generate(Curve::P256, &SystemEntropy).public_key().clone());
    let short = short.into_iter().find(|key| key.point()[1] == 0).expect("one of 4096 keys has it");
    let (x, y) = short.point()[1..].split_at(32);
    assert_eq!(EcPublicKey::from_coordinates(Curve::P256, &x[1..], y), Ok(short.clone()));
}
