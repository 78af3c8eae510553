//! Slow and silent clients, on a clock that jumps ahead whenever everybody waits.

use tokio::time::{Instant, sleep};

use super::*;

/// Seconds until the server closes, while `client` is left alone.
async fn closes_after(client: &mut Client) -> u64 {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let _ = client.read_to_end(&mut bytes).await;
    assert!(bytes.is_empty(), "closed without an answer");
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn silent_clients_are_closed() {
    let fixture = Fixture::new(|_| {});
    let (mut near, _task) = fixture.open();
    let start = Instant::now();
    let mut bytes = Vec::new();
    near.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10, "no handshake");

    let mut client = fixture.connect().await;
    assert_eq!(closes_after(&mut client).await, 60, "no request");

    let mut client = fixture.connect().await;
    sleep(Duration::from_secs(50)).await;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_replies(&mut client, 1).await;
    assert_eq!(closes_after(&mut client).await, 60, "no second request");
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_idle_timeout_silence_is_allowed() {
    let fixture = Fixture::new(|settings| settings.timeouts.idle = None);
    let mut client = fixture.connect().await;
    sleep(Duration::from_secs(1_000_000)).await;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_replies(&mut client, 1).await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_drip_are_cut_off() {
    let fixture = Fixture::new(|settings| settings.timeouts.request = Duration::from_secs(30));
    let head = "GET / HTTP/1.1\r\n";
    let cases = [
        ("first line", String::new(), "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("fields", head.to_owned(), "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n"),
        ("body", format!("{head}content-length: 100\r\n\r\n"), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (
            "chunks",
            format!("{head}transfer-encoding: chunked\r\n\r\n"),
            "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n",
        ),
    ];
    for (name, start, drip) in cases {
        let mut client = fixture.connect().await;
        // A whole request first, so that the time of the second is what is bounded.
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        read_replies(&mut client, 1).await;
        sleep(Duration::from_secs(20)).await;
        let began = Instant::now();
        let _ = client.write_all(start.as_bytes()).await;
        for byte in drip.bytes() {
            if client.write_all(&[byte]).await.is_err() || client.flush().await.is_err() {
                break;
            }
            if timeout(Duration::from_secs(1), client.read_u8()).await.is_ok() {
                break;
            }
        }
        assert_eq!(began.elapsed().as_secs(), 30, "{name}");
    }
    assert_eq!(fixture.echo.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_owed_answer_is_no_silence() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    client.write_all(b"GET /later HTTP/1.1\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(1000)).await;
    fixture.echo.release("at last");
    assert_eq!(read_replies(&mut client, 1).await[0].text(), "at last");
}

#[tokio::test(start_paused = true)]
async fn clients_that_do_not_read_are_cut_off() {
    let fixture = Fixture::new(|settings| settings.timeouts.write = Duration::from_secs(5));
    let mut client = fixture.connect().await;
    client.write_all(b"GET /large HTTP/1.1\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn http2_connections_are_bounded_in_time_too() {
    let fixture = Fixture::new(|settings| settings.timeouts.request = Duration::from_secs(30));
    let config = || client_config(None, &[b"h2"]);
    // No preface.
    let mut client = fixture.connect_as(config()).await.unwrap();
    assert_eq!(closes_after(&mut client).await, 30);

    // No request.
    let client = fixture.connect_as(config()).await.unwrap();
    let start = Instant::now();
    let (_send, connection) = h2::client::handshake(client).await.unwrap();
    let _ = connection.await;
    assert_eq!(start.elapsed().as_secs(), 60);

    // A body that never ends is reset, the connection lives on.
    let client = fixture.connect_as(config()).await.unwrap();
    let (mut send, connection) = h2::client::handshake(client).await.unwrap();
    tokio::spawn(connection);
    let start = Instant::now();
    let request = || http::Request::post("https://a/").body(()).unwrap();
    let (answer, _body) = send.send_request(request(), false).unwrap();
    let error = answer.await.unwrap_err();
    assert_eq!((error.reason(), start.elapsed().as_secs()), (Some(h2::Reason::CANCEL), 30));
    let (answer, _) = send.send_request(request(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
}
