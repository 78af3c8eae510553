use super::*;

#[test]
fn times_are_whole_seconds_since_1970() {
    let cases = [
        ("0", Some(0)),
        ("1800000000", Some(1_800_000_000)),
        ("18446744073709551615", Some(u64::MAX)),
        ("1800000000.999", Some(1_800_000_000)),
        ("1.8e9", Some(1_800_000_000)),
        ("-0.0", Some(0)),
        ("8.9e15", Some(8_900_000_000_000_000)),
        ("9e15", None),
        ("18446744073709551616", None),
        ("-1", None),
        ("-0.1", None),
        ("\"1\"", None),
        ("null", None),
    ];
    for (text, expected) in cases {
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(seconds("exp", &value).ok(), expected, "{text}");
    }
}
