//! Domains: round trips, orders, and hostile bytes.

use proptest::{collection::btree_map, prelude::*};

use super::*;

fn write_sets() -> impl Strategy<Value = WriteSet> {
    let key = prop::collection::vec(any::<u8>(), 0..4);
    let table = btree_map(key, any::<Option<Vec<u8>>>(), 1..5);
    btree_map("(public:)?[a-zé.]{0,6}", table, 0..5).prop_map(|tables| {
        let mut writes = WriteSet::default();
        for (name, table) in tables {
            let changes = table.into_iter().map(|(key, value)| (Key::from(key), value.map(Value::from)));
            writes.table_mut(&TableName::new(&name)).extend(changes);
        }
        writes
    })
}

fn public(writes: &WriteSet, header: &PublicHeader) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&mut out);
    assert_eq!(out.len(), header.encoded_len());
    encode(writes, Domain::Public, &mut out);
    assert_eq!(out.len(), header.encoded_len() + encoded_len(writes, Domain::Public));
    out
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

/// A table as any writer might put it.
fn raw_table(name: &[u8], reads: u64, writes: &[&[u8]], removes: &[&[u8]]) -> Vec<u8> {
    let mut out = string(name);
    out.extend([0u64, reads, writes.len() as u64].iter().flat_map(|number| number.to_le_bytes()));
    writes.iter().for_each(|key| out.extend([string(key), string(b"value")].concat()));
    out.extend((removes.len() as u64).to_le_bytes());
    removes.iter().for_each(|key| out.extend(string(key)));
    out
}

#[test]
fn orders_and_duplicates() {
    use KeyOrder::{Any, Ascending};
    let check = |tables: &[Vec<u8>], order, expected: Result<(), DomainError>| {
        let bytes = tables.concat();
        assert_eq!(decode_private(&bytes, order, &mut WriteSet::default()), expected, "{bytes:?}");
    };
    let table = |writes: &[&[u8]], removes: &[&[u8]]| vec![raw_table(b"t", 0, writes, removes)];
    check(&table(&[b"a", b"b"], &[b"c"]), Ascending, Ok(()));
    check(&table(&[b"b", b"c"], &[b"a"]), Ascending, Ok(()));
    check(&table(&[b"b", b"a"], &[]), Any, Ok(()));
    check(&table(&[b"b", b"a"], &[]), Ascending, Err(DomainError::NotCanonical(0)));
    check(&table(&[], &[]), Any, Ok(()));
    check(&table(&[], &[]), Ascending, Err(DomainError::NotCanonical(0)));
    for order in [Any, Ascending] {
        check(&table(&[b"a"], &[b"a"]), order, Err(DomainError::DuplicateKey(0)));
    }
    check(&table(&[b"b", b"a", b"b"], &[]), Any, Err(DomainError::DuplicateKey(0)));
    check(&table(&[b"a", b"a"], &[]), Any, Err(DomainError::DuplicateKey(0)));
    check(&table(&[], &[b"a", b"a"]), Any, Err(DomainError::DuplicateKey(0)));

    let (a, b) = (raw_table(b"a", 0, &[b"k"], &[]), raw_table(b"b", 0, &[b"k"], &[]));
    check(&[a.clone(), b.clone()], Ascending, Ok(()));
    check(&[b.clone(), a.clone()], Any, Err(DomainError::TableOrder(b.len())));
    check(&[a.clone(), a.clone()], Any, Err(DomainError::TableOrder(a.len())));
    check(&[raw_table(b"a", 1, &[b"k"], &[])], Any, Err(DomainError::Reads(0)));
    check(&[raw_table(b"public:a", 0, &[b"k"], &[])], Any, Err(DomainError::WrongDomain(0)));
    check(&[raw_table(b"\xff", 0, &[b"k"], &[])], Any, Err(DomainError::Name(0)));
    check(&[a.clone(), vec![0; 7]], Any, Err(DomainError::Truncated(a.len())));
}

#[test]
fn a_false_count_stops_at_the_end() {
    let mut bytes = string(b"t");
    bytes.extend([0; 16]);
    bytes.extend(u64::MAX.to_le_bytes());
    let read = decode_private(&bytes, KeyOrder::Any, &mut WriteSet::default());
    assert_eq!(read, Err(DomainError::Truncated(bytes.len())));
}

#[test]
fn snapshots_and_unknown_types_are_refused() {
    for entry_type in [1, 5, 255] {
        let bytes = [entry_type; 90];
        let read = decode_public(&bytes, KeyOrder::Any, &mut WriteSet::default());
        assert_eq!(read, Err(DomainError::EntryType(entry_type)));
    }
}

proptest! {
    #[test]
    fn domains_round_trip(writes in write_sets(), kind in 0..4u8, seqno: u64, version: u64) {
        let (a, b) = (Digest([1; 32]), Digest([2; 32]));
        let commitments = match kind {
            0 => Commitments::None,
            1 => Commitments::Claims(a),
            2 => Commitments::Evidence(a),
            _ => Commitments::EvidenceAndClaims { evidence: a, claims: b },
        };
        let header = PublicHeader { seqno: Seqno(seqno), commitments, max_conflict_version: version };
        let mut private = Vec::new();
        encode(&writes, Domain::Private, &mut private);
        let mut read = WriteSet::default();
        let order = KeyOrder::Ascending;
        prop_assert_eq!(decode_public(&public(&writes, &header), order, &mut read), Ok(header));
        prop_assert_eq!(decode_private(&private, order, &mut read), Ok(()));
        prop_assert_eq!(read, writes);
    }

    #[test]
    fn accepted_canonical_bytes_are_what_we_write(writes in write_sets(), bit: prop::sample::Index) {
        let commitments = Commitments::EvidenceAndClaims { evidence: Digest([1; 32]), claims: Digest::ZERO };
        let mut bytes = public(&writes, &PublicHeader::new(Seqno(1), commitments));
        let bit = bit.index(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut read = WriteSet::default();
        if let Ok(header) = decode_public(&bytes, KeyOrder::Ascending, &mut read) {
            prop_assert_eq!(public(&read, &header), bytes);
        }
    }

    #[test]
    fn truncation_never_panics(writes in write_sets(), cut: prop::sample::Index, bytes: Vec<u8>) {
        let good = public(&writes, &PublicHeader::new(Seqno(1), Commitments::None));
        let cut = cut.index(good.len());
        let _ = decode_public(&good[..cut], KeyOrder::Any, &mut WriteSet::default());
        let _ = decode_public(&bytes, KeyOrder::Any, &mut WriteSet::default());
        let _ = decode_private(&bytes, KeyOrder::Any, &mut WriteSet::default());
    }
}
