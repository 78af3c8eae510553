use coco_kv::{Snapshot, Store, Tx};
use coco_wire::{TableName, View};

use super::*;

const ALL: Query = Query { endpoint: None, after: None, limit: usize::MAX };

/// Editions one after the other.
fn editions() -> Vec<Edition> {
    let mut store = Store::new();
    let table = TableName::new("t");
    let edition = |state: &Snapshot| Edition { stamps: [state.stamp(&table); 3], version: state.version() };
    let change = |seqno| {
        let mut tx = Tx::new(store.latest());
        tx.put(&table, &b"k"[..], &b"v"[..]);
        store.commit(Seqno(seqno), &tx.finish()).unwrap();
        edition(&store.latest())
    };
    (1..4).map(change).collect()
}

fn print(journal: &Journal, edition: Edition, endpoint: &str, texts: impl IntoIterator<Item = String>) {
    let lines = texts.into_iter().map(|text| (Level::Info, text)).collect();
    let read_at = TxId { view: View(2), seqno: edition.version };
    let source = Source { endpoint: &endpoint.into(), time_ms: 5, read_at };
    journal.keep(edition, &source, Printed { lines, dropped: 0 });
}

/// Numbers of the lines, how many were dropped, and the last number.
fn numbers(page: &Page) -> (Vec<u64>, u64, u64) {
    (page.lines.iter().map(|line| line.number).collect(), page.dropped, page.last)
}

#[test]
fn a_page_has_what_is_asked_for() {
    let (journal, edition) = (Journal::default(), editions()[0]);
    for (endpoint, count) in [("GET /a", 2), ("GET /b", 1), ("GET /a", 2)] {
        print(&journal, edition, endpoint, (0..count).map(|at| format!("{endpoint} {at}")));
    }
    let a = Some("GET /a".to_owned());
    for (query, expected) in [
        (ALL, vec![1, 2, 3, 4, 5]),
        (Query { limit: 2, ..ALL }, vec![4, 5]),
        (Query { limit: 0, ..ALL }, vec![]),
        (Query { endpoint: a.clone(), ..ALL }, vec![1, 2, 4, 5]),
        (Query { endpoint: a.clone(), after: Some(1), ..ALL }, vec![2, 4, 5]),
        (Query { endpoint: a, after: Some(1), limit: 2 }, vec![2, 4]),
        (Query { after: Some(0), limit: 2, ..ALL }, vec![1, 2]),
        (Query { after: Some(5), ..ALL }, vec![]),
        (Query { after: Some(u64::MAX), ..ALL }, vec![]),
        (Query { endpoint: Some("GET /c".to_owned()), ..ALL }, vec![]),
    ] {
        assert_eq!(numbers(&journal.page(edition, &query)), (expected, 0, 5), "{query:?}");
    }
    let page = serde_json::to_value(journal.page(edition, &Query { limit: 1, ..ALL })).unwrap();
    let line = serde_json::json!({
        "number": 5, "timeMs": 5, "endpoint": "GET /a", "readAt": "2.1", "level": "info", "text": "GET /a 1",
    });
    assert_eq!(page, serde_json::json!({ "value": [line], "dropped": 0, "last": 5 }));
}

#[test]
fn another_application_has_no_lines_of_the_one_before() {
    let (journal, editions) = (Journal::default(), editions());
    let line = || ["x".to_owned()];
    print(&journal, editions[1], "GET /a", line());
    assert_eq!(numbers(&journal.page(editions[0], &ALL)), (vec![], 0, 1), "an older state shows nothing");
    assert_eq!(numbers(&journal.page(editions[1], &ALL)), (vec![1], 0, 1));
    print(&journal, editions[0], "GET /a", line());
    assert_eq!(numbers(&journal.page(editions[1], &ALL)), (vec![1], 0, 1), "it came too late");
    print(&journal, editions[2], "GET /b", line());
    assert_eq!(numbers(&journal.page(editions[2], &ALL)), (vec![2], 0, 2));
    assert_eq!(numbers(&journal.page(editions[1], &ALL)), (vec![], 0, 2));

    let other = Journal::default();
    print(&other, editions[0], "GET /a", line());
    assert_eq!(numbers(&other.page(editions[1], &ALL)), (vec![], 0, 1));
    assert!(other.0.lock().unwrap().endpoints.is_empty(), "who looks for the new one ends the old one");
}

#[test]
fn what_is_kept_is_bounded() {
    let (journal, edition) = (Journal::default(), editions()[0]);
    for round in 0..10 {
        print(&journal, edition, "GET /a", (0..100).map(|at| format!("{round} {at}")));
    }
    print(&journal, edition, "GET /b", ["b".to_owned()]);
    let page = journal.page(edition, &ALL);
    assert_eq!((page.lines.len(), page.dropped, page.last), (257, 744, 1001));
    assert_eq!((page.lines[0].number, &*page.lines[0].text), (745, "7 44"));

    // Of many endpoints the oldest lines go, whosever they are.
    for endpoint in 0..100 {
        print(&journal, edition, &format!("GET /{endpoint}"), (0..256).map(|_| "x".repeat(4096)));
    }
    let page = journal.page(edition, &ALL);
    let bytes: usize = page.lines.iter().map(line_bytes).sum();
    assert!((Journal::MAX_BYTES - 5000..=Journal::MAX_BYTES).contains(&bytes), "{bytes}");
    assert_eq!(bytes, journal.0.lock().unwrap().bytes);
    assert_eq!(page.last, 1001 + 25_600);
    assert_eq!(page.dropped, page.last - page.lines.len() as u64);
    assert!(page.lines.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "the last ones are left");
}

#[test]
fn long_exceptions_are_cut() {
    let mut printed = Printed::new(Console::default());
    printed.exception(&"é".repeat(3000));
    assert_eq!(printed.lines, [(Level::Exception, "é".repeat(2048))]);
}
