//! Sessions that go well: order, pipelining, bodies, closing, caps.

use super::*;

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    for _ in 0..3 {
        client
            .write_all(b"POST /app/log?id=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            .await
            .unwrap();
        let reply = read_replies(&mut client, 1).await.remove(0);
        assert_eq!((reply.status, reply.text().as_str()), (200, "POST /app/log?id=1 5"));
        let headers: Vec<_> =
            reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("content-length", "20"), ("content-type", "text/plain"), ("x-ms-ccf-transaction-id", "2.7")];
        assert_eq!(headers, expected);
    }
}

#[tokio::test]
async fn pipelined_requests_are_one_batch_and_answered_in_order() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    let bytes: String = (0..8).map(|n| format!("GET /{n} HTTP/1.1\r\n\r\n")).collect();
    client.write_all(bytes.as_bytes()).await.unwrap();
    let replies = read_replies(&mut client, 8).await;
    for (n, reply) in replies.iter().enumerate() {
        assert_eq!(reply.text(), format!("GET /{n} 0"));
    }
    assert_eq!(*fixture.echo.batches.lock().unwrap(), [8]);
}

#[tokio::test]
async fn batches_are_bounded() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    let bytes = "GET / HTTP/1.1\r\n\r\n".repeat(500);
    client.write_all(bytes.as_bytes()).await.unwrap();
    read_replies(&mut client, 500).await;
    let batches = fixture.echo.batches.lock().unwrap();
    assert!(batches.iter().all(|size| *size <= 64) && batches.contains(&64), "{batches:?}");
}

#[tokio::test]
async fn later_answers_keep_their_place_and_do_not_stop_reading() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all(b"GET /later HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n").await.unwrap();
    while fixture.echo.requests() < 2 {
        tokio::task::yield_now().await;
    }
    client.write_all(b"GET /later HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").await.unwrap();
    while fixture.echo.requests() < 4 {
        tokio::task::yield_now().await;
    }
    fixture.echo.release("first");
    let replies = read_replies(&mut client, 2).await;
    assert_eq!((replies[0].text().as_str(), replies[1].text().as_str()), ("first", "GET /1 0"));
    fixture.echo.release("second");
    let replies = read_replies(&mut client, 2).await;
    assert_eq!((replies[0].text().as_str(), replies[1].text().as_str()), ("second", "GET /2 0"));
}

#[tokio::test]
async fn owed_answers_are_bounded() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all("GET /later HTTP/1.1\r\n\r\n".repeat(100).as_bytes()).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.echo.waits(), 64);
    for _ in 0..100 {
        while fixture.echo.waits() == 0 {
            tokio::task::yield_now().await;
        }
        fixture.echo.release("x");
    }
    read_replies(&mut client, 100).await;
}

