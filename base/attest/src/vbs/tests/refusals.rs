//! Reports and health certificates: one case, or some, for each reason.

use super::{
    super::{Boot, Malformed, Pin, Refusal, Requirements},
    machine::{
        AUTHOR, DATA, FAMILY, Health, IMAGE, PART, Signed, UNIQUE, Verify as _, Windows, image, module,
        with_strict,
    },
};
use crate::{
    tests::{
        der::{CERTIFICATES, REVOCATION_LISTS, authority, critical_extension, day},
        tpm::{NOW, keys},
    },
    tpm,
};

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Windows)) {
    let mut windows = Windows::genuine();
    change(&mut windows);
    assert_eq!(windows.sign().verify(), Err(expected));
}

#[track_caller]
fn refused_by(expected: Refusal, change: impl FnOnce(&mut Requirements<'_>)) {
    let found = with_strict(|strict| {
        let mut requirements = *strict;
        change(&mut requirements);
        Windows::genuine().sign().verify_with(&requirements).map(|_| ())
    });
    assert_eq!(found, Err(expected));
}

#[test]
fn enclaves_that_are_believed() {
    let signed = Windows::genuine().sign();
    let claims = signed.verify().unwrap();
    assert_eq!(claims.key, keys().secure_kernel.public_key());
    assert_eq!((claims.report.enclave_data, claims.report.identity.owner_id), (DATA, [0x99; 32]));
    let names: Vec<&str> = claims.report.modules.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["enclave.dll", "vertdll.dll"]);
    let Boot::Measured(boot) = &claims.boot else { panic!("it was measured") };
    let tpm = &boot.tpm;
    assert_eq!((tpm.quote.clock.resets, tpm.pcrs.value(15)), (7, None));
    // As reports of 2019 are.
    let mut older = Windows::genuine();
    older.report.enclave_type = 0;
    older.sign().verify().unwrap();
    // By its hash, and newer than required.
    let mut newer = Windows::genuine();
    newer.report.svn = 4;
    newer.report.blocks.clear();
    newer.report.secure_kernel_svn = 6;
    newer.sign().verify().unwrap();
    with_strict(|strict| {
        let exactly = Requirements { enclaves: &[Pin::Exactly(UNIQUE)], enclave_data: None, ..*strict };
        signed.verify_with(&exactly).unwrap();
    });
    let certified = signed.verify_certified(&Health::genuine().sign(), NOW).unwrap();
    assert_eq!(certified.report, claims.report);
    let Boot::Certified(validity) = certified.boot else { panic!("it was certified") };
    assert_eq!((validity.not_before(), validity.not_after()), (day(0), day(100)));
}

#[test]
fn forms_of_reports() {
    let package = Refusal::Malformed(Malformed::Package);
    let statement = Refusal::Malformed(Malformed::Statement);
    let of_module = Refusal::Malformed(Malformed::Module);
    refused(Refusal::Version(2), |windows| windows.report.package_version = 2);
    refused(Refusal::SignatureScheme(2), |windows| windows.report.scheme = 2);
    refused(Refusal::ReportVersion(2), |windows| windows.report.version = 2);
    refused(package, |windows| windows.report.reserved = 1);
    refused(statement, |windows| windows.report.excess = 1);
    refused(Refusal::EnclaveType(1), |windows| windows.report.enclave_type = 1);
    refused(Refusal::UnknownBlock(2), |windows| windows.report.blocks[1].0 = 2);
    let blocks = |change: fn(&mut Vec<u8>)| {
        refused(of_module, |windows| change(&mut windows.report.blocks[1].1));
    };
    // No room for the image, no multiple of 8, no end of the name, something behind it, a half of a pair.
    blocks(|content| content.truncate(96));
    blocks(|content| content.truncate(content.len() - 2));
    blocks(|content| {
        let end = content.len();
        content[end - 8..].fill(0x41);
    });
    blocks(|content| *content.last_mut().unwrap() = 1);
    blocks(|content| content[101] = 0xd8);
    refused(Refusal::TooLarge, |windows| {
        windows.report.blocks = vec![module(UNIQUE, AUTHOR, ""); 257];
    });
    refused(Refusal::TooLarge, |windows| windows.report.blocks.push((1, vec![0; 64 * 1024])));
    let good = Windows::genuine().sign();
    for length in 0..good.report.len() {
        let cut = Signed { report: good.report[..length].to_vec(), ..good.clone() };
        assert_eq!(cut.verify(), Err(package), "{length} bytes");
    }
    let longer = Signed { report: [good.report.as_slice(), &[0]].concat(), ..good.clone() };
    assert_eq!(longer.verify(), Err(package));
    // The statement ends within its identity.
    let short = Windows::genuine().report;
    for len in [3, 7, 71, 223] {
        let statement_only = short_report(&short.sign(&keys().secure_kernel), len);
        let cut = Signed { report: statement_only, ..good.clone() };
        assert_eq!(cut.verify(), Err(statement), "{len} bytes");
    }
}

