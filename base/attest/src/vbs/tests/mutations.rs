//! Evidence of the machine in these tests with anything in it changed.

use std::time::Instant;

use super::machine::{Health, Signed, Verify as _, Windows, with_strict};
use crate::tests::{
    changes::{Random, each_change},
    tpm::NOW,
};

fn shown() -> (Signed, Vec<u8>) {
    let signed = Windows::genuine().sign();
    let name = crate::tpm::Public::read(&signed.tpm.public).unwrap().name;
    (signed, name)
}

#[test]
fn any_change_of_a_report_is_refused() {
    let (good, _) = shown();
    let certificates = Health::genuine().sign();
    good.verify_certified(&certificates, NOW).unwrap();
    each_change(&good.report, &[0x01, 0x80, 0xff], |change, report| {
        let changed = Signed { report, ..good.clone() };
        assert!(changed.verify_certified(&certificates, NOW).is_err(), "{change}");
    });
}

#[test]
fn any_change_of_what_the_tpm_signs_is_refused() {
    let (good, name) = shown();
    let believed = |changed: &Signed| with_strict(|strict| changed.verify_named(&name, strict).is_ok());
    assert!(believed(&good));
    let parts: [fn(&mut Signed) -> &mut Vec<u8>; 4] = [
        |signed| &mut signed.tpm.message,
        |signed| &mut signed.tpm.signature,
        |signed| &mut signed.tpm.pcrs,
        |signed| &mut signed.tpm.public,
    ];
    for (number, part) in parts.into_iter().enumerate() {
        let original = part(&mut good.clone()).clone();
        each_change(&original, &[0x01, 0xff], |change, bytes| {
            let mut changed = good.clone();
            *part(&mut changed) = bytes;
            assert!(!believed(&changed), "part {number} {change}");
        });
    }
}

#[test]
fn any_change_of_a_log_is_refused_or_changes_nothing_that_counts() {
    let (good, name) = shown();
    with_strict(|strict| {
        let claims = good.verify_named(&name, strict).unwrap();
        each_change(&good.tpm.log, &[0x01, 0xff], |change, log| {
            let mut changed = good.clone();
            changed.tpm.log = log;
            if let Ok(found) = changed.verify_named(&name, strict) {
                assert_eq!((&found.report, &found.key), (&claims.report, &claims.key), "{change}");
            }
        });
    });
}

#[test]
fn random_changes_are_survived() {
    let (good, name) = shown();
    let mut random = Random::new();
    with_strict(|strict| {
        let claims = good.verify_named(&name, strict).unwrap();
        for round in 0..20_000 {
            let mut changed = good.clone();
            match random.draw(4) {
                0 => random.change(&mut changed.report),
                1 => random.change(&mut changed.tpm.message),
                _ => random.change(&mut changed.tpm.log),
            }
            if let Ok(found) = changed.verify_named(&name, strict) {
                let same = (&found.report, &found.key) == (&claims.report, &claims.key);
                assert!(same, "round {round} of seed {}", random.seed);
            }
        }
    });
}

#[test]
#[ignore = "prints what one verification costs"]
fn cost() {
    let (good, _) = shown();
    let certificates = Health::genuine().sign();
    let rounds = 100;
    let begin = Instant::now();
    for _ in 0..rounds {
        good.verify().unwrap();
    }
    println!("an enclave with its boot, {} bytes of log: {:?}", good.tpm.log.len(), begin.elapsed() / rounds);
    let begin = Instant::now();
    for _ in 0..rounds {
        good.verify_certified(&certificates, NOW).unwrap();
    }
    println!("an enclave with health certificates: {:?}", begin.elapsed() / rounds);
}
