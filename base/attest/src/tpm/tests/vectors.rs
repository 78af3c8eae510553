//! Quotes and logs of machines that exist. `COCO_VECTORS` names the directory with them.

use std::fs;

use coco_crypto::{Certificate, PublicKey, pem, x509::UnixTime};
use coco_wire::text::decode_hex;

use super::super::{
    Claims, EventKind, EventLog, Evidence, Hash, Key, LogRefusal, PcrSet, Quoted, Refusal, Requirements,
    Signature, certificates::endorsement_key, verify, verify_quoted,
};
use crate::tests::{changes::each_change, vectors, windows::Windows};

/// 2026-11-25.
const NOW: UnixTime = UnixTime(1_795_564_800);
const TPM: &str = "TPMs";

/// The values of the PCRs in what `tpm2_quote --pcr` writes: how many there are, and for each its size and 64 bytes.
fn tools_pcrs(file: &[u8]) -> Vec<u8> {
    // A selection of 132 bytes, the number of lists, and the number of values in the only one.
    let (count, values) = file[132 + 4..].split_first_chunk().unwrap();
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap();
    values.chunks(66).take(count).flat_map(|value| value[2..34].to_vec()).collect()
}

#[test]
fn a_quote_of_tpm2_tools() {
    let Some(directory) = vectors::directory(TPM) else { return };
    let directory = directory.join("tpm/swtpm");
    let read = |name: &str| fs::read(directory.join(name)).unwrap();
    let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let key = PublicKey::from_spki_pem(&text("ak.pub")).unwrap();
    let nonce = decode_hex(text("nonce.hex").trim()).unwrap();
    let (message, signature, pcrs) = (read("q.msg"), read("q.sig"), tools_pcrs(&read("q.pcr")));
    let requirements = Requirements { nonce: &nonce, ..Requirements::STRICT };
    let check = |message: &[u8], signature: &[u8], pcrs: &[u8], requirements: &Requirements<'_>| {
        let quoted = Quoted { message, signature: Signature::Structure(signature), pcrs };
        verify_quoted(&quoted, &key, requirements)
    };
    let found = check(&message, &signature, &pcrs, &requirements);
    vectors::tell("tpm/swtpm/q.msg", NOW, &found);
    let (quote, values) = found.unwrap();
    assert_eq!((quote.clock.resets, quote.clock.restarts, quote.clock.safe), (2, 0, true));
    assert_eq!(values.value(0), Some(&[0; 32][..]));
    let other = Requirements { nonce: b"other", ..requirements };
    assert_eq!(check(&message, &signature, &pcrs, &other), Err(Refusal::Nonce));
    each_change(&message, &[0x01, 0xff], |change, message| {
        assert!(check(&message, &signature, &pcrs, &requirements).is_err(), "message {change}");
    });
    each_change(&signature, &[0x01, 0xff], |change, signature| {
        assert!(check(&message, &signature, &pcrs, &requirements).is_err(), "signature {change}");
    });
    each_change(&pcrs, &[0x01, 0xff], |change, pcrs| {
        assert!(check(&message, &signature, &pcrs, &requirements).is_err(), "PCRs {change}");
    });
}

#[test]
fn an_endorsement_key() {
    let Some(directory) = vectors::directory(TPM) else { return };
    let directory = directory.join("tpm/swtpm");
    let end = pem::encode("CERTIFICATE", &fs::read(directory.join("ek.der")).unwrap());
    let above = ["issuercert.pem", "swtpm-localca-rootca-cert.pem"]
        .map(|name| fs::read_to_string(directory.join(name)).unwrap());
    let root = Certificate::from_pem(&above[1]).unwrap().public_key().id();
    let chain = format!("{end}{}{}", above[0], above[1]);
    let found = endorsement_key(chain.as_bytes(), &[root], NOW);
    vectors::tell("tpm/swtpm/ek.der", NOW, &found);
    let certified = found.unwrap();
    assert!(matches!(certified.key, PublicKey::Rsa(key) if key.bits() == 2048));
    let refused = |chain: &str, roots: &[_], now| endorsement_key(chain.as_bytes(), roots, now).unwrap_err();
    assert_eq!(refused(&chain, &[], NOW), Refusal::Root);
    assert_eq!(refused(&chain, &[root], UnixTime(0)), Refusal::Date(0));
    assert_eq!(refused(&format!("{end}{}", above[1]), &[root], NOW), Refusal::ChainSignature(0));
    // It is not for a key that attests.
    let quoted = Quoted { message: &[], signature: Signature::Structure(&[]), pcrs: &[] };
    let evidence = Evidence { quoted, key: Key::Certified(chain.as_bytes()), log: None };
    let requirements = Requirements { roots: &[root], ..Requirements::STRICT };
    assert_eq!(verify(&evidence, &requirements, NOW), Err(Refusal::Constraints(0)));
}

