//! Evidence of the machine in these tests with anything in it changed.

use std::time::Instant;

use super::{
    super::must_bind,
    machine::{Azure, Signed, TDX, Verify as _},
};
use crate::tests::changes::{Random, each_change};

/// Where the frame says its version.
const VERSION: usize = 4;

#[test]
fn any_change_of_a_report_is_refused_but_for_the_version_of_its_frame() {
    let good = Azure::genuine().sign();
    let claims = good.verify().unwrap();
    let mut believed = Vec::new();
    let zeros = good.report.len() - 40;
    each_change(&good.report, &[0x01, 0x03, 0x80, 0xff], |change, report| {
        let shorter = report.len() < good.report.len();
        let changed = Signed { report, ..good.clone() };
        if let Ok(found) = changed.verify() {
            assert_eq!(found, claims, "{change}");
            // As many zeros behind everything as one likes.
            assert!(!shorter || changed.report.len() >= zeros, "{change}");
            believed.extend((!shorter).then_some(change));
        }
    });
    assert_eq!(believed, [format!("byte {VERSION:#x} ^ 0x03")]);
}

#[test]
fn of_a_report_of_tdx_only_what_is_bound_counts() {
    let good = Azure { hardware: TDX, ..Azure::genuine() }.sign();
    let bound = must_bind(&good.report).unwrap();
    let claims = good.verify_tdx(&bound).unwrap();
    let unsigned = (33..32 + 128).chain(32 + 192..32 + 1024);
    let free: Vec<String> = unsigned.map(|at| format!("byte {at:#x} ^ 0xff")).collect();
    each_change(&good.report, &[0xff], |change, report| {
        let zeros = report.len() < good.report.len() && report.len() >= good.report.len() - 40;
        let changed = Signed { report, ..good.clone() };
        match changed.verify_tdx(&bound) {
            Ok(found) => assert!(found == claims && (zeros || free.contains(&change)), "{change}"),
            Err(_) => assert!(!zeros && !free.contains(&change), "{change}"),
        }
    });
}

#[test]
fn random_changes_are_survived() {
    let good = Azure::genuine().sign();
    let claims = good.verify().unwrap();
    let mut random = Random::new();
    for round in 0..5_000 {
        let mut changed = good.clone();
        match random.draw(4) {
            0 => random.change(&mut changed.tpm.message),
            1 => random.change(&mut changed.tpm.log),
            _ => random.change(&mut changed.report),
        }
        let _ = must_bind(&changed.report).is_ok();
        if let Ok((snp, found)) = changed.verify() {
            assert_eq!(snp, claims.0, "round {round} of seed {}", random.seed);
            assert_eq!(found.runtime, claims.1.runtime, "round {round} of seed {}", random.seed);
        }
    }
}

#[test]
#[ignore = "prints what one verification costs"]
fn cost() {
    let good = Azure::genuine().sign();
    let rounds = 100;
    let begin = Instant::now();
    for _ in 0..rounds {
        good.verify().unwrap();
    }
    println!(
        "a machine of Azure with SEV-SNP, three certificates of RSA 2048: {:?}",
        begin.elapsed() / rounds
    );
}