#[tokio::test]
async fn connections_close_when_either_side_asks() {
    let fixture = Fixture::new(|_| {});
    let cases: [(&str, &[u8], &[u16]); 9] = [
        ("close", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n", &[200]),
        ("close among options", b"GET / HTTP/1.1\r\nConnection: upgrade, Close\r\n\r\n", &[200]),
        ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", &[200]),
        (
            "HTTP/1.0 kept",
            b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            &[200, 200],
        ),
        (
            "dispatcher",
            b"GET /a HTTP/1.1\r\n\r\nGET /close HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            &[200, 200],
        ),
        ("absolute form", b"GET http://a:80/b?c HTTP/1.1\r\nConnection: close\r\n\r\n", &[200]),
        ("empty line first", b"\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n", &[200]),
        ("abandoned", b"GET /abandoned HTTP/1.1\r\nConnection: close\r\n\r\n", &[500]),
        ("header injection", b"GET /split HTTP/1.1\r\nConnection: close\r\n\r\n", &[500]),
    ];
    for (name, bytes, expected) in cases {
        let got: Vec<_> = replies(fixture.exchange(bytes).await).iter().map(|reply| reply.status).collect();
        assert_eq!(got, expected, "{name}");
    }
}

#[tokio::test]
async fn bodies_are_left_out_where_there_are_none() {
    let fixture = Fixture::new(|_| {});
    let mut bytes =
        fixture.exchange(b"HEAD /a HTTP/1.1\r\n\r\nGET /empty HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    let head = take_reply(&mut bytes, true).unwrap();
    assert_eq!(head.header("content-length"), Some("9"));
    let empty = take_reply(&mut bytes, false).unwrap();
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let fixture = Fixture::new(|_| {});
    let bytes = fixture
        .exchange(b"GET /large HTTP/1.1\r\n\r\nGET /large HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await;
    let replies = replies(bytes);
    assert_eq!(replies.iter().map(|reply| reply.body.len()).collect::<Vec<_>>(), [3 << 20; 2]);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_continue() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await.unwrap();
    let mut interim = vec![0; 25];
    client.read_exact(&mut interim).await.unwrap();
    assert_eq!(interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").await.unwrap();
    assert_eq!(read_replies(&mut client, 1).await[0].text(), "PUT / 4");
    // One that does not wait is not told.
    client
        .write_all(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        .await
        .unwrap();
    assert_eq!(read_replies(&mut client, 1).await[0].text(), "PUT / 4");
}

#[tokio::test]
async fn a_client_that_ended_its_side_still_gets_its_answers() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all(b"GET /later HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\nGET /unfin").await.unwrap();
    client.shutdown().await.unwrap();
    while fixture.echo.requests() < 2 {
        tokio::task::yield_now().await;
    }
    fixture.echo.release("late");
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(replies(bytes).iter().map(Reply::text).collect::<Vec<_>>(), ["late", "GET /1 0"]);
}

#[tokio::test]
async fn stopping_finishes_what_was_asked() {
    let fixture = Fixture::new(|_| {});
    let (mut idle, mut busy) = (fixture.connect().await, fixture.connect().await);
    busy.write_all(b"GET /later HTTP/1.1\r\n\r\n").await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.stop.send(true).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(idle.read_to_end(&mut bytes).await.unwrap(), 0);
    fixture.echo.release("done");
    busy.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(replies(bytes)[0].text(), "done");
}

#[tokio::test]
async fn caps_are_exact_and_counted() {
    let fixture = Fixture::new(|settings| settings.caps = SessionCaps { soft: 2, hard: 3 });
    let sessions = &fixture.interface.metrics.sessions;
    let (mut first, second) = (fixture.connect().await, fixture.connect().await);
    let mut third = fixture.connect().await;
    assert_eq!((sessions.active(), sessions.peak()), (3, 3));
    // Over the hard cap: dropped before the handshake.
    assert!(fixture.connect_as(client_config(None, &[])).await.is_err());
    // Over the soft cap: told so, then closed.
    third.write_all(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    third.read_to_end(&mut bytes).await.unwrap();
    let refused = replies(bytes);
    let expected = r#"{"error":{"code":"SessionCapExhausted","message":"Service is currently busy and unable to serve new connections"}}"#;
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].status, refused[0].text().as_str()), (503, expected));
    drop(third);
    // Places are given back.
    first.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(read_replies(&mut first, 1).await[0].status, 200);
    drop((first, second));
    while sessions.active() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(replies(fixture.exchange(b"GET / HTTP/1.0\r\n\r\n").await)[0].status, 200);
    assert_eq!(sessions.peak(), 3);
}

#[tokio::test]
async fn nothing_is_accepted_before_there_is_a_certificate() {
    let mut fixture = Fixture::new(|_| {});
    let slot = Arc::new(CertificateSlot::default());
    let settings = fixture.interface.settings.clone();
    let interface = Interface::new(settings, Arc::clone(&slot), Arc::default(), fixture.stop.subscribe());
    fixture.interface = Arc::new(interface);
    assert!(fixture.connect_as(client_config(None, &[])).await.is_err());
    install(&slot, "late");
    fixture.connect().await;
}

#[tokio::test]
async fn an_unsecured_interface_speaks_in_the_clear_and_knows_nobody() {
    let fixture = Fixture::new(|settings| settings.transport = Transport::Plain);
    let (mut client, served) = fixture.open();
    client.write_all(b"GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&bytes));
    served.await.unwrap();
}

#[tokio::test]
async fn an_interface_for_http2_closes_on_who_speaks_http1() {
    let fixture = Fixture::new(|settings| settings.protocol = AppProtocol::Http2);
    let mut client = fixture.connect_as(client_config(None, &[b"http/1.1"])).await.unwrap();
    let mut bytes = Vec::new();
    // The end may come as a TLS alert or as the end of the stream.
    drop(client.read_to_end(&mut bytes).await);
    assert!(bytes.is_empty());
    assert_eq!(fixture.echo.requests(), 0);
}
