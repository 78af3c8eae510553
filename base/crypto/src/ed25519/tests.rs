use super::*;
use crate::SystemEntropy;

#[test]
fn known_answers() {
    // RFC 8032 section 7.1, tests 1 and 3.
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in cases {
        struct Seed(Vec<u8>);
        impl Entropy for Seed {
            fn fill(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.0);
            }
        }
        let key = Ed25519Key::generate(&Seed(hex::decode(seed).unwrap()));
        let message = hex::decode(message).unwrap();
        assert_eq!(hex::encode(&key.public_key().spki_der()[SPKI_PREFIX.len()..]), public);
        let made = key.sign(&message);
        assert_eq!(hex::encode(made), signature);
        key.public_key().verify(&message, &made).unwrap();
        assert_eq!(key.public_key().verify(b"other", &made), Err(NotAuthentic));
        assert_eq!(key.public_key().verify(&message, &made[1..]), Err(NotAuthentic));
    }
}

#[test]
fn keys_round_trip() {
    let key = Ed25519Key::generate(&SystemEntropy);
    let again = Ed25519Key::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.sign(b"m"), key.sign(b"m"));
    assert_eq!(format!("{key:?}"), "Ed25519Key { .. }");
    assert!(Ed25519Key::from_pem("").is_err());
}
