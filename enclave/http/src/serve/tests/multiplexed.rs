//! HTTP/2: streams, limits, refusals.

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Fixture {
    async fn connect_http2(&self) -> SendRequest<Bytes> {
        let client = self.connect_as(client_config(None, &[b"h2"])).await.unwrap();
        let mut builder = h2::client::Builder::new();
        let (send, connection) = builder
            .max_header_list_size(1 << 20)
            .initial_window_size(8 << 20)
            .initial_connection_window_size(8 << 20)
            .handshake(client)
            .await
            .unwrap();
        tokio::spawn(connection);
        send.ready().await.unwrap()
    }

    /// All that comes back for raw `bytes` by HTTP/2 until the server closes.
    async fn exchange_http2(&self, bytes: &[u8]) -> Vec<u8> {
        let mut client = self.connect_as(client_config(None, &[b"h2"])).await.unwrap();
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        let mut all = Vec::new();
        timeout(Duration::from_secs(30), client.read_to_end(&mut all)).await.expect("the server closes").ok();
        all
    }
}

/// One request; status, header fields and body of its answer.
async fn ask(
    send: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Bytes,
) -> (u16, http::HeaderMap, Vec<u8>) {
    let (answer, mut stream) = send.send_request(request, body.is_empty()).unwrap();
    if !body.is_empty() {
        // The server may refuse it before it is all sent.
        let _ = stream.send_data(body, true);
    }
    let (head, mut stream) = answer.await.unwrap().into_parts();
    let mut all = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    (head.status.as_u16(), head.headers, all)
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("https://a{path}")).body(()).unwrap()
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("https://a{path}")).body(()).unwrap()
}

#[tokio::test]
async fn streams_are_answered() {
    let fixture = Fixture::new(|_| {});
    let mut send = fixture.connect_http2().await;
    let (status, headers, body) = ask(&mut send, get("/a?b"), Bytes::new()).await;
    assert_eq!((status, body.as_slice()), (200, &b"GET /a?b 0"[..]));
    assert_eq!(headers["content-length"], "10");
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["x-ms-ccf-transaction-id"], "2.7");
    assert_eq!(headers.len(), 3);

    let (_, _, body) = ask(&mut send, post("/p"), Bytes::from(vec![b'x'; 100_000])).await;
    assert_eq!(body, b"POST /p 100000");
    let (_, _, body) = ask(&mut send, get("/large"), Bytes::new()).await;
    assert_eq!(body.len(), 3 << 20);
    let (status, headers, body) = ask(&mut send, get("/empty"), Bytes::new()).await;
    assert_eq!((status, headers.len(), body.len()), (204, 0, 0));
    let head = Request::head("https://a/a").body(()).unwrap();
    let (status, headers, body) = ask(&mut send, head, Bytes::new()).await;
    assert_eq!((status, &headers["content-length"], body.len()), (200, &http::HeaderValue::from(9), 0));
    assert_eq!(ask(&mut send, get("/abandoned"), Bytes::new()).await.0, 500);
    assert_eq!(ask(&mut send, get("/split"), Bytes::new()).await.0, 500);
}

#[tokio::test]
async fn streams_do_not_wait_for_each_other() {
    let fixture = Fixture::new(|_| {});
    let mut send = fixture.connect_http2().await;
    let (slow, _) = send.send_request(get("/later"), true).unwrap();
    let (_, _, body) = ask(&mut send, get("/quick"), Bytes::new()).await;
    assert_eq!(body, b"GET /quick 0");
    fixture.echo.release("slow");
    assert_eq!(slow.await.unwrap().status(), 200);
}

