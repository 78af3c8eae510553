//! Snapshots that CCF wrote. Set `COCO_CCF` to a checkout of microsoft/CCF.

use std::{fs, path::Path};

use coco_audit::Verifier;
use coco_kv::{Reader as _, Restore};
use coco_ledger::{ResumePoint, SnapshotOpener, SnapshotSecrets};
use coco_wire::{
    Domain, TableName,
    signature::{SINGLETON_KEY, TREE},
    snapshot::{SnapshotError, SnapshotFile, SnapshotName, TablePart, TableReader, tables::key_order},
};

const SNAPSHOTS: [(&str, &str); 4] = [
    ("eol_service", "snapshot_493_494.committed"),
    ("expired_service", "snapshot_61_62.committed"),
    ("sgx_service", "snapshot_138_139.committed"),
    ("sgx_service", "snapshot_99_100.committed"),
];

#[test]
fn snapshots_of_ccf_are_read() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, so no snapshot of CCF is read");
        return;
    };
    for (service, name) in SNAPSHOTS {
        let service = Path::new(&ccf).join("tests/testdata").join(service);
        let file = fs::read(service.join("snapshots").join(name)).unwrap();
        let certificate = certificate(&service.join("ledger"), name.parse().unwrap());
        let mut opener = SnapshotOpener::new(SnapshotSecrets::Unknown, Restore::new());
        file.chunks(1000).for_each(|piece| opener.push(piece).unwrap());
        let opened = opener.finish(&certificate).unwrap();
        let header = opened.header;
        let state = opened.tables.finish().unwrap().latest();
        let rows: usize = state.tables().map(|table| state.len(table)).sum();
        assert!(rows > 10, "{name}");
        let tree = state.get(&TableName::new(TREE), &SINGLETON_KEY).unwrap();
        assert_eq!(ResumePoint::of_snapshot(&header, &tree).unwrap().last(), header.seqno);
        assert_eq!(rows_in_order(&file), rows, "{name}");
        let (dumped, written) = (state.dump(Domain::Public).flatten().count(), public_tables_len(&file));
        println!(
            "{name}: {rows} rows in {} tables, {written} bytes, {dumped} in ours",
            state.tables().count()
        );
    }
}

fn public_tables_len(file: &[u8]) -> usize {
    SnapshotFile::decode(file).unwrap().public_tables.len()
}

/// Number of public rows, all in the order of [`key_order`].
fn rows_in_order(file: &[u8]) -> usize {
    let (mut last, mut rows) = (0, 0);
    let mut reader = TableReader::new(Domain::Public);
    let visit = |part: TablePart<'_>| {
        last = match part {
            TablePart::Table { .. } => 0,
            TablePart::Row { key, .. } => {
                assert!(last <= key_order(key), "out of order");
                rows += 1;
                key_order(key)
            }
        };
        Ok::<_, SnapshotError>(())
    };
    reader.push(SnapshotFile::decode(file).unwrap().public_tables, visit).unwrap();
    reader.finish().unwrap();
    rows
}

/// The certificate in force when the snapshot was recorded.
fn certificate(ledger: &Path, name: SnapshotName) -> coco_crypto::Certificate {
    let names = fs::read_dir(ledger).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<(coco_wire::chunk::ChunkName, String)> =
        names.filter_map(|name| Some((name.parse().ok()?, name))).collect();
    names.sort_unstable();
    let mut verifier = Verifier::new();
    for (_, file) in names {
        if verifier.progress().last_entry.seqno < name.evidence_seqno {
            verifier.chunk(&file, &fs::read(ledger.join(&file)).unwrap()).unwrap();
        }
    }
    verifier.finish().unwrap().service.unwrap()
}
