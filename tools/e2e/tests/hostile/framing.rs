//! What is no HTTP, or too much of it.

use crate::{Case, Expected, Who, json_request, request};

/// CCF answers these by text, without an error code.
const BAD: Expected = (400, "");
const BODY: Expected = (413, "RequestBodyTooLarge");
const HEAD: Expected = (431, "RequestHeaderTooLarge");

/// Limits that a node has unless configured.
const MAX_BODY: usize = 1 << 20;
const MAX_HEADER: usize = 16 << 10;
const MAX_HEADERS: usize = 256;

pub(crate) fn cases() -> Vec<Case> {
    let good = json_request("POST /app/log/private", r#"{"id":7,"msg":"x"}"#);
    let smuggled = |head: &str| [head.as_bytes(), b"\r\n0\r\n\r\n", &good].concat();
    let line = "POST /app/log/private HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\n";
    let body = "\r\n{\"id\":7,\"msg\":\"x\"}";
    let with = |fields: &str| format!("{line}{fields}{body}").into_bytes();
    let first = |line: &str| format!("{line}\r\nhost: node\r\ncontent-length: 18\r\n{body}").into_bytes();
    let table = [
        (
            "length and chunked, a write behind",
            smuggled(&format!("{line}content-length: 5\r\ntransfer-encoding: chunked\r\n")),
        ),
        (
            "chunked and length, a write behind",
            smuggled(&format!("{line}transfer-encoding: chunked\r\ncontent-length: 5\r\n")),
        ),
        ("two lengths", with("content-length: 18\r\ncontent-length: 17\r\n")),
        ("the same length twice", with("content-length: 18\r\ncontent-length: 18\r\n")),
        ("list of lengths", with("content-length: 18, 18\r\n")),
        ("length with a sign", with("content-length: +18\r\n")),
        ("coding that is unknown", with("transfer-encoding: gzip\r\n")),
        ("coding that hides", with("transfer-encoding: \x0bchunked\r\n")),
        ("two codings", with("transfer-encoding: gzip, chunked\r\n")),
        ("chunk of no size", with("transfer-encoding: chunked\r\n")),
        (
            "chunk with an extension",
            format!("{line}transfer-encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n").into(),
        ),
        (
            "chunk of another length",
            format!("{line}transfer-encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n").into(),
        ),
        ("trailer", format!("{line}transfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n").into()),
        ("folded field", with("a: b\r\n c\r\ncontent-length: 18\r\n")),
        ("space before the colon", with("content-length : 18\r\n")),
        (
            "bare line feeds",
            String::from_utf8(with("content-length: 18\r\n")).unwrap().replace("\r\n", "\n").into(),
        ),
        ("NUL in a value", with("a: b\0c\r\ncontent-length: 18\r\n")),
        ("field without colon", with("nonsense\r\ncontent-length: 18\r\n")),
        ("two hosts", with("host: other\r\ncontent-length: 18\r\n")),
        ("version 2.0", first("POST /app/log/private HTTP/2.0")),
        ("version 0.9", b"GET /node/state\r\n\r\n".to_vec()),
        ("method that is none", first("WRITE /app/log/private HTTP/1.1")),
        ("method in small letters", first("post /app/log/private HTTP/1.1")),
        ("tunnel", b"CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n".to_vec()),
        ("NUL in the target", first("POST /app/log/private\0 HTTP/1.1")),
        ("TLS inside of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
    ];
    let mut cases: Vec<Case> =
        table.into_iter().map(|(name, bytes)| Case { name, who: Who::User, bytes, expected: BAD }).collect();
    cases.extend(limits(line));
    cases
}

fn limits(line: &str) -> Vec<Case> {
    let long = "x".repeat(MAX_HEADER + 1);
    let over = vec![b' '; MAX_BODY + 1];
    let chunk = format!("{line}transfer-encoding: chunked\r\n\r\n{:x}\r\n", MAX_BODY + 1);
    let huge = format!("{line}content-length: 99999999999999999999\r\n\r\n");
    let many: Vec<_> = (0..MAX_HEADERS).map(|_| ("a", "b")).collect();
    let wide = "y".repeat(MAX_HEADER - 100);
    let heavy: Vec<_> = (0..20).map(|_| ("a", wide.as_str())).collect();
    let post = |headers: &[(&str, &str)]| request("POST /app/log/private", headers, br#"{"id":7,"msg":"x"}"#);
    let table = [
        ("body one byte over", request("POST /app/log/private", &[], &over), BODY),
        ("chunk one byte over", chunk.into_bytes(), BODY),
        ("length over 64 bits", huge.into_bytes(), BODY),
        ("value one byte over", post(&[("a", &long)]), HEAD),
        ("name one byte over", post(&[(&long, "b")]), HEAD),
        ("too many fields", post(&many), HEAD),
        ("fields of 320 KiB", post(&heavy), HEAD),
        ("target of 320 KiB", request(&format!("GET /{}", "z".repeat(320 << 10)), &[], b""), HEAD),
    ];
    table.into_iter().map(|(name, bytes, expected)| Case { name, who: Who::User, bytes, expected }).collect()
}
