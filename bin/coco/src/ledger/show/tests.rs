use serde_json::json;

use super::{Text, bytes_json, pretty, value_json};

#[test]
fn values_are_readable_and_harmless() {
    let cases: [(&[u8], &str); 8] = [
        (b"plain", "plain"),
        (b"\"a\\nb\"", "a\nb"),
        (b"\"\\u001b[2J\"", "0x1b5b324a"),
        (b"{\"a\":1}", "{\n  \"a\": 1\n}"),
        (b"17", "17"),
        (b"\x1b[2J", "0x1b5b324a"),
        (b"\xff\x00", "0xff00"),
        (b"", ""),
    ];
    for (value, expected) in cases {
        assert_eq!(pretty(value), expected);
    }
    assert_eq!(Text(&[0; 8]).to_string(), "0x0000000000000000");
}

#[test]
fn json_keeps_every_byte() {
    assert_eq!(value_json(b"{\"a\":[1]}"), json!({ "a": [1] }));
    assert_eq!(value_json(b"text"), json!("text"));
    assert_eq!(value_json(b"\xff"), json!({ "hex": "ff" }));
    assert_eq!(bytes_json(b"7"), json!("7"));
    assert_eq!(bytes_json(&[0, 1]), json!({ "hex": "0001" }));
}
