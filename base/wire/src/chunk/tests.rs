//! Names and frames of chunks.

use proptest::prelude::*;

use super::*;
use crate::{domain::Commitments, entry::*, id::*, writes::WriteSet};

fn entry(seqno: u64) -> Vec<u8> {
    let id = TxId { view: View(2), seqno: Seqno(seqno) };
    let entry = UnsealedEntry::of_writes(id, EntryFlags::NONE, Commitments::None, &WriteSet::default());
    entry.unwrap().seal(|_, _, _| Ok::<_, ()>([0; 16])).unwrap()
}

fn chunk(count: u64, complete: bool) -> Vec<u8> {
    let mut bytes = encode_header(0).to_vec();
    let mut offsets = Vec::new();
    for seqno in 1..=count {
        offsets.push(u32::try_from(bytes.len()).unwrap());
        bytes.extend(entry(seqno));
    }
    if complete {
        let end = bytes.len() as u64;
        bytes[..8].copy_from_slice(&encode_header(end));
        bytes.extend(encode_positions(&offsets));
    }
    bytes
}

/// Number of entries, or the first error.
fn read(bytes: &[u8]) -> Result<usize, ChunkError> {
    Chunk::decode(bytes)?.entries().try_fold(0, |count, item| item.map(|_| count + 1))
}

fn reason(bytes: &[u8]) -> (u64, ChunkDamage) {
    let error = read(bytes).unwrap_err();
    (error.offset, error.reason)
}

#[test]
fn names_of_prefixes_have_one_text_form() {
    let name = PrefixName { first: Seqno(8), last: Seqno(20) };
    assert_eq!(name.to_string(), "ledger_8-20.committed_prefix");
    assert_eq!(name.to_string().parse(), Ok(name));
    assert_eq!(name.chunk().to_string(), "ledger_8");
    assert_eq!("ledger_8-20.committed_prefix".parse::<ChunkName>(), Err(InvalidChunkName));
    for other in [
        "ledger_8-20.committed",
        "ledger_8.committed_prefix",
        "ledger_20-8.committed_prefix",
        "ledger_0-8.committed_prefix",
        "ledger_08-20.committed_prefix",
        "ledger_8-+20.committed_prefix",
        "ledger_8-20.committed_prefix.ignored",
        "8-20.committed_prefix",
    ] {
        assert_eq!(other.parse::<PrefixName>(), Err(InvalidChunkName), "{other}");
    }
}

#[test]
fn names_have_one_text_form() {
    for name in [
        "ledger_1",
        "ledger_1.recovery",
        "ledger_18446744073709551615",
        "ledger_1-2.committed",
        "ledger_7-7.committed",
        "ledger_1-2.committed.recovery",
        "ledger_1-2.committed.ignored",
        "ledger_3.ignored",
    ] {
        assert_eq!(name.parse::<ChunkName>().unwrap().to_string(), name);
    }
    for name in [
        "",
        "ledger_",
        "ledger_0",
        "ledger_01",
        "ledger_+1",
        "ledger_1-2",
        "ledger_2-1.committed",
        "ledger_1.committed",
        "ledger_1-.committed",
        "ledger_1.recovery.recovery",
        "ledger_1.ignored.committed",
        "ledger_1-2.committed_prefix",
        "ledger_18446744073709551616",
        "xledger_1",
        "snapshot_1_2",
        ".recovery",
    ] {
        assert_eq!(name.parse::<ChunkName>(), Err(InvalidChunkName), "{name:?}");
    }
}

#[test]
fn entries_come_with_their_offsets() {
    for complete in [false, true] {
        let bytes = chunk(3, complete);
        let chunk = Chunk::decode(&bytes).unwrap();
        assert_eq!((chunk.is_complete(), chunk.entry_count()), (complete, complete.then_some(3)));
        let seqnos = chunk.entries().map(|item| {
            let (offset, entry) = item.unwrap();
            assert!(bytes[usize::try_from(offset).unwrap()..].starts_with(entry.bytes()));
            entry.iv().tx_id().seqno.0
        });
        assert_eq!(seqnos.collect::<Vec<_>>(), [1, 2, 3]);
    }
    assert_eq!(read(&chunk(0, false)), Ok(0));
}

#[test]
fn damage_is_located() {
    let len = entry(1).len();
    let good = chunk(2, true);
    let end = 8 + 2 * len;
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        reason(&bytes)
    };
    assert_eq!(reason(&good[..7]), (0, ChunkDamage::NoHeader));
    assert_eq!(changed(0, 7), (0, ChunkDamage::PositionsOffset(7)));
    assert_eq!(changed(1, 0xff), (0, ChunkDamage::PositionsOffset(0xff00 + end as u64)));
    assert_eq!(reason(&good[..good.len() - 1]), (end as u64, ChunkDamage::PositionsLen(7)));
    assert_eq!(reason(&good[..end]), (end as u64, ChunkDamage::PositionsLen(0)));
    assert_eq!(reason(&good[..end + 4]), (8 + len as u64, ChunkDamage::Position { index: 1 }));
    assert_eq!(changed(end, 9), (8, ChunkDamage::Position { index: 0 }));
    assert_eq!(reason(&[&good[..], &[0; 4]].concat()), (end as u64, ChunkDamage::ExtraPositions));
    assert_eq!(changed(8, 9), (8, ChunkDamage::Entry(EntryError::Version(9))));
}

#[test]
fn only_incomplete_chunks_are_torn() {
    let open = chunk(2, false);
    let second = 8 + entry(1).len();
    for end in second + 1..open.len() {
        assert_eq!(reason(&open[..end]), (second as u64, ChunkDamage::Torn), "{end}");
    }
    let unwritten = [&open[..], &[0; 100]].concat();
    assert_eq!(reason(&unwritten), (open.len() as u64, ChunkDamage::Torn));
    let garbage = [&open[..], &[0, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
    assert_eq!(reason(&garbage), (open.len() as u64, ChunkDamage::Entry(EntryError::Version(0))));
}

proptest! {
    #[test]
    fn damage_never_panics(complete: bool, bit: prop::sample::Index, cut: prop::sample::Index) {
        let mut bytes = chunk(3, complete);
        let (bit, cut) = (bit.index(8 * bytes.len()), cut.index(bytes.len()));
        if complete {
            prop_assert!(read(&bytes[..cut]).is_err() || cut < 8);
        } else {
            let _ = read(&bytes[..cut]);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = read(&bytes);
    }
}