/// A report whose statement is the first `len` bytes of that of another one, and says so.
fn short_report(package: &[u8], len: u32) -> Vec<u8> {
    use coco_crypto::{hash::HashAlgorithm, signature::SignatureScheme};
    let mut statement = package[24..24 + usize::try_from(len).unwrap()].to_vec();
    if let Some(own) = statement.get_mut(..4) {
        own.copy_from_slice(&len.to_le_bytes());
    }
    let scheme = SignatureScheme::RsaPss(HashAlgorithm::Sha256);
    let signature = keys().secure_kernel.sign(scheme, &statement).unwrap();
    let header: Vec<u8> =
        [24 + len + 256, 1, 1, len, 256, 0].iter().flat_map(|n: &u32| n.to_le_bytes()).collect();
    [header, statement, signature].concat()
}

#[test]
fn what_reports_say() {
    refused(Refusal::Signature, |windows| windows.report_key = &keys().rsa);
    for flag in [1, 2, 4] {
        refused(Refusal::Debug, |windows| windows.report.flags = flag);
    }
    refused(Refusal::Flags(8), |windows| windows.report.flags = 8);
    refused(Refusal::Enclave, |windows| windows.report.svn = 2);
    refused_by(Refusal::Enclave, |requirements| requirements.enclaves = &[]);
    let others = [
        Pin::Exactly(PART),
        Pin::Signed { author_id: [0; 32], family_id: FAMILY, image_id: IMAGE, svn: 0 },
        Pin::Signed { author_id: AUTHOR, family_id: IMAGE, image_id: IMAGE, svn: 0 },
        Pin::Signed { author_id: AUTHOR, family_id: FAMILY, image_id: FAMILY, svn: 0 },
    ];
    for other in others {
        let found = with_strict(|strict| {
            let requirements = Requirements { enclaves: &[other], ..*strict };
            Windows::genuine().sign().verify_with(&requirements).map(|_| ())
        });
        assert_eq!(found, Err(Refusal::Enclave));
    }
    refused(Refusal::Module(2), |windows| {
        windows.report.blocks.push(module([0x66; 32], [0; 32], "vertdll.dll"));
    });
    // Another image of the same name as the enclave.
    refused(Refusal::Module(0), |windows| windows.report.unique_id = [0x66; 32]);
    refused_by(Refusal::Module(1), |requirements| requirements.modules = &[]);
    refused(Refusal::SecureKernelSvn(4), |windows| windows.report.secure_kernel_svn = 4);
    refused(Refusal::PlatformSvn(1), |windows| windows.report.platform_svn = 1);
    refused_by(Refusal::EnclaveData, |requirements| requirements.enclave_data = Some([0; 64]));
    assert_eq!(image(UNIQUE, AUTHOR, 3).len(), 100);
}

#[test]
fn health_certificates() {
    let signed = Windows::genuine().sign();
    let check = |text: &[u8], now| signed.verify_certified(text, now).map(|_| ());
    let with = |change: &dyn Fn(&mut Health)| {
        let mut health = Health::genuine();
        change(&mut health);
        check(&health.sign(), NOW)
    };
    let good = Health::genuine().sign();
    assert_eq!(check(&good, NOW), Ok(()));
    assert_eq!(check(&[good.as_slice(), &[b'\n'; 64 * 1024]].concat(), NOW), Err(Refusal::TooLarge));
    assert_eq!(check(b"", NOW), Err(Refusal::Certificates(0)));
    assert_eq!(check(&good.repeat(2), NOW), Err(Refusal::Certificates(4)));
    let mangled = String::from_utf8(good.clone()).unwrap().replacen('M', "N", 1);
    assert!(matches!(check(mangled.as_bytes(), NOW), Err(Refusal::Certificate(_))));
    let other = &keys().intermediate;
    let by_other = with(&|health| (health.0[1].key, health.0[1].signed_by) = (other, other));
    assert_eq!(by_other, Err(Refusal::HealthRoot));
    assert_eq!(with(&|health| health.0[0].signed_by = other), Err(Refusal::ChainSignature(0)));
    assert_eq!(with(&|health| health.0[1].signed_by = other), Err(Refusal::ChainSignature(1)));
    let encrypts = critical_extension("2.5.29.15", &[0x03, 0x02, 0x05, 0x20]);
    assert_eq!(with(&|health| health.0[0].extensions[0].clone_from(&encrypts)), Err(Refusal::Constraints(0)));
    let certifies = authority(None, CERTIFICATES);
    assert_eq!(with(&|health| health.0[0].extensions.clone_from(&certifies)), Err(Refusal::Constraints(0)));
    let lists = authority(None, REVOCATION_LISTS);
    assert_eq!(with(&|health| health.0[1].extensions.clone_from(&lists)), Err(Refusal::Constraints(1)));
    assert_eq!(check(&good, day(101)), Err(Refusal::Date(0)));
    assert_eq!(with(&|health| health.0[1].end = day(49)), Err(Refusal::Date(1)));
    assert_eq!(with(&|health| health.0[0].key = &keys().rsa), Err(Refusal::Signature));
}

#[test]
fn tpms() {
    refused(tpm::Refusal::Nonce.into(), |windows| windows.tpm.nonce.clear());
    refused(tpm::Refusal::NotQuoted(11).into(), |windows| windows.tpm.selected[1] = 0x70);
    refused(tpm::Refusal::Replay(12).into(), |windows| windows.tpm.extend(12, &[0; 32]));
    let signed = Windows::genuine().sign();
    let found = with_strict(|strict| signed.verify_named(&[0; 34], strict).map(|_| ()));
    assert_eq!(found, Err(tpm::Refusal::UnknownName.into()));
}