#[tokio::test]
async fn streams_that_arrive_together_are_one_batch() {
    let fixture = Fixture::new(|_| {});
    let mut send = fixture.connect_http2().await;
    let answers: Vec<_> = (0..50).map(|_| send.send_request(get("/"), true).unwrap().0).collect();
    for answer in answers {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    let batches = fixture.echo.batches.lock().unwrap();
    assert!(batches.len() < 25 && batches.iter().sum::<usize>() == 50, "{batches:?}");
}

#[tokio::test]
async fn limits_are_exact() {
    let limits =
        Limits { max_body_size: 1000, max_header_size: 1000, max_headers_count: 20, ..Limits::default() };
    let fixture = Fixture::new(|settings| settings.limits = limits);
    let mut send = fixture.connect_http2().await;
    let code = |body: &[u8], code: &str| assert!(String::from_utf8_lossy(body).contains(code));
    for (size, expected) in [(999, 200), (1000, 200), (1001, 413), (50_000, 413)] {
        let (status, _, body) = ask(&mut send, post("/"), Bytes::from(vec![0; size])).await;
        assert_eq!(status, expected, "body of {size}");
        if status == 413 {
            code(
                &body,
                r#""code":"RequestBodyTooLarge","message":"HTTP request body is too large (max size allowed: 1000)""#,
            );
        }
    }
    let mut announced = post("/");
    announced.headers_mut().insert("content-length", 1001.into());
    let (answer, _stream) = send.send_request(announced, false).unwrap();
    assert_eq!(answer.await.unwrap().status(), 413, "before the body is sent");
    for (size, expected) in [(999, 200), (1000, 200), (1001, 431), (2000, 431), (20_000, 431)] {
        let long = "x".repeat(size);
        let mut request = get("/");
        request.headers_mut().insert("some-header", long.parse().unwrap());
        let (status, _, body) = ask(&mut send, request, Bytes::new()).await;
        assert_eq!(status, expected, "value of {size}");
        if status == 431 {
            code(
                &body,
                r#""code":"RequestHeaderTooLarge","message":"Header value for 'some-header' is too large (max size allowed: 1000)""#,
            );
        }
        let mut request = get("/");
        request.headers_mut().insert(http::HeaderName::try_from(long).unwrap(), "value".parse().unwrap());
        assert_eq!(ask(&mut send, request, Bytes::new()).await.0, expected, "name of {size}");
    }
    // Method, scheme, authority and path count.
    for (count, expected) in [(19, 200), (20, 200), (21, 431), (400, 431)] {
        let mut request = get("/");
        for n in 4..count {
            request
                .headers_mut()
                .insert(http::HeaderName::try_from(format!("header-{n}")).unwrap(), n.into());
        }
        assert_eq!(ask(&mut send, request, Bytes::new()).await.0, expected, "{count} fields");
    }
    let errors = fixture.interface.metrics.errors();
    let counts = (errors.parsing, errors.request_payload_too_large, errors.request_header_too_large);
    assert_eq!(counts, (0, 3, 8));
}

#[tokio::test]
async fn heads_far_over_the_limit_are_refused_by_the_library() {
    let fixture = Fixture::new(|settings| settings.limits.max_header_size = 1000);
    let mut send = fixture.connect_http2().await;
    let mut request = get("/");
    for n in 0..20 {
        let name = http::HeaderName::try_from(format!("header-{n}")).unwrap();
        request.headers_mut().insert(name, "x".repeat(5000).parse().unwrap());
    }
    let (answer, _) = send.send_request(request, true).unwrap();
    assert!(answer.await.map_or(true, |answer| answer.status() == 431));
    assert_eq!(fixture.echo.requests(), 0);
}

#[tokio::test]
async fn methods_and_targets_are_ours() {
    let fixture = Fixture::new(|_| {});
    let mut send = fixture.connect_http2().await;
    let trace = Request::builder().method("TRACE").uri("https://a/").body(()).unwrap();
    assert_eq!(ask(&mut send, trace, Bytes::new()).await.0, 400);
    assert_eq!((fixture.interface.metrics.errors().parsing, fixture.echo.requests()), (1, 0));
}

#[tokio::test]
async fn what_is_not_http2_is_closed_without_an_answer() {
    let fixture = Fixture::new(|settings| settings.protocol = AppProtocol::Http2);
    let cases: [&[u8]; 5] = [
        b"\x01",
        b"NOTAVERB ",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
        b"PRI * HTTP/2.1",
    ];
    for bytes in cases {
        assert!(fixture.exchange(bytes).await.is_empty(), "{bytes:?}");
    }
    assert_eq!(fixture.interface.metrics.errors().parsing, cases.len() as u64);
}

/// A frame of RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The error code of the GOAWAY frame among `bytes`.
fn go_away(mut bytes: &[u8]) -> Option<u32> {
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let payload = bytes.get(9..9 + length)?;
        if bytes[3] == 7 {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = &bytes[9 + length..];
    }
    None
}

#[tokio::test]
async fn broken_frames_end_the_connection() {
    let fixture = Fixture::new(|_| {});
    let start = [PREFACE, &frame(4, 0, 0, &[])].concat();
    let get = [0x82, 0x87, 0x84];
    // Where the RFC names another code, the library says PROTOCOL_ERROR.
    let (protocol, flow, size) = (1, 3, 6);
    let cases: [(&str, Vec<u8>, u32); 8] = [
        ("frame too large", frame(0, 0, 1, &[0; 16385]), size),
        ("data on no stream", frame(0, 0, 0, b"x"), protocol),
        ("data on an idle stream", frame(0, 0, 1, b"x"), protocol),
        ("even stream", frame(1, 5, 2, &get), protocol),
        ("header block of nonsense", frame(1, 5, 1, &[0xff; 8]), protocol),
        ("settings of wrong size", frame(4, 0, 0, &[0; 5]), protocol),
        (
            "window too large",
            [frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat(),
            flow,
        ),
        (
            "another frame inside a header block",
            [frame(1, 1, 1, &get), frame(6, 0, 0, &[0; 8])].concat(),
            protocol,
        ),
    ];
    for (name, frames, code) in cases {
        let before = fixture.interface.metrics.errors().parsing;
        let answer = fixture.exchange_http2(&[start.clone(), frames].concat()).await;
        assert_eq!(go_away(&answer), Some(code), "{name}");
        assert_eq!(fixture.interface.metrics.errors().parsing, before + 1, "{name}");
    }
    assert_eq!(fixture.echo.requests(), 0);
}

#[tokio::test]
async fn streams_reset_at_once_do_not_buy_work() {
    let fixture = Fixture::new(|_| {});
    let mut bytes = [PREFACE, &frame(4, 0, 0, &[])].concat();
    for n in 0..5000 {
        let stream = 2 * n + 1;
        bytes.extend(frame(1, 5, stream, &[0x82, 0x87, 0x84]));
        bytes.extend(frame(3, 0, stream, &8u32.to_be_bytes()));
    }
    let enhance_your_calm = 11;
    assert_eq!(go_away(&fixture.exchange_http2(&bytes).await), Some(enhance_your_calm));
    assert!(fixture.echo.requests() < 1000, "{}", fixture.echo.requests());
}

#[tokio::test]
async fn a_header_block_that_never_ends_is_cut_off() {
    let fixture = Fixture::new(|_| {});
    let mut bytes = [PREFACE, &frame(4, 0, 0, &[]), &frame(1, 1, 1, &[0x82, 0x87, 0x84])].concat();
    // A literal field of 1000 bytes, again and again.
    let field = [&[0, 1, b'a', 0x7f, 0xe9, 0x06][..], &[b'x'; 1000]].concat();
    for _ in 0..2000 {
        bytes.extend(frame(9, 0, 1, &field));
    }
    assert!(go_away(&fixture.exchange_http2(&bytes).await).is_some());
    assert_eq!(fixture.echo.requests(), 0);
}

#[tokio::test]
async fn bodies_in_arrival_are_bounded_in_sum() {
    let fixture = Fixture::new(|settings| settings.limits.initial_window_size = 1 << 20);
    let mut send = fixture.connect_http2().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let (answer, mut stream) = send.send_request(post("/"), false).unwrap();
        stream.send_data(vec![0; 1 << 20].into(), false).unwrap();
        streams.push((answer, stream));
    }
    let refused = |error: &h2::Error| error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let (last, _stream) = streams.pop().unwrap();
    assert!(refused(&last.await.unwrap_err()));
    // The oldest can still be finished.
    let (first, mut stream) = streams.remove(0);
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(first.await.unwrap().status(), 200);
}

#[tokio::test]
async fn closing_is_announced() {
    let fixture = Fixture::new(|settings| settings.caps.soft = 1);
    let mut send = fixture.connect_http2().await;
    let mut second = fixture.connect_http2().await;
    let (status, _, body) = ask(&mut second, get("/"), Bytes::new()).await;
    assert_eq!(status, 503);
    assert!(String::from_utf8_lossy(&body).contains("SessionCapExhausted"));
    let ended = async {
        while second.clone().ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), ended).await.unwrap();

    let (slow, _) = send.send_request(get("/later"), true).unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.stop.send(true).unwrap();
    fixture.echo.release("done");
    assert_eq!(slow.await.unwrap().status(), 200);
    while fixture.interface.metrics.sessions.active() > 0 {
        tokio::task::yield_now().await;
    }
}
