//! Verifies ledgers, snapshots and receipts written by CCF 1.x to 6.x, and damaged copies of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use coco_audit::{
    Coverage, Damage, RecoveryFiles, Report, ServiceStatus, Tail, Verifier, Weakness, in_order, receipt,
    snapshot,
};
use coco_crypto::Certificate;
use coco_wire::{
    TxId,
    receipt::JsonReceipt,
    snapshot::{SnapshotFile, SnapshotName},
};

fn services() -> Vec<PathBuf> {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
        return Vec::new();
    };
    let services = fs::read_dir(Path::new(&ccf).join("tests/testdata")).unwrap();
    services.map(|service| service.unwrap().path()).collect()
}

fn service(name: &str) -> Option<PathBuf> {
    services().into_iter().find(|path| path.ends_with(name))
}

/// Name and content of the files of a ledger, in order.
fn files(service: &Path) -> Vec<(String, Vec<u8>)> {
    let directory = service.join("ledger");
    let names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let names = in_order(names.iter().map(String::as_str), RecoveryFiles::Include).unwrap();
    names.into_iter().map(|name| (name.to_owned(), fs::read(directory.join(name)).unwrap())).collect()
}

fn verify(files: &[(String, Vec<u8>)]) -> Result<Report, Damage> {
    let mut verifier = Verifier::new();
    for (name, bytes) in files {
        verifier.chunk(name, bytes)?;
    }
    verifier.finish()
}

fn service_certificate(service: &Path) -> Certificate {
    Certificate::from_pem(&fs::read_to_string(service.join("common/service_cert.pem")).unwrap()).unwrap()
}

/// Seqnos of the last entry and of the last signature, number of signatures by nodes and by the service,
/// number of identities, entries without commit evidence, and without claims.
type Expected = (u64, u64, u64, u64, usize, u64, u64);

const EXPECTED: [(&str, Expected); 6] = [
    ("acme_containing_service", (22, 22, 8, 8, 1, 0, 0)),
    ("cose_flipflop_service", (46, 46, 23, 5, 1, 0, 0)),
    ("double_sealed_service", (509, 509, 156, 156, 2, 0, 0)),
    ("eol_service", (500, 500, 85, 0, 5, 35, 0)),
    ("expired_service", (74, 74, 26, 18, 2, 0, 26)),
    ("sgx_service", (153, 153, 54, 0, 4, 37, 0)),
];

#[test]
fn all_stored_ledgers_verify() {
    for path in services() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let report = verify(&files(&path)).unwrap_or_else(|damage| panic!("{name}: {damage}"));
        let count = |weakness| report.weaknesses.get(&weakness).map_or(0, |span| span.count);
        let found = (
            report.last_entry.seqno.0,
            report.last_verified.seqno.0,
            report.node_signatures,
            report.service_signatures,
            report.services.len(),
            count(Weakness::NoCommitEvidence),
            count(Weakness::NoClaims),
        );
        assert!(EXPECTED.contains(&(name, found)), "{name}: {found:?}");
        assert_eq!(report.tail, Tail::None);
        assert_eq!(report.status, Some(ServiceStatus::Open));
        assert_eq!(report.signatures, report.node_signatures);
        assert_eq!(count(Weakness::NoServiceSignature), report.signatures - report.service_signatures);
        let trusted = service_certificate(&path);
        assert_eq!(report.service.unwrap().public_key().id(), trusted.public_key().id(), "{name}");
    }
}

#[test]
fn coverage_follows_views() {
    let Some(path) = service("double_sealed_service") else { return };
    let report = verify(&files(&path)).unwrap();
    for (id, expected) in [
        ("2.1", Coverage::Verified),
        ("2.483", Coverage::Verified),
        ("4.484", Coverage::Verified),
        ("5.509", Coverage::Verified),
        ("5.510", Coverage::Beyond),
        ("2.484", Coverage::OtherView("4.484".parse::<TxId>().unwrap().view)),
    ] {
        assert_eq!(report.coverage(id.parse().unwrap()), expected, "{id}");
    }
}

#[test]
fn a_torn_or_unsigned_tail_is_reported() {
    let Some(path) = service("eol_service") else { return };
    let mut files = files(&path);
    let (name, last) = files.pop().unwrap();
    let mut tails = Vec::new();
    for end in (8..last.len()).step_by(97) {
        files.push((name.clone(), last[..end].to_vec()));
        let report = verify(&files).unwrap_or_else(|damage| panic!("cut at {end}: {damage}"));
        match &report.tail {
            Tail::Torn { file, offset, .. } => {
                assert_eq!(*file, name);
                assert!(*offset < end as u64, "cut at {end}");
            }
            Tail::Unsigned { entries } => {
                assert_eq!(report.last_verified.seqno.0 + entries, report.last_entry.seqno.0);
            }
            Tail::None => assert_eq!(report.last_verified, report.last_entry),
        }
        tails.push(report.tail);
        files.pop();
    }
    assert!(tails.iter().any(|tail| matches!(tail, Tail::Torn { .. })));
}

