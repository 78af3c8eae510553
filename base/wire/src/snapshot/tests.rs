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
