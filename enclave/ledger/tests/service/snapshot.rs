//! Snapshots, from one node to another.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use coco_crypto::LedgerSecret;
use coco_kv::{Restore, RestoreError};
use coco_ledger::{
    LedgerConfig, LedgerSecrets, SignatureMode, SnapshotOpenError, SnapshotOpener, SnapshotSecrets,
};
use coco_wire::{Domain, Seqno, TableName, snapshot::SnapshotName};

use crate::node::{CONFIG, Node, Row, identities, new_identities, open_snapshot, writes};

/// A service with public and private rows, deleted ones and two views.
fn service(config: LedgerConfig) -> Node {
    let mut node = Node::new(config);
    for number in 0..20_u8 {
        node.write(&writes(&[
            ("public:app", &[number, 1], Some(b"in clear")),
            ("app", &[number; 11], Some(&[number; 50])),
            ("app", b"the same", Some(&[number])),
        ]));
        if number == 7 {
            node.next_view();
        }
    }
    node.write(&writes(&[("app", &[3; 11], None), ("gone", b"", Some(b"soon"))]));
    node.write(&writes(&[("gone", b"", None)]));
    let signature = node.sign(true);
    node.commit(signature.seqno);
    node
}

/// A snapshot of it and its receipt.
fn file(node: &mut Node) -> Vec<u8> {
    let (mut bytes, digest) = node.snapshot();
    let seqno = node.store.committed().version();
    bytes.extend(node.receipt(digest, seqno));
    bytes
}

#[test]
fn a_snapshot_is_proved_and_restored() {
    for signatures in [SignatureMode::Dual, SignatureMode::CoseOnly] {
        let mut node = service(LedgerConfig { signatures, ..CONFIG });
        let expected = node.store.committed();
        let seqno = expected.version();
        let file = file(&mut node);
        assert!(!file.windows(20).any(|bytes| bytes == [5; 20]), "private rows in clear");
        let service = &identities().service_certificate;
        let proven = coco_audit::snapshot::verify(&file, service).unwrap();
        assert_eq!((proven.seqno, proven.evidence.seqno), (seqno, seqno.next()));
        for piece in [1, 43, 44, 45, 999, file.len()] {
            let opened = open_snapshot(&file, piece).unwrap();
            assert_eq!(opened.evidence, proven.evidence);
            let mut store = opened.tables.finish().unwrap();
            for domain in [Domain::Public, Domain::Private] {
                assert!(store.committed().dump(domain).eq(expected.dump(domain)), "{piece}");
            }
        }
    }
}

#[test]
fn every_node_makes_the_same_bytes() {
    let mut node = service(CONFIG);
    let first = file(&mut node);
    let (bytes, _) = Node::from_snapshot(&first).snapshot();
    assert_eq!(bytes, first[..bytes.len()], "a node that began with the snapshot");
    let (again, _) = node.snapshot();
    assert_eq!(bytes, again);
}

#[test]
fn hostile_bytes_are_refused() {
    let mut node = service(CONFIG);
    let good = file(&mut node);
    assert!(open_snapshot(&good, good.len()).is_ok());
    for end in 0..good.len() {
        assert!(open_snapshot(&good[..end], 4096).is_err(), "cut at {end}");
    }
    let mut bad = good.clone();
    for bit in (0..8 * good.len()).step_by(if cfg!(debug_assertions) { 41 } else { 1 }) {
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(open_snapshot(&bad, 4096).is_err(), "bit {bit}");
        bad[bit / 8] ^= 1 << (bit % 8);
    }
    let mut longer = good.clone();
    longer.push(b'x');
    assert!(open_snapshot(&longer, 4096).is_err());
    let (mut endless, _) = node.snapshot();
    endless.resize(endless.len() + (2 << 20), b' ');
    assert_eq!(open_snapshot(&endless, 4096).err(), Some(SnapshotOpenError::TooLong));
}