fn verify_windows<'a>(windows: &'a Windows, requirements: &Requirements<'_>) -> Result<Claims<'a>, Refusal> {
    verify(&windows.evidence(), &Requirements { names: &[&windows.name], ..*requirements }, NOW)
}

const OLD: Requirements<'static> = Requirements {
    hashes: &[Hash::Sha1],
    replayed: PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ..Requirements::STRICT
};

#[test]
fn quotes_of_sha1_count_where_they_are_asked_for() {
    let Some(windows) = Windows::read(TPM) else { return };
    assert_eq!(verify_windows(&windows, &Requirements::STRICT), Err(Refusal::WeakSignature));
    let found = verify_windows(&windows, &OLD);
    vectors::tell("tpm/go-attestation: the Windows machine, SHA-1 allowed", NOW, &found);
    let claims = found.unwrap();
    assert_eq!((claims.events.len(), claims.quote.bank), (21, Hash::Sha1));
    let secure_boot = claims.events.iter().find(|event| event.kind == EventKind::VARIABLE_DRIVER_CONFIG);
    assert!(secure_boot.and_then(|event| event.measured(Hash::Sha1)).is_some());
    let beyond = Requirements { replayed: PcrSet::of(&[17]), ..OLD };
    assert_eq!(verify_windows(&windows, &beyond), Err(Refusal::Replay(17)));
}

#[test]
fn changes_of_a_log_change_nothing_that_was_measured() {
    let Some(windows) = Windows::read(TPM) else { return };
    let measured = |claims: &Claims<'_>| -> Vec<(u32, Vec<u8>)> {
        let of =
            claims.events.iter().filter_map(|event| Some((event.pcr, event.measured(Hash::Sha1)?.to_vec())));
        of.collect()
    };
    let genuine = measured(&verify_windows(&windows, &OLD).unwrap());
    let mut kept = 0;
    for at in (0..windows.log.len()).step_by(7) {
        let mut log = windows.log.clone();
        log[at] ^= 0x01;
        let changed = Windows { log, ..Windows::read(TPM).unwrap() };
        if let Ok(claims) = verify_windows(&changed, &OLD) {
            // Data that was changed is no longer that which was measured.
            let found = measured(&claims);
            assert!(found.iter().all(|event| genuine.contains(event)), "byte {at:#x}");
            kept += 1;
        }
    }
    assert!(kept > 0);
}

#[test]
fn logs() {
    let Some(directory) = vectors::directory(TPM) else { return };
    // Events, of which so many have the data that was measured, and the first bytes of PCRs 0 and 7.
    let cases = [
        ("coreos_36_shielded_vm_no_secure_boot_eventlog", Hash::Sha256, 75),
        ("ubuntu_2104_shielded_vm_no_secure_boot_eventlog", Hash::Sha384, 105),
        ("crypto_agile_eventlog", Hash::Sha256, 26),
        ("sb_cert_eventlog", Hash::Sha256, 14),
        ("ebs_event_missing_eventlog", Hash::Sha1, 38),
        ("option_rom_eventlog", Hash::Sha1, 61),
        ("short_no_action_eventlog", Hash::Sha1, 1),
    ];
    for (name, bank, events) in cases {
        let bytes = fs::read(directory.join("tpm/go-attestation").join(name)).unwrap();
        let log = EventLog::read(&bytes).unwrap();
        assert_eq!(log.events.len(), events, "{name}");
        let found = log.replay(bank);
        vectors::tell(&format!("tpm/go-attestation/{name}, replayed"), NOW, &found);
        found.unwrap();
        for length in (0..bytes.len()).step_by(97) {
            let found = EventLog::read(&bytes[..length]);
            assert!(found.is_err() || found.is_ok_and(|cut| cut.events.len() < events), "{name} {length}");
        }
    }
    // The processor began to measure.
    let short = fs::read(directory.join("tpm/go-attestation/short_no_action_eventlog")).unwrap();
    let log = EventLog::read(&short).unwrap();
    assert_eq!(log.replay(Hash::Sha1).unwrap()[0], [[0; 19].as_slice(), &[3]].concat());
    let with_sha1 = fs::read(directory.join("tpm/go-attestation/crypto_agile_eventlog")).unwrap();
    assert_eq!(EventLog::read(&with_sha1).unwrap().replay(Hash::Sha1), Err(LogRefusal::NoDigest(0)));
}
