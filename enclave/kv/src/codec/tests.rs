use std::fmt::Debug;

use coco_wire::Digest;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unsorted {
    zeta: u8,
    alpha: String,
}

impl JsonValue for Unsorted {}

fn check<T: Encode + Decode + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    assert_eq!(value.encode(), bytes, "{value:?}");
    assert_eq!(T::decode(bytes).as_ref(), Some(value));
}

#[test]
fn bytes_are_as_specified() {
    check(&vec![0u8, 255], &[0, 255]);
    check(&"té".to_owned(), "té".as_bytes());
    check(&0x0102_u64, &[2, 1, 0, 0, 0, 0, 0, 0]);
    check(&Digest([0xab; 32]), "ab".repeat(32).as_bytes());
    check(
        &Unsorted { zeta: 1, alpha: "é\u{1}\"\n".into() },
        "{\"alpha\":\"é\\u0001\\\"\\n\",\"zeta\":1}".as_bytes(),
    );
    check(
        &serde_json::json!({"b": [1, null], "a": {"d": -1, "c": true}}),
        br#"{"a":{"c":true,"d":-1},"b":[1,null]}"#,
    );
}

#[test]
fn other_bytes_are_refused() {
    assert_eq!(String::decode(&[0xff]), None);
    assert_eq!(u64::decode(&[0; 7]), None);
    assert_eq!(u64::decode(&[0; 9]), None);
    assert_eq!(Digest::decode("AB".repeat(32).as_bytes()), None);
    assert_eq!(Unsorted::decode(br#"{"zeta":1}"#), None);
    assert_eq!(Unsorted::decode(br#"{"zeta":1,"alpha":""}}"#), None);
}
