use serde_json::json;

use super::{Line, MAX_LINES, Page, encoded};

fn line(text: &str) -> Line {
    serde_json::from_value(json!({
        "number": 7, "timeMs": 1_800_000_062_005_u64, "endpoint": "GET /a", "level": "info", "text": text,
    }))
    .unwrap()
}

#[test]
fn a_line_is_harmless_to_a_terminal() {
    for (text, shown) in [
        ("looking for 7", "looking for 7"),
        ("é\tä", "é\tä"),
        ("one\ntwo\n", "one\n    two"),
        ("\u{1b}[2J\r\u{9b}", "\\u{1b}[2J\\r\\u{9b}"),
    ] {
        assert_eq!(line(text).shown(), format!("08:01:02.005 info      GET /a: {shown}"));
    }
}

#[test]
fn endpoints_are_encoded() {
    assert_eq!(encoded("GET /records/{id}"), "GET%20%2Frecords%2F%7Bid%7D");
    assert_eq!(encoded("é-._~"), "%C3%A9-._~");
}

#[test]
fn lines_are_followed() {
    let page = |count: usize, last| Page { value: (0..count).map(|_| line("")).collect(), dropped: 0, last };
    let full = MAX_LINES as usize;
    for (page, before, expected) in
        [(page(0, 9), 9, 9), (page(1, 9), 3, 9), (page(full, 9000), 3, 7), (page(0, 2), 9, 0)]
    {
        assert_eq!(page.seen(before), expected);
    }
}
