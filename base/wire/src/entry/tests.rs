//! Frames of entries, good and bad.

use proptest::prelude::*;

use super::*;
use crate::{
    domain::KeyOrder,
    id::Digest,
    writes::{Key, TableName, Value},
};

const ID: TxId = TxId { view: View(3), seqno: Seqno(0x0102_0304_0506_0708) };
const CLAIMS: Commitments =
    Commitments::EvidenceAndClaims { evidence: Digest([7; 32]), claims: Digest([8; 32]) };

fn writes(table: &str, key: &[u8], value: Option<&[u8]>) -> WriteSet {
    let mut writes = WriteSet::default();
    writes.table_mut(&TableName::new(table)).insert(Key::new(key), value.map(Value::new));
    writes.table_mut(&TableName::new("public:t")).insert(Key::new(b"k"), Some(Value::new(b"v")));
    writes
}

/// Stands for a cipher: flips all bits, and its tag names IV and lengths.
fn flip(iv: &Iv, public: &[u8], private: &mut [u8]) -> Result<[u8; TAG_LEN], ()> {
    private.iter_mut().for_each(|byte| *byte = !*byte);
    let mut tag = [0; TAG_LEN];
    tag[..IV_LEN].copy_from_slice(&iv.0);
    tag[IV_LEN] = public.len().to_le_bytes()[0];
    Ok(tag)
}

fn sealed(writes: &WriteSet) -> Vec<u8> {
    let flags = EntryFlags::FORCE_CHUNK_AFTER;
    UnsealedEntry::of_writes(ID, flags, CLAIMS, writes).unwrap().seal(flip).unwrap()
}

#[test]
fn layout_is_that_of_ccf() {
    let bytes = sealed(&writes("secret", b"a", None));
    assert_eq!(bytes[..2], [1, 1]);
    assert_eq!(bytes.len(), bytes.capacity(), "one exact allocation");
    let size = u64::from_le_bytes([bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], 0, 0]);
    assert_eq!(size, bytes.len() as u64 - 8);
    assert_eq!(bytes[24..36], [8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0]);

    let entry = Entry::decode(&bytes).unwrap();
    assert_eq!(entry.iv().tx_id(), ID);
    assert!(!entry.iv().is_snapshot());
    assert_eq!(entry.tag()[..IV_LEN], entry.iv().0);
    assert_eq!(usize::from(entry.tag()[IV_LEN]), entry.public_domain().len());
    let clear: Vec<_> = entry.private_domain().iter().map(|byte| !byte).collect();
    let mut read = WriteSet::default();
    let header = domain::decode_public(entry.public_domain(), KeyOrder::Ascending, &mut read).unwrap();
    domain::decode_private(&clear, KeyOrder::Ascending, &mut read).unwrap();
    assert_eq!(header, PublicHeader::new(ID.seqno, CLAIMS));
    assert_eq!(read, writes("secret", b"a", None));
}

#[test]
fn ivs_never_repeat() {
    for view in [1 << 31, 1 << 32, u64::MAX] {
        let id = TxId { view: View(view), seqno: Seqno(1) };
        assert_eq!(Iv::of_entry(id), Err(EntryError::View(View(view))));
    }
    let last = TxId { view: View((1 << 31) - 1), seqno: Seqno(1) };
    assert_eq!(Iv::of_entry(last).unwrap().tx_id(), last);
    let snapshot = Iv::of_snapshot(Seqno(1));
    assert!(snapshot.is_snapshot());
    assert_eq!(snapshot.0, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
}

#[test]
fn bad_frames_are_refused() {
    let good = sealed(&WriteSet::default());
    let len = good.len() as u64;
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Entry::decode(&bytes).map(|_| ())
    };
    assert_eq!(with(0, 2), Err(EntryError::Version(2)));
    assert_eq!(with(1, 4), Err(EntryError::Flags(4)));
    assert_eq!(with(2, 35), Err(EntryError::Size(35)));
    assert_eq!(with(2, good[2] - 1), Err(EntryError::PublicDomain(len - 44)));
    assert_eq!(with(7, 1), Err(EntryError::Size((1 << 40) + len - 8)));
    assert_eq!(with(43, 0xff), Err(EntryError::PublicDomain(0xff << 56 | (len - 44))));
    let longer = [&good[..], &[0]].concat();
    assert_eq!(Entry::decode(&longer).map(|_| ()), Err(EntryError::Trailing));
    assert_eq!(Entry::decode_first(&longer).unwrap().1, [0]);
    assert_eq!(Entry::decode(&good[..7]).map(|_| ()), Err(EntryError::Truncated { needed: 8, available: 7 }));
    assert_eq!(EntryHeader::new(EntryFlags::NONE, MAX_SIZE).unwrap().size(), MAX_SIZE);
    assert!(EntryHeader::new(EntryFlags::NONE, MAX_SIZE + 1).is_err());
}

proptest! {
    #[test]
    fn entries_round_trip(table in "(public:)?[a-z]{0,5}", key: Vec<u8>, value: Option<Vec<u8>>) {
        let writes = writes(&table, &key, value.as_deref());
        let bytes = sealed(&writes);
        let entry = Entry::decode(&bytes).unwrap();
        prop_assert_eq!(entry.bytes(), &bytes);
        let clear: Vec<_> = entry.private_domain().iter().map(|byte| !byte).collect();
        let mut read = WriteSet::default();
        domain::decode_public(entry.public_domain(), KeyOrder::Ascending, &mut read).unwrap();
        domain::decode_private(&clear, KeyOrder::Ascending, &mut read).unwrap();
        prop_assert_eq!(read, writes);
    }

    #[test]
    fn damage_never_panics(bit in 0usize..8 * 160, cut in 0usize..160, bytes: Vec<u8>) {
        let mut entry = sealed(&writes("secret", b"a", Some(b"b")));
        prop_assert!(Entry::decode(&entry[..cut.min(entry.len() - 1)]).is_err());
        let bit = bit % (8 * entry.len());
        entry[bit / 8] ^= 1 << (bit % 8);
        if let Ok(entry) = Entry::decode(&entry) {
            let _ = domain::decode_public(entry.public_domain(), KeyOrder::Any, &mut WriteSet::default());
        }
        let _ = Entry::decode(&bytes);
    }
}
