use super::{Request, Requests};
use crate::plan::{Follow, Mode, Plan, Table};

fn text(plan: &Plan, request: Request) -> String {
    let mut out = Vec::new();
    Requests::new(plan, "localhost:1", 0).encode(request, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn bytes_of_each_request() {
    let plan = Plan { value: 3, table: Table::Public, ..Plan::default() };
    assert_eq!(
        text(&plan, Request::Read(7)),
        "GET /app/log/public?id=7 HTTP/1.1\r\nhost: localhost:1\r\n\r\n"
    );
    for key in [0, 9, 10, 99, 100, u64::MAX] {
        let written = text(&plan, Request::Write(key));
        let (head, body) = written.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /app/log/public HTTP/1.1\r\n"), "{head}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head} {body}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["id"], key);
        assert_eq!(json["msg"].as_str().unwrap().len(), 3);
    }
}

#[test]
fn a_batch_is_spread_over_the_keys_and_the_same_from_one_seed() {
    let plan = Plan { value: 3, batch: 1_000, keys: 10, ..Plan::default() };
    let mut requests = Requests::new(&plan, "localhost:1", 0);
    let drawn = requests.draw();
    assert!(matches!(drawn, Request::WriteBatch(_)), "{drawn:?}");
    assert_ne!(drawn, requests.draw());
    let written = text(&plan, drawn);
    assert_eq!(written, text(&plan, drawn));
    let (head, body) = written.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /app/log/private/batch HTTP/1.1\r\n"), "{head}");
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    let records: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
    assert_eq!(records.len(), 1_000);
    for key in 0..10 {
        let hits = records.iter().filter(|record| record["id"] == key).count();
        assert!((50..150).contains(&hits), "key {key}: {hits}");
    }
}

#[test]
fn waiting_is_asked_for_in_a_header() {
    let plan = Plan { mode: Mode::Commit(Follow::Wait { seconds: 4 }), ..Plan::default() };
    assert!(text(&plan, Request::Write(1)).contains("\r\nprefer: wait=4\r\n"));
}

#[test]
fn both_protocols_send_the_same() {
    let requests = Requests::new(&Plan { batch: 3, ..Plan::default() }, "localhost:1", 3);
    for (request, path) in
        [(Request::Write(5), "/app/log/private"), (Request::WriteBatch(5), "/app/log/private/batch")]
    {
        let mut out = Vec::new();
        requests.encode(request, &mut out);
        let (head, body) = requests.head(request).unwrap();
        assert!(out.ends_with(&body.unwrap()));
        assert_eq!((head.method().as_str(), head.uri().path()), ("POST", path));
    }
    let (head, body) = requests.head(Request::Read(5)).unwrap();
    assert_eq!((head.uri().query(), body), (Some("id=5"), None));
}

#[test]
fn draws_are_reproducible_spread_and_in_range() {
    let plan = Plan { mode: Mode::Mixed, reads: 0.25, keys: 10, ..Plan::default() };
    let draw = |number: usize| {
        let mut requests = Requests::new(&plan, "localhost:1", number);
        (0..4_000).map(|_| requests.draw()).collect::<Vec<_>>()
    };
    let drawn = draw(0);
    assert_eq!(drawn, draw(0));
    assert_ne!(drawn, draw(1));
    let reads = drawn.iter().filter(|request| matches!(request, Request::Read(_))).count();
    assert!((850..1_150).contains(&reads), "{reads} reads of 4000");
    for key in 0..10 {
        let hits =
            drawn.iter().filter(|r| matches!(r, Request::Read(k) | Request::Write(k) if *k == key)).count();
        assert!((250..550).contains(&hits), "key {key}: {hits}");
    }
}

#[test]
fn shares_at_the_ends() {
    for (mode, expected) in [(Mode::Write, 0), (Mode::Read, 1_000)] {
        let mut requests = Requests::new(&Plan { mode, ..Plan::default() }, "localhost:1", 0);
        let reads = (0..1_000).filter(|_| matches!(requests.draw(), Request::Read(_))).count();
        assert_eq!(reads, expected);
    }
}
