//! Limits of HTTP/1.1, exact to the byte.

use super::*;

/// Status of the answer to `request`, which closes.
async fn status(fixture: &Fixture, request: &[u8]) -> (u16, String) {
    let replies = replies(fixture.exchange(request).await);
    assert_eq!(replies.len(), 1);
    (replies[0].status, replies[0].text())
}

fn message(text: &str, code: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{text}"}}}}"#)
}

#[tokio::test]
async fn bodies() {
    for max in [0, 1, 1000, 1 << 20] {
        let fixture = Fixture::new(|settings| settings.limits.max_body_size = max);
        for (size, expected) in
            [(max, 200), (max + 1, 413), (max + 10, 413), (max * 2 + 2, 413), (max * 20 + 20, 413)]
        {
            let body = vec![b'X'; size];
            let plain = format!("GET / HTTP/1.1\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
            let (got, text) = status(&fixture, &[plain.as_bytes(), &body].concat()).await;
            assert_eq!(got, expected, "{size} of {max}");
            if expected == 413 {
                let allowed = format!("HTTP request body is too large (max size allowed: {max})");
                assert_eq!(text, message(&allowed, "RequestBodyTooLarge"));
            }
            let head = "GET / HTTP/1.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut chunked = head.as_bytes().to_vec();
            for chunk in body.chunks(1 + max / 3) {
                chunked.extend([format!("{:X}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            }
            chunked.extend_from_slice(b"0\r\n\r\n");
            assert_eq!(status(&fixture, &chunked).await.0, expected, "{size} of {max} in chunks");
        }
    }
}

#[tokio::test]
async fn names_and_values() {
    for max in [16, 1000, 16 << 10] {
        let fixture = Fixture::new(|settings| settings.limits.max_header_size = max);
        for size in [max / 2, max - 1, max, max + 1, max + 10, max * 2, max * 20, max * 200] {
            let long = "X".repeat(size);
            let value = format!("GET / HTTP/1.1\r\nconnection: close\r\nSome-Header:  {long} \r\n\r\n");
            let (got, text) = status(&fixture, value.as_bytes()).await;
            assert_eq!(got, if size > max { 431 } else { 200 }, "value of {size} of {max}");
            if size > max {
                let allowed =
                    format!("Header value for 'some-header' is too large (max size allowed: {max})");
                assert_eq!(text, message(&allowed, "RequestHeaderTooLarge"));
            }
            let name = format!("GET / HTTP/1.1\r\nconnection: close\r\n{long}: value\r\n\r\n");
            let (got, text) = status(&fixture, name.as_bytes()).await;
            assert_eq!(got, if size > max { 431 } else { 200 }, "name of {size} of {max}");
            if size > max {
                let start = "x".repeat(size.min(64));
                let allowed = format!("Header key for '{start}' is too large (max size allowed: {max})");
                assert_eq!(text, message(&allowed, "RequestHeaderTooLarge"));
            }
        }
    }
}

#[tokio::test]
async fn counts() {
    for max in [1, 31, 32, 33, 256] {
        let fixture = Fixture::new(|settings| settings.limits.max_headers_count = max);
        for count in [max, max + 1, max + 10, max * 20] {
            let more: String = (1..count).map(|n| format!("header-{n}: {n}\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\nconnection: close\r\n{more}\r\n");
            let (got, text) = status(&fixture, request.as_bytes()).await;
            assert_eq!(got, if count > max { 431 } else { 200 }, "{count} of {max}");
            if count > max {
                let allowed = format!("Too many headers (max number allowed: {max})");
                assert_eq!(text, message(&allowed, "RequestHeaderTooLarge"));
            }
        }
    }
}

#[tokio::test]
async fn whole_heads() {
    let fixture = Fixture::new(|settings| settings.limits.max_header_size = 4 << 10);
    let max = 64 << 10;
    let start = "GET / HTTP/1.1\r\nconnection: close\r\n";
    let full = format!("a: {}\r\n", "x".repeat(4091));
    for (size, expected) in [(max - 1, 200), (max, 200), (max + 1, 431), (max * 2, 431)] {
        let mut head = start.to_owned();
        while head.len() + full.len() + 7 <= size {
            head += &full;
        }
        let rest = size - head.len() - "b: \r\n\r\n".len();
        let (first, second) = (rest.min(4000), rest.saturating_sub(4000 + "c: \r\n".len()));
        head += &format!("b: {}\r\n", "y".repeat(first));
        if second > 0 {
            head += &format!("c: {}\r\n", "z".repeat(second));
        }
        head += "\r\n";
        assert_eq!(head.len(), size);
        assert_eq!(status(&fixture, head.as_bytes()).await.0, expected, "{size}");
    }
    // A target counts as part of the head.
    let request = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(max));
    assert_eq!(status(&fixture, request.as_bytes()).await.0, 431);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let field = format!("a: {}\r\n", "x".repeat(10_000));
    let mut sent = 0;
    while sent < 300 << 10 {
        if client.write_all(field.as_bytes()).await.is_err() {
            break;
        }
        sent += field.len();
    }
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.ok();
    assert_eq!(replies(bytes)[0].status, 431);
}
