//! Names and frames of snapshots.

use super::*;
use crate::entry::{EntryFlags, UnsealedEntry};

fn header() -> SnapshotHeader {
    SnapshotHeader {
        seqno: Seqno(9),
        leaf: Digest([1; 32]),
        view_history: vec![Seqno(1), Seqno(1), Seqno(7)],
    }
}

fn file(iv: Iv) -> Vec<u8> {
    let public = |out: &mut Vec<u8>| {
        header().encode(out);
        out.extend_from_slice(b"tables");
    };
    let entry = UnsealedEntry::write(iv, EntryFlags::NONE, 0, public, |_| ()).unwrap();
    let entry = entry.seal(|_, _, _| Ok::<_, ()>([0; 16])).unwrap();
    [&entry[..], b"receipt"].concat()
}

#[test]
fn names_have_one_text_form() {
    for name in ["snapshot_1_2", "snapshot_9_10.committed"] {
        assert_eq!(name.parse::<SnapshotName>().unwrap().to_string(), name);
    }
    for name in
        ["snapshot_1", "snapshot_2_2", "snapshot_0_2", "snapshot_01_2", "snapshot_1_2.committed_3", "s"]
    {
        assert_eq!(name.parse::<SnapshotName>(), Err(InvalidSnapshotName), "{name}");
    }
}

#[test]
fn files_are_taken_apart() {
    let bytes = file(Iv::of_snapshot(Seqno(9)));
    let snapshot = SnapshotFile::decode(&bytes).unwrap();
    assert_eq!(snapshot.header, header());
    assert_eq!(header().tx_id(), "3.9".parse().unwrap());
    assert_eq!((snapshot.public_tables, snapshot.receipt), (&b"tables"[..], &b"receipt"[..]));

    let other = file(Iv::of_snapshot(Seqno(8)));
    assert_eq!(SnapshotFile::decode(&other).map(|_| ()), Err(SnapshotError::Iv));
    for end in 0..bytes.len() - 7 {
        assert!(SnapshotFile::decode(&bytes[..end]).is_err(), "{end}");
    }
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = SnapshotFile::decode(&bytes);
    }
}

#[test]
fn bad_headers_are_refused() {
    let mut bytes = Vec::new();
    header().encode(&mut bytes);
    let changed = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        SnapshotHeader::decode(&bytes).map(|_| ())
    };
    assert_eq!(changed(0, 4), Err(SnapshotError::EntryType(4)));
    assert_eq!(changed(17, 31), Err(SnapshotError::FieldLen(17)));
    assert_eq!(changed(57, 25), Err(SnapshotError::Truncated(57)));
    assert_eq!(changed(57, 23), Err(SnapshotError::FieldLen(57)));
    assert_eq!(changed(65, 2), Err(SnapshotError::ViewHistory));
}

#[test]
fn frames_are_those_of_entries() {
    let bytes = file(Iv::of_snapshot(Seqno(9)));
    let frame = SnapshotFrame::decode(bytes.first_chunk().unwrap()).unwrap();
    assert_eq!((frame.seqno, frame.private_len), (Seqno(9), 0));
    assert_eq!(frame.entry_len(), bytes.len() as u64 - 7);
    assert_eq!(frame.encode(), *bytes.first_chunk().unwrap());

    let large = SnapshotFrame::new(Seqno(1), [7; 16], 5 << 30, 9 << 30).unwrap();
    assert_eq!(SnapshotFrame::decode(&large.encode()), Ok(large));
    assert_eq!(
        SnapshotFrame::new(Seqno(1), [7; 16], 0, 1 << 36).err(),
        Some(EntryError::Size(1 << 36)),
        "more than GCM seals"
    );
    let changed = |at: usize, byte: u8| {
        let mut bytes = frame.encode();
        bytes[at] = byte;
        SnapshotFrame::decode(&bytes).err()
    };
    assert_eq!(changed(0, 2), Some(EntryError::Version(2).into()));
    assert_eq!(changed(1, 1), Some(EntryError::Flags(1).into()));
    assert_eq!(changed(2, 35), Some(EntryError::Size(35).into()));
    assert_eq!(changed(35, 0), Some(SnapshotError::Iv));
    assert_eq!(changed(40, 1), Some(EntryError::PublicDomain(frame.public_len + (1 << 32)).into()));
}

#[test]
fn views_without_transactions_start_with_the_next() {
    let views = [(View(2), Seqno(1)), (View(5), Seqno(7)), (View(6), Seqno(9))];
    let starts = |upto| view_history(views, Seqno(upto)).into_iter().map(|seqno| seqno.0).collect::<Vec<_>>();
    assert_eq!(starts(6), [1, 1]);
    assert_eq!(starts(7), [1, 1, 7, 7, 7]);
    assert_eq!(starts(100), [1, 1, 7, 7, 7, 9]);
}

#[test]
fn evidence_is_ccfs_json() {
    let evidence = SnapshotEvidence { hash: Digest([0xab; 32]), version: Seqno(7) };
    let json = format!(r#"{{"hash":"{}","version":7}}"#, "ab".repeat(32));
    assert_eq!(serde_json::to_string(&evidence).unwrap(), json);
    assert_eq!(serde_json::from_str::<SnapshotEvidence>(&json).unwrap(), evidence);
}
