//! The subset and its borders; examples from RFC 8949, appendix A.

use proptest::prelude::*;

use super::*;

fn decode(hex: &str) -> Result<Vec<u8>, CborError> {
    Cbor::decode(&hex::decode(hex).unwrap()).map(|item| item.encode())
}

#[test]
fn deterministic_items_are_accepted() {
    for item in [
        "00",
        "17",
        "1818",
        "190100",
        "1a00010000",
        "1b000000e8d4a51000",
        "20",
        "3903e7",
        "3b7fffffffffffffff",
        "40",
        "4401020304",
        "60",
        "62c3bc",
        "80",
        "83010203",
        "a0",
        "a201020304",
        "a26161016162820203",
        "f4",
        "f5",
        "f6",
        "c001",
        "d20102",
    ] {
        let expected = hex::decode(item).unwrap();
        if item == "d20102" {
            assert_eq!(decode(item), Err(CborError::Trailing(2)));
        } else {
            assert_eq!(decode(item), Ok(expected), "{item}");
        }
    }
}

#[test]
fn other_items_are_refused() {
    for (item, expected) in [
        ("", CborError::Malformed(0)),
        ("18", CborError::Unsupported(0)),
        ("1817", CborError::NotDeterministic(0)),
        ("190017", CborError::NotDeterministic(0)),
        ("1a0000ffff", CborError::NotDeterministic(0)),
        ("1b00000000ffffffff", CborError::NotDeterministic(0)),
        ("3817", CborError::NotDeterministic(0)),
        ("580101", CborError::NotDeterministic(0)),
        ("780161", CborError::NotDeterministic(0)),
        ("980101", CborError::NotDeterministic(0)),
        ("b8010101", CborError::NotDeterministic(0)),
        ("d80101", CborError::NotDeterministic(0)),
        ("5f4101ff", CborError::NotDeterministic(0)),
        ("9fff", CborError::NotDeterministic(0)),
        ("bfff", CborError::NotDeterministic(0)),
        ("1bffffffffffffffff", CborError::Unsupported(0)),
        ("3bffffffffffffffff", CborError::Unsupported(0)),
        ("f97e00", CborError::Unsupported(0)),
        ("f7", CborError::Unsupported(0)),
        ("61ff", CborError::Malformed(0)),
        ("4201", CborError::Malformed(0)),
        ("8201", CborError::Malformed(2)),
        ("0000", CborError::Trailing(1)),
        ("a201010102", CborError::DuplicateKey(0)),
        ("81818181818181818181", CborError::Limit(9)),
        ("9affffffff", CborError::Malformed(5)),
        ("baffffffff", CborError::Limit(0)),
    ] {
        assert_eq!(decode(item), Err(expected), "{item}");
    }
}

proptest! {
    #[test]
    fn accepted_bytes_are_canonical(bytes: Vec<u8>) {
        if let Ok(item) = Cbor::decode(&bytes) {
            prop_assert_eq!(item.encode(), bytes);
        }
    }

    #[test]
    fn integers_round_trip(int: i64, shift in 0..64u32) {
        let int = int >> shift;
        let bytes = Cbor::Int(int).encode();
        prop_assert_eq!(Cbor::decode(&bytes), Ok(Cbor::Int(int)));
    }
}
