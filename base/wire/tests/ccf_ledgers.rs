//! Reads ledgers and snapshots written by CCF, and writes the same bytes again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use coco_wire::{
    Domain, WriteSet,
    chunk::{Chunk, ChunkName, ChunkPhase},
    domain::{self, KeyOrder},
    entry::Entry,
    receipt::JsonReceipt,
    signature::{self, NodeSignature, RootSignature},
    snapshot::{SnapshotFile, SnapshotName},
    tree::SerialisedTree,
};

/// Files of all stored services, in `ledger` or `snapshots`.
fn files(kind: &str) -> Vec<PathBuf> {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
        return Vec::new();
    };
    let list = |dir: &Path| fs::read_dir(dir).unwrap().map(|item| item.unwrap().path());
    let mut files: Vec<_> = list(&Path::new(&ccf).join("tests/testdata"))
        .flat_map(|service| list(&service.join(kind)).collect::<Vec<_>>())
        .filter(|path| !path.ends_with(".gitkeep"))
        .collect();
    files.sort();
    assert!(files.len() > 2, "no {kind} under COCO_CCF");
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn ledgers_round_trip() {
    let mut signatures = 0;
    for path in files("ledger") {
        let bytes = fs::read(&path).unwrap();
        let chunk_name: ChunkName = name(&path).parse().unwrap();
        assert_eq!(chunk_name.to_string(), name(&path));
        let chunk = Chunk::decode(&bytes).unwrap();
        let mut seqno = chunk_name.first;
        for item in chunk.entries() {
            let (offset, entry) = item.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(entry.iv().tx_id().seqno, seqno, "{} at {offset}", path.display());
            signatures += usize::from(check_entry(&entry));
            seqno = seqno.next();
        }
        if let ChunkPhase::Committed { last } = chunk_name.phase {
            assert_eq!(last.next(), seqno);
            assert!(chunk.is_complete());
        }
    }
    if signatures > 0 {
        eprintln!("{signatures} signature transactions");
    }
}

/// Whether it is a signature.
fn check_entry(entry: &Entry<'_>) -> bool {
    let mut writes = WriteSet::default();
    let header = domain::decode_public(entry.public_domain(), KeyOrder::Ascending, &mut writes).unwrap();
    assert_eq!(header.seqno, entry.iv().tx_id().seqno);
    let mut again = Vec::new();
    header.encode(&mut again);
    domain::encode(&writes, Domain::Public, &mut again);
    assert_eq!(again, entry.public_domain());

    let value = |table| writes.table(table)?.get(&signature::SINGLETON_KEY[..])?.as_deref();
    if let Some(value) = value(signature::COSE_SIGNATURES) {
        let message = signature::decode_cose_value(value).unwrap();
        let signature = RootSignature::decode(&message).unwrap();
        assert_eq!(signature.header.tx_id, entry.iv().tx_id());
        assert_eq!(signature.header.encode(), signature.protected);
        assert_eq!(signature::encode_cose_value(&signature.encode()), value);
    }
    let Some(value) = value(signature::SIGNATURES) else { return false };
    assert_eq!(NodeSignature::decode(value).unwrap().tx_id(), entry.iv().tx_id());
    let tree = writes.table(signature::TREE).unwrap()[&signature::SINGLETON_KEY[..]].as_deref().unwrap();
    assert_eq!(SerialisedTree::decode(tree).unwrap().encode(), tree);
    true
}

#[test]
fn snapshots_are_taken_apart() {
    for path in files("snapshots") {
        let bytes = fs::read(&path).unwrap();
        let snapshot_name: SnapshotName = name(&path).parse().unwrap();
        assert_eq!(snapshot_name.to_string(), name(&path));
        let snapshot = SnapshotFile::decode(&bytes).unwrap();
        assert_eq!(snapshot.header.seqno, snapshot_name.seqno);
        let mut header = Vec::new();
        snapshot.header.encode(&mut header);
        assert_eq!([&header, snapshot.public_tables].concat(), snapshot.entry.public_domain());
        assert_eq!(JsonReceipt::decode(snapshot.receipt).unwrap().encode(), snapshot.receipt);
    }
}
