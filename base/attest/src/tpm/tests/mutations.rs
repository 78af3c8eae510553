//! Evidence of the TPM in these tests with anything in it changed.

use std::time::Instant;

use super::{
    super::{Claims, EventKind, EventLog, Hash, Public, Quote, Requirements, Signature},
    STRICT, verify_certified, verify_named,
};
use crate::tests::{
    changes::{Random, each_change},
    tpm::{ATTESTS, Certificates, NOW, Shown, Tpm, keys},
};

fn shown(key: &'static coco_crypto::PrivateKey) -> (Shown, Vec<u8>) {
    let mut tpm = Tpm::new(key);
    tpm.measure(0, 8, b"version");
    tpm.measure(7, EventKind::SEPARATOR.0, &[0; 4]);
    tpm.measure(12, EventKind::TAG.0, b"tagged");
    tpm.measure_as(4, 0x8000_0003, b"the image", b"where it was");
    let shown = tpm.show();
    let name = Public::read(&shown.public).unwrap().name;
    (shown, name)
}

/// What was measured, by the data whose digest was.
fn measured(claims: &Claims<'_>) -> Vec<(u32, Vec<u8>)> {
    let data =
        claims.events.iter().filter_map(|event| Some((event.pcr, event.measured(Hash::Sha256)?.to_vec())));
    data.collect()
}

#[test]
fn any_change_of_what_is_signed_is_refused() {
    for key in [&keys().elliptic, &keys().rsa] {
        let (good, name) = shown(key);
        verify_named(&good, &name, &STRICT).unwrap();
        let refused = |part: &str, change: &str, changed: Shown| {
            assert!(verify_named(&changed, &name, &STRICT).is_err(), "{part} {change}");
        };
        let bits = &[0x01, 0x80, 0xff];
        each_change(&good.message, bits, |change, message| {
            refused("message", &change, Shown { message, ..good.clone() });
        });
        each_change(&good.signature, bits, |change, signature| {
            refused("signature", &change, Shown { signature, ..good.clone() });
        });
        each_change(&good.pcrs, bits, |change, pcrs| {
            refused("PCRs", &change, Shown { pcrs, ..good.clone() });
        });
        each_change(&good.public, bits, |change, public| {
            refused("public area", &change, Shown { public, ..good.clone() });
        });
    }
}

#[test]
fn any_change_of_a_log_is_refused_or_leaves_what_was_measured() {
    let (good, name) = shown(&keys().elliptic);
    let all = measured(&verify_named(&good, &name, &STRICT).unwrap());
    assert_eq!(all.len(), 3);
    let mut believed = 0;
    each_change(&good.log, &[0x01, 0x80, 0xff], |change, log| {
        let changed = Shown { log, ..good.clone() };
        if let Ok(claims) = verify_named(&changed, &name, &STRICT) {
            assert!(measured(&claims).iter().all(|event| all.contains(event)), "{change}");
            // The number of what was measured is in the PCRs: only events in others can have been cut off.
            assert_eq!(claims.events.len(), 3, "{change}");
            believed += 1;
        }
    });
    // Digests of SHA-1, kinds, data that was changed, the header.
    assert!((200..700).contains(&believed), "{believed}");
}

#[test]
fn any_change_of_certificates_changes_no_claims() {
    let (good, _) = shown(&keys().rsa);
    let certificates = Certificates::new(ATTESTS).sign();
    let requirements = Requirements { roots: &[keys().root.public_key().id()], ..STRICT };
    let claims = verify_certified(&good, &certificates, &requirements, NOW).unwrap();
    each_change(&certificates, &[0x01], |change, text| {
        if let Ok(found) = verify_certified(&good, &text, &requirements, NOW) {
            assert_eq!(found, claims, "{change}");
        }
    });
}

#[test]
fn random_changes_are_survived() {
    let (good, name) = shown(&keys().elliptic);
    let all = measured(&verify_named(&good, &name, &STRICT).unwrap());
    let mut random = Random::new();
    for round in 0..20_000 {
        let mut changed = good.clone();
        let part = match random.draw(8) {
            0 => &mut changed.message,
            1 => &mut changed.signature,
            2 => &mut changed.pcrs,
            3 => &mut changed.public,
            _ => &mut changed.log,
        };
        random.change(part);
        // Whatever is behind a signature that does not verify is read, too.
        let _ = (Quote::read(&changed.message), Public::read(&changed.public));
        let _ = Signature::Structure(&changed.signature).read().is_ok();
        let _ = EventLog::read(&changed.log).and_then(|log| log.replay(Hash::Sha1));
        if let Ok(claims) = verify_named(&changed, &name, &STRICT) {
            let same = measured(&claims).iter().all(|event| all.contains(event));
            assert!(same, "round {round} of seed {}", random.seed);
        }
    }
}

#[test]
#[ignore = "prints what one verification costs"]
fn cost() {
    for (what, key) in [("ECDSA P-256", &keys().elliptic), ("RSA 2048", &keys().rsa)] {
        let (good, name) = shown(key);
        let rounds = 200;
        let begin = Instant::now();
        for _ in 0..rounds {
            verify_named(&good, &name, &STRICT).unwrap();
        }
        println!("a quote by {what} with a log of 4 events: {:?}", begin.elapsed() / rounds);
    }
}
