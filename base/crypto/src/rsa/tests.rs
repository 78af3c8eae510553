use super::*;

const PKCS1: &str = include_str!("tests/rsa2048_pkcs1.pem");
const PKCS8: &str = include_str!("tests/rsa2048_pkcs8.pem");
const PUBLIC: &str = include_str!("tests/rsa2048_public.pem");

#[test]
fn reads_keys_and_ciphertext_of_openssl() {
    for text in [PKCS1, PKCS8] {
        let key = RsaKey::from_pem(text).unwrap();
        assert_eq!(key.public_key().to_pem(), PUBLIC);
        assert_eq!(key.public_key().bits(), 2048);
        let plaintext = key.decrypt_oaep(include_bytes!("tests/oaep.bin")).unwrap();
        assert_eq!(plaintext.as_slice(), b"recovery share");
        assert_eq!(*key.to_pem(), PKCS8);
    }
}

#[test]
fn verifies_signatures_of_openssl() {
    let key = RsaPublicKey::from_spki_pem(PUBLIC).unwrap();
    let pkcs1 = include_bytes!("tests/pkcs1_sha256.bin");
    let pss = include_bytes!("tests/pss_sha256.bin");
    key.verify_pkcs1(HashAlgorithm::Sha256, b"token", pkcs1).unwrap();
    key.verify_pss(HashAlgorithm::Sha256, b"token", pss).unwrap();
    assert_eq!(key.verify_pkcs1(HashAlgorithm::Sha256, b"token", pss), Err(NotAuthentic));
    assert_eq!(key.verify_pss(HashAlgorithm::Sha256, b"token", pkcs1), Err(NotAuthentic));
    assert_eq!(key.verify_pkcs1(HashAlgorithm::Sha512, b"token", pkcs1), Err(NotAuthentic));
    assert_eq!(key.verify_pkcs1(HashAlgorithm::Sha256, b"other", pkcs1), Err(NotAuthentic));
}

#[test]
fn encryption_round_trips() {
    for bits in [RsaBits::B2048, RsaBits::B3072, RsaBits::B4096] {
        let key = RsaKey::generate(bits);
        let public = RsaPublicKey::from_spki_pem(&key.public_key().to_pem()).unwrap();
        let most = public.bits() / 8 - 66;
        for length in [0, 1, 44, most] {
            let plaintext = vec![0x5a; length];
            let mut ciphertext = public.encrypt_oaep(&plaintext).unwrap();
            assert_eq!(ciphertext.len(), public.bits() / 8);
            assert_eq!(*key.decrypt_oaep(&ciphertext).unwrap(), plaintext);
            ciphertext[7] ^= 1;
            assert_eq!(key.decrypt_oaep(&ciphertext), Err(NotAuthentic));
            assert_eq!(key.decrypt_oaep(&ciphertext[1..]), Err(NotAuthentic));
        }
        assert_eq!(public.encrypt_oaep(&vec![0; most + 1]), Err(TooLong));
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
}

#[test]
fn refusals() {
    let small = include_str!("tests/rsa1024_public.pem");
    assert_eq!(RsaPublicKey::from_spki_pem(small), Err(InvalidKey::Unsupported));
    assert!(RsaKey::from_pem(PUBLIC).is_err());
    assert!(RsaKey::from_pem(&PKCS1.replace("RSA PRIVATE", "PRIVATE")).is_err());
}

#[test]
fn keys_are_made_of_numbers() {
    let known = RsaPublicKey::from_spki_pem(PUBLIC).unwrap();
    let spki = known.spki_der();
    // SubjectPublicKeyInfo of 2048 bits: a modulus of 257 bytes with its zero, and the exponent 65537, end it.
    let (modulus, exponent) = (&spki[spki.len() - 262..spki.len() - 5], &spki[spki.len() - 3..]);
    assert_eq!((modulus[0], exponent), (0, &[1, 0, 1][..]));
    for (modulus, exponent) in [(modulus, exponent), (&modulus[1..], &[0, 1, 0, 1])] {
        assert_eq!(RsaPublicKey::from_numbers(modulus, exponent).as_ref(), Ok(&known));
    }
    let even = [&modulus[..256], &[modulus[256] & 0xfe]].concat();
    let (long, small) = ([0xff; 1025], &modulus[129..]);
    let bad: [(&[u8], &[u8]); 9] = [
        (&[], exponent),
        (modulus, &[]),
        (modulus, &[0]),
        (modulus, &[1]),
        (modulus, &[2]),
        (modulus, &[1; 9]),
        (&even, exponent),
        (&long, exponent),
        (small, exponent),
    ];
    for (number, (modulus, exponent)) in bad.into_iter().enumerate() {
        assert_eq!(RsaPublicKey::from_numbers(modulus, exponent), Err(InvalidKey::Unsupported), "{number}");
    }
}
