//! Identifiers from certificates, and texts that are none.

use super::*;

#[test]
fn texts_and_their_der() {
    let cases: [(&str, &[u8]); 5] = [
        ("2.5.29.37", &[0x55, 0x1d, 0x25]),
        ("1.3.6.1.4.1.3704.1.3.8", &[0x2b, 6, 1, 4, 1, 0x9c, 0x78, 1, 3, 8]),
        ("1.3.6.1.4.1.311.76.59.1.2", &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 76, 59, 1, 2]),
        ("2.999.4294967295", &[0x88, 0x37, 0x8f, 0xff, 0xff, 0xff, 0x7f]),
        ("0.0", &[0]),
    ];
    for (text, content) in cases {
        assert_eq!(text.parse::<ObjectId>().unwrap().as_der(), content, "{text}");
    }
    assert_eq!("2.5.29.37".parse(), Ok(ObjectId::EXTENDED_KEY_USAGE));
}

#[test]
fn texts_that_are_none() {
    let long = ["1"; 40].join(".");
    let cases = [
        "",
        "1",
        ".",
        "1.",
        ".1",
        "3.1",
        "1.40",
        "0.40",
        "1.02",
        "1.+2",
        "1.2 ",
        "1.4294967296",
        "1..2",
        &long,
    ];
    for text in cases {
        assert_eq!(text.parse::<ObjectId>(), Err(InvalidObjectId), "{text}");
    }
}
