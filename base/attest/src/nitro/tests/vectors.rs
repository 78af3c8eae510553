//! Genuine documents, at the time that they were made.

use std::{fs, path::Path, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use coco_crypto::{Certificate, x509::UnixTime};
use coco_wire::{Digest, text::decode_hex};

use super::super::{ROOT_G1, Refusal, Register, Requirements, verify};
use crate::tests::{changes::each_change, vectors};

const STRICT: Requirements<'static> = Requirements::STRICT;

/// A file, when its document was made, and whether by an enclave in debug mode.
const FILES: [(&str, i64, bool); 4] = [
    ("beta-debug-mode-attestation-doc-bytes", 1_665_582_606, true),
    ("valid-attestation-doc-base64", 1_695_049_410, true),
    ("beta-valid-attestation-doc-bytes", 1_665_651_482, false),
    ("beta-non-debug-cert-containing-attestation-document-18-1-23-der.crt", 1_674_047_239, false),
];

/// How each document begins, in hexadecimal.
const BEGINNING: &str = "8444a1013822";

/// The documents that are there.
fn documents(directory: &Path) -> Vec<(&'static str, Vec<u8>, UnixTime, bool)> {
    let mut found = Vec::new();
    for (name, made, debug) in FILES {
        let Ok(bytes) = fs::read(directory.join("nitro/evervault").join(name)) else {
            eprintln!("SKIPPED: {name} is not among the genuine documents");
            continue;
        };
        let document = match name.rsplit(['-', '.']).next() {
            Some("base64") => BASE64.decode(bytes.trim_ascii()).unwrap(),
            // Its name for a server is the document.
            Some("crt") => {
                let text = String::from_utf8_lossy(&bytes);
                let digits = &text[text.find(BEGINNING).unwrap()..];
                let end = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap();
                decode_hex(&digits[..end]).unwrap()
            }
            _ => bytes,
        };
        found.push((name, document, UnixTime(made), debug));
    }
    found
}

#[test]
fn the_root_is_that_of_aws() {
    let Some(directory) = vectors::directory("documents of Nitro Enclaves") else { return };
    let pem = fs::read_to_string(directory.join("nitro/aws_nitro_root_g1.pem")).unwrap();
    assert_eq!(Certificate::from_pem(&pem).unwrap().fingerprint(), ROOT_G1);
}

#[test]
fn verdicts() {
    let Some(directory) = vectors::directory("documents of Nitro Enclaves") else { return };
    for (name, document, made, debug) in documents(&directory) {
        let at = |seconds: i64, requirements: &Requirements<'_>| {
            verify(&document, UnixTime(made.0 + seconds), requirements)
        };
        let found = at(300, &STRICT);
        vectors::tell(&format!("nitro/evervault/{name}"), UnixTime(made.0 + 300), &found);
        match found {
            Ok(found) => {
                assert!(!debug, "{name}");
                assert_eq!((found.made_at(), found.registers.len()), (made, 16), "{name}");
                let expected = [(Register::SIGNER, found.registers[&Register::SIGNER])];
                at(0, &Requirements { registers: &expected, nonce: found.nonce.as_deref(), ..STRICT })
                    .unwrap();
                let expected = [(Register::IMAGE, found.registers[&Register::SIGNER])];
                let other = at(0, &Requirements { registers: &expected, ..STRICT });
                assert_eq!(other, Err(Refusal::Register(Register::IMAGE)), "{name}");
            }
            // Debug mode is seen in what is known to be genuine.
            Err(refusal) => assert_eq!((refusal, debug), (Refusal::Debug, true), "{name}"),
        }
        assert_eq!(at(301, &STRICT), Err(Refusal::TooOld), "{name}");
        assert_eq!(at(-61, &STRICT), Err(Refusal::FromTheFuture), "{name}");
        assert_eq!(at(0, &Requirements { root: Digest::ZERO, ..STRICT }), Err(Refusal::Root), "{name}");
    }
}

#[test]
fn any_change_of_a_genuine_document_is_refused() {
    let Some(directory) = vectors::directory("documents of Nitro Enclaves") else { return };
    for (name, document, made, _) in documents(&directory) {
        each_change(&document, &[0x01], |change, changed| {
            let refusal = verify(&changed, made, &STRICT).unwrap_err();
            // What comes behind the signature would say that it was believed.
            assert_ne!(refusal, Refusal::Debug, "{name} {change}");
        });
    }
}

#[test]
fn what_it_costs() {
    const ROUNDS: u32 = 50;
    let Some(directory) = vectors::directory("documents of Nitro Enclaves") else { return };
    for (name, document, made, _) in documents(&directory) {
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            let _verdict = verify(&document, made, &STRICT);
        }
        eprintln!("{name}: {} bytes, {} µs each", document.len(), (begin.elapsed() / ROUNDS).as_micros());
    }
}
