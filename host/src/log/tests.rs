use super::*;

fn lines(tag: &'static str, file: &'static str, message: &str) -> (String, String) {
    let message = format_args!("{message}");
    let record = Record { level: Level::Info, tag, file, line: 42, message };
    let now = Duration::new(1_563_562_405, 690_267_999);
    (text(&record, now, 0), json(&record, now, 12))
}

#[test]
fn lines_have_ccfs_shape() {
    let (text, json) = lines("", "src/host/run.cpp", "Hangup: \"bye\"");
    assert_eq!(
        text,
        "2019-07-19T18:53:25.690267Z        0   [info ] src/host/run.cpp:42                  | Hangup: \"bye\"\n"
    );
    assert_eq!(
        json,
        "{\"h_ts\":\"2019-07-19T18:53:25.690267Z\",\"thread_id\":\"12\",\"level\":\"info\",\"tag\":\"\",\
         \"file\":\"src/host/run.cpp\",\"number\":\"42\",\"msg\":\"Hangup: \\\"bye\\\"\"}\n"
    );
}

#[test]
fn a_long_place_keeps_its_end_and_the_width() {
    let (text, _) = lines("app", "a/very/long/path/to/some/directory/with/a/file.rs", "x");
    let (preamble, message) = text.split_once("| ").unwrap();
    assert_eq!(message, "x\n");
    let preamble = &preamble["2019-07-19T18:53:25.690267Z        0   ".len()..];
    let place = "a/very/long/path/to/some/directory/with/a/file.rs:42 ";
    assert_eq!(preamble, format!("[info ][app] {}", &place[place.len() - 32..]));
}

#[test]
fn a_message_cannot_forge_a_line() {
    let (text, json) = lines("", "f", "a\r\nb");
    assert!(text.ends_with("| a\\r\\nb\n"), "{text}");
    assert_eq!(json.matches('\n').count(), 1);
}

#[test]
fn dates() {
    for (days, date) in [
        (0, (1970, 1, 1)),
        (58, (1970, 2, 28)),
        (59, (1970, 3, 1)),
        (11_016, (2000, 2, 29)),
        (11_017, (2000, 3, 1)),
        (19_782, (2024, 2, 29)),
        (20_453, (2025, 12, 31)),
        (47_540, (2100, 2, 28)),
        (47_541, (2100, 3, 1)),
    ] {
        assert_eq!(civil_date(days), date, "{days}");
    }
}
