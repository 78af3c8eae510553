//! What swtpm 0.7.1 quoted, by keys that tpm2-tools 5.4 had it make: two of RSA and one of an elliptic curve below its
//! endorsement key (`tpm2_createak`), and one of another curve in the endorsement hierarchy (`tpm2_createprimary`).

use coco_crypto::x509::UnixTime;
use coco_wire::text::decode_hex;
use serde_json::Value;

use super::super::{
    Claims, Evidence, Hash, Key, Quoted, Refusal, Requirements, Scheme, Signature, Signer, verify,
};

/// `TPM_RH_ENDORSEMENT`.
const ENDORSEMENT_HIERARCHY: &[u8] = &[0x40, 0, 0, 0x0b];
const RECORDED: &str = include_str!("data/swtpm.json");

fn bytes(value: &Value) -> Vec<u8> {
    decode_hex(value.as_str().unwrap()).unwrap()
}

/// Every recorded quote, with what is recorded beside all.
fn each(mut check: impl FnMut(&str, &Value, &Value)) {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    for quote in all["quotes"].as_array().unwrap() {
        check(quote["name"].as_str().unwrap(), quote, &all);
    }
}

fn with(quote: &Value, requirements: &Requirements<'_>, check: impl FnOnce(Result<Claims<'_>, Refusal>)) {
    let [message, signature, pcrs, public] =
        ["message", "signature", "pcrs", "public"].map(|field| bytes(&quote[field]));
    let quoted = Quoted { message: &message, signature: Signature::Structure(&signature), pcrs: &pcrs };
    let evidence = Evidence { quoted, key: Key::Named(&public), log: None };
    check(verify(&evidence, requirements, UnixTime(0)));
}

#[test]
fn schemes_and_names() {
    let schemes = [
        ("rsa-rsassa", Scheme::RsaSsa(Hash::Sha256)),
        ("rsa-rsapss", Scheme::RsaPss(Hash::Sha256)),
        ("ecc-ecdsa", Scheme::Ecdsa(Hash::Sha256)),
        ("ecc384-ecdsa", Scheme::Ecdsa(Hash::Sha384)),
    ];
    let mut seen = Vec::new();
    each(|name, quote, all| {
        let (nonce, key_name, qualified) =
            (bytes(&all["nonce"]), bytes(&quote["key_name"]), bytes(&quote["qualified_name"]));
        let required = Requirements {
            nonce: &nonce,
            names: &[&key_name],
            qualified_signer: Some(&qualified),
            pcrs: &[(7, &[0; 32])],
            ..Requirements::STRICT
        };
        with(quote, &required, |found| {
            let claims = found.unwrap();
            let Signer::Named(public) = &claims.signer else { panic!("{name}") };
            seen.push((name.to_owned(), public.scheme));
            assert_eq!(public.name, key_name, "{name}");
            assert_eq!(claims.pcrs.value(12), Some(&[0; 32][..]), "{name}");
            assert_eq!((claims.pcrs.value(8), claims.pcrs.bank()), (None, Hash::Sha256), "{name}");
            assert_eq!(claims.quote.firmware_version, 0x2019_1023_0016_3636, "{name}");
            assert!(claims.quote.clock.safe, "{name}");
            // Below its endorsement key or not.
            let endorsement = Hash::Sha256.digest(&bytes(&all["endorsement_public"])[2..]);
            let endorsement = [&[0, 0x0b], endorsement.as_slice()].concat();
            let parent = Hash::Sha256.digest(&[ENDORSEMENT_HIERARCHY, &endorsement].concat());
            let parent = [&[0, 0x0b], parent.as_slice()].concat();
            let parent = if name == "ecc384-ecdsa" { ENDORSEMENT_HIERARCHY } else { &parent };
            assert_eq!(public.qualified_name(parent), qualified, "{name}");
        });
        let cases = [
            (Requirements { nonce: b"other", ..required }, Refusal::Nonce),
            (Requirements { names: &[&qualified], ..required }, Refusal::UnknownName),
            (Requirements { qualified_signer: Some(&key_name), ..required }, Refusal::QualifiedSigner),
            (Requirements { pcrs: &[(7, &[1; 32])], ..required }, Refusal::Pcr(7)),
            (Requirements { pcrs: &[(8, &[0; 32])], ..required }, Refusal::NotQuoted(8)),
        ];
        for (requirements, expected) in cases {
            with(quote, &requirements, |found| assert_eq!(found, Err(expected), "{name}"));
        }
    });
    assert_eq!(seen, schemes.map(|(name, scheme)| (name.to_owned(), scheme)));
}

#[test]
fn any_change_is_refused() {
    each(|name, quote, all| {
        let (nonce, key_name) = (bytes(&all["nonce"]), bytes(&quote["key_name"]));
        let requirements = Requirements { nonce: &nonce, names: &[&key_name], ..Requirements::STRICT };
        for field in ["message", "signature", "pcrs", "public"] {
            crate::tests::changes::each_change(
                &bytes(&quote[field]),
                &[0x01, 0x80, 0xff],
                |change, bytes| {
                    let mut changed = quote.clone();
                    changed[field] = coco_wire::text::encode_hex(&bytes).into();
                    with(&changed, &requirements, |found| assert!(found.is_err(), "{name} {field} {change}"));
                },
            );
        }
    });
}
