//! Wrong handshakes, hostile frames, and clients that take their time.

use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test]
async fn who_asks_for_a_websocket_wrongly_is_told() {
    let fixture = Fixture::new(|_| {});
    let good = opening("/talk");
    let close = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let cases = [
        ("version 8", good.replace("Version: 13", "Version: 8"), 426),
        ("no version", good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("no key", good.replace("Sec-WebSocket-Key", "X"), 400),
        ("short key", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="), 400),
        ("not base64", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "????"), 400),
        (
            "two keys",
            good.replace("\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            400,
        ),
        ("nobody to talk to", opening("/a"), 200),
        ("forbidden", opening("/forbidden"), 403),
        ("forbidden and wrong", opening("/forbidden").replace("13", "8"), 403),
        ("other protocol", good.replace("websocket", "h2c"), 200),
        ("no option", good.replace(", Upgrade", ""), 200),
        ("POST", good.replace("GET", "POST"), 200),
        ("with a body", good.replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx"), 200),
    ];
    for (name, request, status) in cases {
        let replies = replies(fixture.exchange(format!("{request}{close}").as_bytes()).await);
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses, [status, 200], "{name}");
        if status == 426 {
            let fields =
                ["sec-websocket-version", "upgrade", "connection"].map(|name| replies[0].header(name));
            assert_eq!(fields, [Some("13"), Some("websocket"), Some("upgrade")], "{name}");
        }
    }
    for (name, request) in [
        ("to be closed", good.replace("keep-alive, Upgrade", "close, Upgrade")),
        ("HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0").replace("keep-alive, ", "")),
    ] {
        let replies = replies(fixture.exchange(request.as_bytes()).await);
        assert_eq!((replies.len(), replies[0].status), (1, 200), "{name}");
    }
}

#[tokio::test]
async fn nothing_may_be_sent_behind_the_handshake() {
    let fixture = Fixture::new(|_| {});
    for behind in [text("hello"), b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0x81]] {
        let replies = replies(fixture.exchange(&[opening("/talk").into_bytes(), behind].concat()).await);
        assert_eq!((replies.len(), replies[0].status), (1, 400));
        assert_eq!(replies[0].header("connection"), Some("close"));
    }
    assert_eq!(fixture.interface.metrics.errors().parsing, 3);
    assert!(fixture.echo.stage.ended());
}

#[tokio::test]
async fn hostile_frames_end_it_with_their_code() {
    let fixture = Fixture::new(|settings| settings.limits.max_body_size = 100_000);
    let long = vec![b'x'; 100_001];
    let cases: [(&str, Vec<u8>, u16); 11] = [
        ("reserved bit", vec![0xc1, 0x80], 1002),
        ("unknown opcode", vec![0x83, 0x80], 1002),
        ("unmasked", b"\x81\x05hello".to_vec(), 1002),
        ("ping in pieces", vec![0x09, 0x80], 1002),
        ("long ping", vec![0x89, 0xfe, 1, 0], 1002),
        ("continuation of nothing", frame(0x80, b"x"), 1002),
        ("message in a message", [frame(0x01, b"x"), frame(0x81, b"x")].concat(), 1002),
        ("invalid code", frame(0x88, b"\x03\xec"), 1002),
        ("not UTF-8", frame(0x81, b"\xff"), 1007),
        ("too large", frame(0x81, &long), 1009),
        ("too large in pieces", [frame(0x01, &long[1..]), frame(0x80, b"x")].concat(), 1009),
    ];
    for (name, bytes, code) in cases {
        let mut client = talk(&fixture).await;
        // What was asked for before is answered.
        client.write_all(&[text("before"), bytes].concat()).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(read_text(&mut client).await, "you said before", "{name}");
        assert_eq!(read_close(&mut client).await, code, "{name}");
    }
    let errors = fixture.interface.metrics.errors();
    assert_eq!((errors.parsing, errors.request_payload_too_large), (9, 2));
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn silent_clients_are_asked_and_then_given_up() {
    let fixture = Fixture::new(|settings| settings.timeouts.idle = Some(Duration::from_secs(60)));
    let mut client = talk(&fixture).await;
    let start = Instant::now();
    for round in 1..4 {
        assert_eq!(read_frame(&mut client).await, Some((0x89, Vec::new())));
        assert_eq!(start.elapsed().as_secs(), 30 * round);
        client.write_all(&frame(0x8a, b"")).await.unwrap();
    }
    // No answer now.
    assert_eq!(read_frame(&mut client).await, Some((0x89, Vec::new())));
    assert_eq!(read_frame(&mut client).await, None);
    assert_eq!(start.elapsed().as_secs(), 150);
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn messages_have_to_come_to_an_end() {
    let fixture = Fixture::new(|settings| settings.timeouts.request = Duration::from_secs(45));
    for beginning in [frame(0x01, b"begins"), vec![0x81], text("cut")[..8].to_vec()] {
        let mut client = talk(&fixture).await;
        let start = Instant::now();
        client.write_all(&beginning).await.unwrap();
        while let Some((first, _)) = read_frame(&mut client).await {
            assert_eq!(first, 0x89);
            if beginning.len() > 8 {
                client.write_all(&frame(0x8a, b"")).await.unwrap();
            }
        }
        assert_eq!(start.elapsed().as_secs(), 45);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_do_not_read_are_cut_off() {
    let fixture = Fixture::new(|settings| settings.timeouts.write = Duration::from_secs(5));
    let _client = talk(&fixture).await;
    let stage = &fixture.echo.stage;
    for _ in 0..1000 {
        stage.tell(Ok(vec!["x".repeat(10_000)]));
    }
    sleep(Duration::from_secs(1)).await;
    let left = stage.0.lock().unwrap().events.len();
    assert!((950..1000).contains(&left), "events wait where they are counted: {left}");
    sleep(Duration::from_secs(5)).await;
    assert!(stage.ended());
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_end_its_side_is_not_waited_for_long() {
    let fixture = Fixture::new(|_| {});
    let mut client = talk(&fixture).await;
    let start = Instant::now();
    fixture.stop.send(true).unwrap();
    assert_eq!(read_frame(&mut client).await.unwrap().0, 0x88);
    assert_eq!(read_frame(&mut client).await, None);
    assert_eq!(start.elapsed().as_secs(), 1);
}
