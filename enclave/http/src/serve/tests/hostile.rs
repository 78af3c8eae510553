//! Requests that must be refused: the exact answer, the connection closed, nothing dispatched.

use super::*;

const SMALL: Limits = Limits {
    max_body_size: 100,
    max_header_size: 64,
    max_headers_count: 8,
    max_concurrent_streams: 100,
    initial_window_size: 64 << 10,
    max_frame_size: 16 << 10,
};

/// Answers: malformed, body too large, header too large.
const BAD: (u16, &str) = (400, "Unable to parse data as a HTTP request. Error message is: ");
const BODY: (u16, &str) = (413, r#"{"error":{"code":"RequestBodyTooLarge","#);
const HEADER: (u16, &str) = (431, r#"{"error":{"code":"RequestHeaderTooLarge","#);

type Case = (&'static str, &'static [u8], (u16, &'static str));

const FIRST_LINES: &[Case] = &[
    ("one byte that is no method", b"\x01", BAD),
    ("four bytes that are no method", b"\x01\x02\x03\x04", BAD),
    ("NUL", b"\0", BAD),
    ("high byte", b"\xff", BAD),
    ("bare line feed first", b"\nGET / HTTP/1.1\r\n\r\n", BAD),
    ("two empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", BAD),
    ("carriage return alone", b"\rGET / HTTP/1.1\r\n\r\n", BAD),
    ("space first", b" GET / HTTP/1.1\r\n\r\n", BAD),
    ("method unknown, unfinished", b"NOTAVERB ", BAD),
    ("method in lower case", b"get / HTTP/1.1\r\n\r\n", BAD),
    ("method TRACE", b"TRACE / HTTP/1.1\r\n\r\n", BAD),
    ("method CONNECT", b"CONNECT a:1 HTTP/1.1\r\n\r\n", BAD),
    ("method with NUL", b"GE\0T / HTTP/1.1\r\n\r\n", BAD),
    ("method longer than ours", b"GETS / HTTP/1.1\r\n\r\n", BAD),
    ("JSON instead of HTTP", b"{\"hello\": \"world\"}", BAD),
    ("TLS record inside TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BAD),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    ("version 42.42, unfinished", b"POST / HTTP/42.42", BAD),
    ("version 2.0", b"POST /node/\xff HTTP/2.0\r\n\r\n", BAD),
    ("version 1.2", b"GET / HTTP/1.2\r\n\r\n", BAD),
    ("version 0.9", b"GET /\r\n\r\n", BAD),
    ("version in lower case", b"GET / http/1.1\r\n\r\n", BAD),
    ("two spaces", b"GET  / HTTP/1.1\r\n\r\n", BAD),
    ("tab for space", b"GET\t/ HTTP/1.1\r\n\r\n", BAD),
    ("space after version", b"GET / HTTP/1.1 \r\n\r\n", BAD),
    ("no target", b"GET HTTP/1.1\r\n\r\n", BAD),
    ("space in target", b"GET /a b HTTP/1.1\r\n\r\n", BAD),
    ("NUL in target", b"GET /a\0b HTTP/1.1\r\n\r\n", BAD),
    ("target not UTF-8", b"GET /a\xffb HTTP/1.1\r\n\r\n", BAD),
    ("fragment in target", b"GET /a#b HTTP/1.1\r\n\r\n", BAD),
    ("target without slash", b"GET a HTTP/1.1\r\n\r\n", BAD),
    ("asterisk target", b"OPTIONS * HTTP/1.1\r\n\r\n", BAD),
    ("absolute target of another scheme", b"GET ftp://a/b HTTP/1.1\r\n\r\n", BAD),
    ("absolute target without authority", b"GET https:///b HTTP/1.1\r\n\r\n", BAD),
    ("bare line feeds", b"GET / HTTP/1.1\n\n", BAD),
    ("bare line feed after first line", b"GET / HTTP/1.1\nhost: a\r\n\r\n", BAD),
    ("carriage return inside first line", b"GET /\r HTTP/1.1\r\n\r\n", BAD),
];

const FIELDS: &[Case] = &[
    ("bare line feed after a field", b"GET / HTTP/1.1\r\nhost: a\n\r\n", BAD),
    ("bare line feed at the end", b"GET / HTTP/1.1\r\nhost: a\r\n\n", BAD),
    ("bare carriage return in a value", b"GET / HTTP/1.1\r\na: b\rc\r\n\r\n", BAD),
    ("folded value", b"GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", BAD),
    ("folded value with tab", b"GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n", BAD),
    ("space first field", b"GET / HTTP/1.1\r\n a: b\r\n\r\n", BAD),
    ("space before colon", b"GET / HTTP/1.1\r\ncontent-length : 1\r\n\r\nx", BAD),
    ("tab before colon", b"GET / HTTP/1.1\r\na\t: b\r\n\r\n", BAD),
    ("no colon", b"GET / HTTP/1.1\r\nab\r\n\r\n", BAD),
    ("empty name", b"GET / HTTP/1.1\r\n: b\r\n\r\n", BAD),
    ("NUL in name", b"GET / HTTP/1.1\r\na\0: b\r\n\r\n", BAD),
    ("high byte in name", b"GET / HTTP/1.1\r\n\xe9: b\r\n\r\n", BAD),
    ("bracket in name", b"GET / HTTP/1.1\r\na[]: b\r\n\r\n", BAD),
    ("NUL in value", b"GET / HTTP/1.1\r\na: b\0c\r\n\r\n", BAD),
    ("escape in value", b"GET / HTTP/1.1\r\na: \x1b[31m\r\n\r\n", BAD),
    ("DEL in value", b"GET / HTTP/1.1\r\na: \x7f\r\n\r\n", BAD),
    ("two hosts", b"GET / HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n", BAD),
    (
        "nine fields",
        b"GET / HTTP/1.1\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n\r\n",
        HEADER,
    ),
    (
        "nine fields, unfinished",
        b"GET / HTTP/1.1\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n",
        HEADER,
    ),
];

const BODIES: &[Case] = &[
    (
        "length and chunked",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    (
        "chunked and length",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    ("lengths that differ", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", BAD),
    ("length twice", b"POST / HTTP/1.1\r\ncontent-length: 1\r\nContent-Length: 1\r\n\r\na", BAD),
    ("list of lengths", b"POST / HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\na", BAD),
    ("signed length", b"POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na", BAD),
    ("negative length", b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", BAD),
    ("hexadecimal length", b"POST / HTTP/1.1\r\ncontent-length: 0x1\r\n\r\na", BAD),
    ("empty length", b"POST / HTTP/1.1\r\ncontent-length:\r\n\r\n", BAD),
    ("length with inner space", b"POST / HTTP/1.1\r\ncontent-length: 1 0\r\n\r\n", BAD),
    ("length over 64 bits", b"POST / HTTP/1.1\r\ncontent-length: 18446744073709551616\r\n\r\n", BODY),
    ("length one over", b"POST / HTTP/1.1\r\ncontent-length: 101\r\n\r\n", BODY),
    ("length far over, on GET", b"GET / HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n", BODY),
    (
        "length far over, asking first",
        b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n",
        BODY,
    ),
    ("coding unknown", b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", BAD),
    ("codings in a list", b"POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BAD),
    ("coding identity", b"POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n", BAD),
    (
        "chunked twice",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    (
        "coding disguised by a control byte",
        b"POST / HTTP/1.1\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    ("chunked by HTTP/1.0", b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    ("chunk size empty", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\r\n", BAD),
    ("chunk size not hexadecimal", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\ng", BAD),
    ("chunk size signed", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n", BAD),
    ("chunk size prefixed", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n", BAD),
    ("chunk size after space", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n 1\r\na\r\n", BAD),
    ("chunk size too long", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n000000001\r\na\r\n", BAD),
    ("chunk extension", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", BAD),
    (
        "chunk size, bare line feed",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
        BAD,
    ),
    (
        "chunk data too long",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        BAD,
    ),
    (
        "chunk data, bare line feed",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
        BAD,
    ),
    ("trailer", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n", BAD),
    ("chunk one over", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n65\r\n", BODY),
    ("chunk of 4 GiB", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n", BODY),
    ("second chunk one over", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n64\r\n", BODY),
];

#[tokio::test]
async fn each_is_refused_exactly_and_nothing_is_dispatched() {
    let fixture = Fixture::new(|settings| settings.limits = SMALL);
    let cases = || FIRST_LINES.iter().chain(FIELDS).chain(BODIES);
    assert!(cases().count() >= 60);
    for (name, bytes, (status, body)) in cases() {
        let replies = replies(fixture.exchange(bytes).await);
        let [reply] = &replies[..] else { panic!("{name}: {replies:?}") };
        assert_eq!(reply.status, *status, "{name}: {reply:?}");
        assert!(reply.text().starts_with(body), "{name}: {reply:?}");
        assert_eq!(reply.header("connection"), Some("close"), "{name}");
        let media_type = if *status == 400 { "text/plain" } else { "application/json" };
        assert_eq!(reply.header("content-type"), Some(media_type), "{name}");
        assert_eq!(fixture.echo.requests(), 0, "{name}");
    }
    let count = |answer| cases().filter(|(.., expected)| *expected == answer).count() as u64;
    let errors = fixture.interface.metrics.errors();
    assert_eq!(errors.parsing, count(BAD));
    assert_eq!(errors.request_payload_too_large, count(BODY));
    assert_eq!(errors.request_header_too_large, count(HEADER));
}

#[tokio::test]
async fn what_was_malformed_is_shown() {
    let fixture = Fixture::new(|_| {});
    for bytes in [&b"NOTAVERB "[..], b"POST / HTTP/42.42", b"\x01\xff", b"GET /node/state\0HTTP/1.1\r\n\r\n"]
    {
        let replies = replies(fixture.exchange(bytes).await);
        assert!(replies[0].body.ends_with(&[b"\nError occurred while parsing fragment:\n", bytes].concat()));
    }
}

#[tokio::test]
async fn every_corruption_of_a_request_without_host_is_answered() {
    let fixture = Fixture::new(|_| {});
    let good = b"GET /node/state HTTP/1.1\r\n\r\n";
    for place in 0..good.len() - 1 {
        for byte in [0, 1, good[place].wrapping_add(128)] {
            let mut bad = good.to_vec();
            bad[place] = byte;
            let replies = replies(fixture.exchange(&bad).await);
            assert_eq!(replies.len(), 1, "{place} {byte}");
            assert_eq!(replies[0].status, 400, "{place} {byte}");
            assert!(replies[0].body.ends_with(&bad), "{place} {byte}");
        }
    }
}

#[tokio::test]
async fn requests_before_a_bad_one_are_answered_first() {
    let fixture = Fixture::new(|_| {});
    let bytes = b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nNONSENSE\r\n\r\nGET /c HTTP/1.1\r\n\r\n";
    let replies = replies(fixture.exchange(bytes).await);
    let seen: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(seen, [200, 200, 400]);
    assert_eq!(fixture.echo.requests(), 2);
}
