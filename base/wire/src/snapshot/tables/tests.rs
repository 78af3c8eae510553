use proptest::prelude::*;

use super::*;

type Parts = Vec<(String, Vec<u8>, u64, Vec<u8>)>;

fn example() -> (Vec<u8>, Parts) {
    let mut out = Vec::new();
    let mut parts = Parts::new();
    for (name, rows) in [
        ("public:a", vec![(&b"k"[..], 3, &b"v"[..]), (b"", 1, b""), (b"12345678", 9, b"a value of 17 byt")]),
        ("public:b", vec![]),
        ("public:c", vec![(b"x", 2, &[7; 100])]),
    ] {
        let len = rows.iter().map(|(key, _, value)| row_len(key.len(), value.len())).sum();
        let version = rows.iter().map(|(_, version, _)| *version).max().unwrap_or(0);
        encode_table(name, Seqno(version), len, &mut out);
        parts.push((name.to_owned(), vec![], version, vec![]));
        for (key, version, value) in rows {
            encode_row(key, Seqno(version), value, &mut out);
            parts.push((String::new(), key.to_vec(), version, value.to_vec()));
        }
    }
    (out, parts)
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Parts, SnapshotError> {
    let mut reader = TableReader::new(Domain::Public);
    let mut parts = Parts::new();
    for piece in pieces {
        reader.push(piece, |part| {
            parts.push(match part {
                TablePart::Table { name, version } => (name.to_owned(), vec![], version.0, vec![]),
                TablePart::Row { key, version, value } => {
                    (String::new(), key.to_vec(), version.0, value.to_vec())
                }
            });
            Ok::<_, SnapshotError>(())
        })?;
    }
    reader.finish()?;
    Ok(parts)
}

#[test]
fn order_is_siphash() {
    // From another implementation, which gives the example of the paper.
    let expected =
        [(&b""[..], 0xc5f4_ecca), (b"12345678", 0x50c9_eafb), (&[0; 8], 0xa6b9_ff73), (b"abc", 0xbcec_9492)];
    for (key, order) in expected {
        assert_eq!(key_order(key), order, "{key:?}");
    }
}

#[test]
fn every_cut_into_pieces_reads_the_same() {
    let (bytes, parts) = example();
    for len in 1..=bytes.len() {
        assert_eq!(read(bytes.chunks(len)).as_ref(), Ok(&parts), "pieces of {len}");
    }
}

#[test]
fn cuts_are_refused_but_between_tables() {
    let (bytes, _) = example();
    let whole: Vec<usize> = (0..bytes.len()).filter(|end| read([&bytes[..*end]]).is_ok()).collect();
    let head = |name: &str| 24 + name.len();
    let second = head("public:a") + 3 * 24 + 8 + 8 + 8 + 24;
    assert_eq!(whole, [0, second, second + head("public:b")]);
}

#[test]
fn nonsense_is_refused() {
    let (good, _) = example();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        read([&bytes[..]]).err()
    };
    assert_eq!(changed(8, 0xff), Some(SnapshotError::Name));
    assert_eq!(changed(8, b'P'), Some(SnapshotError::WrongDomain));
    assert_eq!(changed(15, b'b'), Some(SnapshotError::TableOrder));
    assert_eq!(changed(16, 8), Some(SnapshotError::RowVersion), "later than its table");
    assert_eq!(changed(24, 1), Some(SnapshotError::RowLen), "rows end inside a row");
    assert_eq!(changed(7, 1), Some(SnapshotError::RowLen), "a name of 2^56 bytes");
    assert_eq!(changed(39, 1), Some(SnapshotError::RowLen), "a key of 2^56 bytes");
    assert_eq!(changed(41, 1), Some(SnapshotError::Padding));
    assert_eq!(changed(48, 7), Some(SnapshotError::RowLen), "a value without version");
    assert_eq!(changed(56, 0), Some(SnapshotError::RowVersion), "no version");
    let mut removed = good.clone();
    removed[63] = 0x80;
    assert_eq!(read([&removed[..]]).map(|parts| parts.len()), Ok(6), "CCF 2.x marks removed rows");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>, len in 1..64_usize) {
        let _ = read(bytes.chunks(len));
    }

    #[test]
    fn flipped_bits_are_read_without_panic(bits in proptest::collection::vec(0..2000_usize, 1..4), len in 1..64_usize) {
        let (mut bytes, _) = example();
        for bit in bits {
            let at = bit / 8 % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
        }
        let _ = read(bytes.chunks(len));
    }
}