#[test]
fn only_what_the_service_recorded_is_restored() {
    let mut node = service(CONFIG);
    let file = file(&mut node);
    let open = |secrets: SnapshotSecrets, service| {
        let mut opener = SnapshotOpener::new(secrets, Restore::new());
        opener.push(&file)?;
        opener.finish(service).map(|opened| opened.tables.finish().unwrap())
    };
    let service = &identities().service_certificate;
    let with = |from, byte| {
        SnapshotSecrets::Known(LedgerSecrets::new(Seqno(from), LedgerSecret::from_bytes(&[byte; 32])))
    };
    let error = |secrets, service| open(secrets, service).err().unwrap();
    let other = new_identities().service_certificate;
    assert!(matches!(error(with(1, 7), &other), SnapshotOpenError::Receipt(_)));
    assert!(matches!(
        error(with(1, 8), service),
        SnapshotOpenError::NotAuthentic | SnapshotOpenError::Tables(RestoreError::Snapshot(_))
    ));
    let seqno = node.store.committed().version();
    assert_eq!(error(with(1000, 7), service), SnapshotOpenError::NoSecret(seqno));

    let store = open(SnapshotSecrets::Unknown, service).unwrap();
    let tables = store.latest().tables().map(TableName::domain).collect::<Vec<_>>();
    assert!(!tables.is_empty() && tables.iter().all(|domain| *domain == Domain::Public));

    // The receipt of another snapshot.
    let (entry, _) = node.snapshot();
    let last = node.store.version();
    node.commit(last);
    let later = self::file(&mut node);
    let (later_entry, _) = node.snapshot();
    let swapped = [&entry[..], &later[later_entry.len()..]].concat();
    assert!(matches!(open_snapshot(&swapped, 999).err(), Some(SnapshotOpenError::Receipt(_))));
}

/// Set `COCO_CCF_PYTHON` to a Python that has the package `ccf` of version 7.
#[test]
fn the_package_ccf_reads_it() {
    let Some(python) = std::env::var_os("COCO_CCF_PYTHON") else {
        eprintln!("SKIPPED: COCO_CCF_PYTHON is not set, so CCF's package reads no snapshot");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    for signatures in [SignatureMode::Dual, SignatureMode::CoseOnly] {
        let mut node = service(LedgerConfig { signatures, ..CONFIG });
        let file = file(&mut node);
        let name: SnapshotName = "snapshot_24_25.committed".parse().unwrap();
        let path = directory.path().join(name.to_string());
        fs::write(&path, file).unwrap();
        let script = "import sys, ccf.ledger as l\n\
            with l.Snapshot(sys.argv[1]) as s:\n\
            \x20   d = s.get_public_domain()\n\
            \x20   print(d.get_seqno(), s.is_committed(), len(d.get_tables()['public:app']))";
        let output = Command::new(&python).arg("-c").arg(script).arg(&path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let printed = String::from_utf8_lossy(&output.stdout);
        eprintln!("{signatures:?}: {}", printed.trim());
        assert_eq!(printed.trim(), "24 True 20");
    }
}

/// Run with `cargo test --release -p coco-ledger --test service speed -- --ignored --nocapture`.
#[test]
#[ignore = "measures speed"]
fn speed() {
    let mut node = Node::new(CONFIG);
    for batch in 0..1000_u32 {
        let keys: Vec<_> = (0..1000).map(|number| (batch * 1000 + number).to_be_bytes()).collect();
        let rows: Vec<Row<'_>> = keys.iter().map(|key| ("app", &key[..], Some(&[7; 100][..]))).collect();
        node.write(&writes(&rows));
        node.entries.clear();
    }
    let signature = node.sign(true);
    node.commit(signature.seqno);
    let start = Instant::now();
    let (mut bytes, digest) = node.snapshot();
    let sealed = start.elapsed();
    bytes.extend(node.receipt(digest, signature.seqno));
    let start = Instant::now();
    let store = open_snapshot(&bytes, 1 << 20).unwrap().tables.finish().unwrap();
    let opened = start.elapsed();
    assert_eq!(store.version(), signature.seqno);
    let speed = |taken: Duration| bytes.len() as f64 / taken.as_secs_f64() / 1e6;
    println!(
        "{} MB: written in {sealed:?} ({:.0} MB/s), restored in {opened:?} ({:.0} MB/s)",
        bytes.len() / 1_000_000,
        speed(sealed),
        speed(opened)
    );
}