/// A signature in a later file covers every byte of the second one.
#[test]
fn no_flipped_bit_passes() {
    let Some(path) = service("acme_containing_service") else { return };
    let mut files = files(&path);
    files.truncate(3);
    verify(&files).unwrap();
    let mut start = Verifier::new();
    start.chunk(&files[0].0, &files[0].1).unwrap();
    for bit in (0..8 * files[1].1.len()).step_by(16) {
        files[1].1[bit / 8] ^= 1 << (bit % 8);
        let mut verifier = start.clone();
        let passes = files[1..].iter().all(|(name, bytes)| verifier.chunk(name, bytes).is_ok());
        assert!(!passes, "bit {bit}");
        files[1].1[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn no_cut_of_a_committed_file_passes() {
    let Some(path) = service("cose_flipflop_service") else { return };
    let mut files = files(&path);
    let (name, last) = files.pop().unwrap();
    for end in (0..last.len()).step_by(211) {
        files.push((name.clone(), last[..end].to_vec()));
        assert!(verify(&files).is_err(), "cut at {end}");
        files.pop();
    }
}

#[test]
fn files_cannot_be_left_out_or_swapped() {
    let Some(path) = service("eol_service") else { return };
    let files = files(&path);
    for at in 0..files.len() - 1 {
        let mut fewer = files.clone();
        fewer.remove(at);
        assert!(verify(&fewer).is_err(), "without {}", files[at].0);
        let mut swapped = files.clone();
        swapped.swap(at, at + 1);
        assert!(verify(&swapped).is_err(), "{} swapped", files[at].0);
    }
}

/// Committed snapshots and the certificate of the service that recorded them: the one in force at the
/// end of the file that holds the evidence.
fn snapshots() -> Vec<(Vec<u8>, Certificate)> {
    let mut snapshots = Vec::new();
    for service in services() {
        for file in fs::read_dir(service.join("snapshots")).unwrap() {
            let path = file.unwrap().path();
            let Ok(name) = path.file_name().unwrap().to_str().unwrap().parse::<SnapshotName>() else {
                continue;
            };
            let mut verifier = Verifier::new();
            for (name_of_chunk, bytes) in files(&service) {
                if verifier.progress().last_entry.seqno < name.evidence_seqno {
                    verifier.chunk(&name_of_chunk, &bytes).unwrap();
                }
            }
            let certificate = verifier.finish().unwrap().service.unwrap();
            snapshots.push((fs::read(path).unwrap(), certificate));
        }
    }
    assert!(services().is_empty() || snapshots.len() == 4);
    snapshots
}

#[test]
fn snapshots_verify_and_damaged_ones_do_not() {
    for (mut bytes, certificate) in snapshots() {
        let proven = snapshot::verify(&bytes, &certificate).unwrap();
        assert!(proven.seqno < proven.evidence.seqno);
        for bit in (0..8 * bytes.len()).step_by(8 * bytes.len() / 300) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(snapshot::verify(&bytes, &certificate).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let node = node_certificate(&bytes);
        assert!(snapshot::verify(&bytes, &node).is_err(), "another service");
    }
}

fn node_certificate(snapshot: &[u8]) -> Certificate {
    let snapshot = SnapshotFile::decode(snapshot).unwrap();
    Certificate::from_pem(&JsonReceipt::decode(snapshot.receipt).unwrap().cert.unwrap()).unwrap()
}

#[test]
fn receipts_of_ccf_verify_and_damaged_ones_do_not() {
    for (bytes, certificate) in snapshots() {
        let mut json = SnapshotFile::decode(&bytes).unwrap().receipt.to_vec();
        receipt::verify_json(&json, &certificate).unwrap();
        for bit in (0..8 * json.len()).step_by(7) {
            json[bit / 8] ^= 1 << (bit % 8);
            assert!(receipt::verify_json(&json, &certificate).is_err(), "bit {bit}");
            json[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// The files behind a snapshot are what they are behind all others.
#[test]
fn verification_begins_behind_a_snapshot() {
    let mut begun = 0;
    for path in services() {
        let (all, trusted) = (files(&path), service_certificate(&path));
        let whole = verify(&all).unwrap();
        for file in fs::read_dir(path.join("snapshots")).unwrap() {
            let file = file.unwrap().path();
            let snapshot = fs::read(&file).unwrap();
            let Ok(verifier) = Verifier::behind(&snapshot, &trusted) else {
                continue; // Of a service that was recovered since.
            };
            begun += 1;
            let id = verifier.progress().last_verified;
            assert_eq!(whole.coverage(id), Coverage::Verified, "{}", file.display());
            let behind = |name: &str| !name.ends_with(".committed") || last(name) > id.seqno.0;
            let rest: Vec<_> = all.iter().filter(|(name, _)| behind(name)).collect();
            let read = |change: &dyn Fn(&mut Vec<u8>)| {
                let mut verifier = verifier.clone();
                for (name, bytes) in &rest {
                    let mut bytes = bytes.clone();
                    change(&mut bytes);
                    verifier.chunk(name, &bytes)?;
                }
                verifier.finish()
            };
            let report = read(&|_| ()).unwrap_or_else(|damage| panic!("{}: {damage}", file.display()));
            assert_eq!((report.last_verified, report.tail), (whole.last_verified, Tail::None));
            assert_eq!(report.last_entry.seqno.0, id.seqno.0 + report.entries);
            assert_eq!(report.views.last(), whole.views.last());
            assert_eq!(report.services.last(), whole.services.last());
            // The first entry of the rest.
            assert!(read(&|bytes| bytes[100] ^= 1).is_err(), "{}", file.display());
            assert!(Verifier::behind(&snapshot, &node_certificate(&snapshot)).is_err());
        }
    }
    assert!(services().is_empty() || begun == 3, "{begun}");
}

/// The last entry of a committed file, by its name.
fn last(name: &str) -> u64 {
    name.trim_end_matches(".committed").rsplit('-').next().unwrap().parse().unwrap()
}
