use proptest::prelude::*;

use super::*;

#[test]
fn accepted_forms() {
    let cases = [
        ("19700101000000Z", 0),
        ("700101000000Z", 0),
        ("491231235959Z", 2_524_607_999),
        ("500101000000Z", FIRST),
        ("20251105103000Z", 1_762_338_600),
        ("251105103000Z", 1_762_338_600),
        ("2025-11-05 10:30:00", 1_762_338_600),
        ("2025-11-05T10:30:00", 1_762_338_600),
        ("2025-11-05T10:30:00Z", 1_762_338_600),
        ("2025-11-05T10:30:00.123456Z", 1_762_338_600),
        ("2025-11-05 10:30:00.5", 1_762_338_600),
        ("2025-11-05 11:30:00 +01:00", 1_762_338_600),
        ("2025-11-05T08:00:00.25-02:30", 1_762_338_600),
        ("20240229000000Z", 1_709_164_800),
        ("99991231235959Z", LAST),
    ];
    for (text, seconds) in cases {
        assert_eq!(text.parse(), Ok(UnixTime(seconds)), "{text}");
    }
}

#[test]
fn refused_forms() {
    let cases = [
        "",
        "Z",
        "0",
        "20251105103000",
        "2025110510300Z",
        "20251305103000Z",
        "20250229000000Z",
        "20250431000000Z",
        "20250001000000Z",
        "20250100000000Z",
        "20250101240000Z",
        "20250101006000Z",
        "20250101000060Z",
        "2025-11-05",
        "2025-11-05 10:30",
        "2025-11-05x10:30:00",
        "2025/11/05 10:30:00",
        "2025-11-05 10:30:00.",
        "2025-11-05 10:30:00 1",
        "2025-11-05 10:30:00 +1:00",
        "2025-11-05 10:30:00 +24:00",
        "2025-11-05 10:30:00 +01:60",
        "+5-11-05 10:30:00",
        "2025-11-05 10:30:00ZZ",
        "２０251105103000Z",
        "2025-11-05 10:30:0é",
        "-0251105103000Z",
        "2025110510300é",
    ];
    for text in cases {
        assert_eq!(text.parse::<UnixTime>(), Err(InvalidTime::Form), "{text}");
    }
}

#[test]
fn spans() {
    let from: UnixTime = "20250101000000Z".parse().unwrap();
    let year = Validity::days(from, 365).unwrap();
    assert_eq!(year.not_after().to_string(), "20251231235959Z");
    assert!(year.contains(year.not_before()) && year.contains(year.not_after()));
    assert!(!year.contains(UnixTime(year.not_after().0 + 1)));
    assert_eq!(Validity::days(from, 0), Err(InvalidTime::Span));
    assert_eq!(Validity::days(from, u32::MAX), Err(InvalidTime::Span));
    assert_eq!(Validity::days(UnixTime(i64::MAX), 1), Err(InvalidTime::Span));
    assert_eq!(Validity::new(UnixTime(FIRST - 1), from), Err(InvalidTime::Span));
    assert_eq!(Validity::new(from, from), Err(InvalidTime::Span));
}

#[test]
fn der_changes_form_in_2050() {
    let written = |text: &str| text.parse::<UnixTime>().unwrap().to_der();
    assert_eq!(written("20491231235959Z"), b"\x17\x0d491231235959Z");
    assert_eq!(written("20500101000000Z"), b"\x18\x0f20500101000000Z");
}

proptest! {
    #[test]
    fn text_round_trips(seconds in FIRST..=LAST) {
        prop_assert_eq!(UnixTime(seconds).to_string().parse(), Ok(UnixTime(seconds)));
    }

    #[test]
    fn no_text_panics(text in "[0-9TZ:. +é-]{0,32}") {
        let _ = text.parse::<UnixTime>();
    }
}
