//! A toy protocol on a whole node, in one thread: every method of the adapter trait at work.

#[path = "toy/adapter.rs"]
mod adapter;
#[path = "toy/cluster.rs"]
mod cluster;
#[path = "toy/fetch.rs"]
mod fetch;
#[path = "toy/forwards.rs"]
mod forwards;
#[path = "toy/host.rs"]
mod host;
#[path = "toy/leaving.rs"]
mod leaving;
#[path = "toy/node.rs"]
mod node;
#[path = "toy/older.rs"]
mod older;
#[path = "toy/reads.rs"]
mod reads;
#[path = "toy/rekey.rs"]
mod rekey;
#[path = "toy/renewal.rs"]
mod renewal;
#[path = "toy/snapshots.rs"]
mod snapshots;

use adapter::{BLOCKS, ITEMS, TIMER, Toy, message};
use coco_app::{Index as _, Lookup, TxStatus, WindowRule};
use coco_boundary::{Effect, Event, LedgerFault};
use coco_kv::Reader as _;
use coco_node::{Output, Refusal, Write, index::Indexes, streams::StreamError};
use coco_wire::{Digest, Seqno, TableName, TxId, View};
use node::{Node, peer};

fn text(response: &coco_app::Response) -> &str {
    str::from_utf8(&response.body).expect("answers are text")
}

/// The service of these tests has no vote to open it; its application is not asked whether it is.
fn open_node(toy: Toy) -> Node {
    let mut node = Node::start(toy);
    node.open();
    node
}

#[test]
fn a_message_of_three_calls_is_three_transactions() {
    let mut node = open_node(Toy::new(None, None));
    let before = node.view.state().chain.latest.seqno;
    let response = node.send(message("set a 1\nset b 2\nset a 3"));
    assert_eq!(text(&response), "ok\nok\nok");
    let txid = response.txid.unwrap();
    assert!(txid.seqno.0 >= before.0 + 3, "each call has a place of its own");
    assert_eq!(text(&node.send(message("get a\nget b\nget c"))), "3\n2\nnone");
    assert_eq!(text(&node.send(message("get genesis"))), "yes");
}

#[test]
fn a_rejected_call_changes_nothing() {
    let mut node = open_node(Toy::new(None, None));
    let before = node.view.state().latest.version();
    let response = node.send(message("fail"));
    assert!(text(&response).contains("InvalidInput"), "{response:?}");
    assert_eq!(node.view.state().latest.version(), before);
    assert_eq!(text(&node.send(message("get failed"))), "none");
}

#[test]
fn subscribers_hear_of_what_is_committed() {
    let mut node = open_node(Toy::new(None, None));
    let shared = node.view.shared.clone();
    let stream = shared.streams.subscribe().unwrap();
    shared.streams.follow(stream, ["items".into()].into()).unwrap();
    let first = node.send(message("set a 1\nset b 2")).txid.unwrap();
    node.tick(1000);
    let events: Vec<_> = std::iter::from_fn(|| shared.streams.take(stream).unwrap()).collect();
    let keys: Vec<_> = events.iter().map(|event| event.data.as_slice()).collect();
    assert_eq!(keys, [b"a", b"b"]);
    assert!(events[1].seqno <= first.seqno);
    shared.streams.unsubscribe(stream);
    assert_eq!(shared.streams.take(stream), Err(StreamError::Unknown));
}

#[test]
fn windows_close_when_full_or_with_a_signature_and_in_order() {
    let mut node = open_node(Toy::new(Some(WindowRule { max_calls: 2, interval_ms: 50 }), None));
    node.send(message("set a 1\nset b 2\nset c 3"));
    let blocks = TableName::new(BLOCKS);
    assert_eq!(node.view.state().latest.len(&blocks), 1, "two calls fill a window");
    node.tick(60);
    let state = node.view.state();
    let rows: Vec<_> =
        state.latest.iter(&blocks).map(|(_, row)| String::from_utf8(row.to_vec()).unwrap()).collect();
    assert_eq!(rows.len(), 2, "a signature closes a window");
    for row in rows {
        let words: Vec<_> = row.split(' ').collect();
        let (first, last): (TxId, TxId) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        assert!(first <= last);
    }
}

#[test]
fn an_index_is_fed_by_commits_and_can_be_rebuilt_from_the_ledger() {
    let mut node = open_node(Toy::new(None, None));
    for value in 0..20 {
        node.send(message(&format!("set a {value}\nset b {value}")));
        node.tick(10);
    }
    node.tick(1000);
    let index = node.view.shared.indexes.table(ITEMS).unwrap();
    let all = index.seqnos(b"a", Seqno(1), Seqno(u64::MAX), 1000);
    assert_eq!(all.len(), 20);
    assert_eq!(index.last(b"a"), all.last().copied());
    assert_eq!(index.seqnos(b"a", all[3], all[8], 4), all[3..7]);

    let rebuilt = Indexes::over([ITEMS]);
    for seqno in (1..=node.committed.0).map(Seqno) {
        let entry = node.committed_transaction(seqno);
        rebuilt.committed(seqno, &entry.writes);
    }
    rebuilt.reached(node.committed);
    let table = rebuilt.table(ITEMS).unwrap();
    assert_eq!(table.seqnos(b"a", Seqno(1), Seqno(u64::MAX), 1000), all);
    assert_eq!(table.indexed_to(), node.committed);
}

#[test]
fn the_timer_writes_as_often_as_asked() {
    let mut node = open_node(Toy::new(None, Some(100)));
    for _ in 0..10 {
        node.tick(50);
    }
    let count = node.view.state().latest.get(&TableName::new(TIMER), b"count").unwrap();
    assert_eq!(count.to_vec(), [6], "once when the service opened, then every second tick");
}

#[test]
fn a_conflict_is_found_and_executed_again() {
    let mut node = open_node(Toy::new(None, None));
    node.send(message("add n"));
    let planned = node.view.decode(message("add n"), &peer()).unwrap();
    let ran = node.view.run(planned.mount, &planned.plan.calls[0], planned.plan.mode, None);
    let stale: Write = ran.write.unwrap();
    node.send(message("add n"));
    assert_eq!(node.core.sequence(&stale), Err(Refusal::Conflict));
    assert_eq!(text(&node.send(message("add n"))), "3");
}

#[test]
fn history_has_receipts_for_everything_committed() {
    let mut node = open_node(Toy::new(None, None));
    node.send(message("set a 1"));
    node.tick(1000);
    assert_eq!(node.committed_transaction(Seqno(1)).claims, Digest([1; 32]), "of the first transaction");
    for seqno in (1..=node.committed.0).map(Seqno) {
        let historical = node.committed_transaction(seqno);
        assert_eq!(historical.txid.seqno, seqno);
        assert!(historical.receipt.json.is_some(), "{seqno}");
        let signature = historical.writes.table("public:ccf.internal.signatures").is_some();
        assert_eq!(historical.receipt.cose.is_none(), signature, "{seqno}");
    }
}

#[test]
fn signatures_that_one_report_commits_together_each_cover_their_part() {
    let mut node = open_node(Toy::new(None, None));
    node.slow_disk = true;
    for value in 0..5 {
        node.send(message(&format!("set a {value}")));
        node.tick(1000);
    }
    node.catch_up();
    assert!(node.committed.0 >= 10, "five transactions and their signatures are committed");
    for seqno in (1..=node.committed.0).map(Seqno) {
        assert_eq!(node.committed_transaction(seqno).txid.seqno, seqno);
    }
}

#[test]
fn history_reads_on_until_a_signature() {
    let mut node = open_node(Toy::new(None, None));
    node.held = Some(Vec::new());
    let first = node.send(message("set a 0")).txid.unwrap().seqno;
    for value in 1..20 {
        node.send(message(&format!("set a {value}")));
    }
    node.do_held();
    node.held = None;
    node.tick(1000);
    let (now, chain) = (node.later(), node.view.state().chain.clone());
    let history = &node.view.shared.history;
    assert!(matches!(history.lookup(&chain, &[first], now), Ok(Lookup::Loading)));
    // The host answers with two entries at a time.
    let mut answers = 0;
    while let Some(Effect::ReadEntries { request, from, to }) = history.take_reads().pop() {
        let some = node.entries.range(from..=to).take(2).map(|(_, entry)| entry.clone()).collect();
        let decoding = history.answered(request, Ok(some)).expect("it was asked for");
        history.decode(&chain, decoding);
        answers += 1;
    }
    assert!(answers >= 10, "{answers}");
    let Ok(Lookup::Found(found)) = history.lookup(&chain, &[first], now) else { panic!("it is read") };
    assert_eq!(found[0].txid.seqno, first);
}

#[test]
fn what_the_host_alters_is_never_served() {
    let mut node = open_node(Toy::new(None, None));
    let seqno = node.send(message("set a 1")).txid.unwrap().seqno;
    node.tick(1000);
    let chain = node.view.state().chain.clone();
    let good = node.entries.clone();
    for at in 0..good[&seqno].len() {
        node.entries.get_mut(&seqno).unwrap()[at] ^= 1;
        let now = node.later();
        assert!(matches!(node.view.shared.history.lookup(&chain, &[seqno], now), Ok(Lookup::Loading)));
        node.answer_reads();
        node.entries.clone_from(&good);
        let now = node.later();
        let looked_up = node.view.shared.history.lookup(&chain, &[seqno], now);
        assert!(matches!(looked_up, Ok(Lookup::Loading)), "byte {at}");
        // Leaves the request that this made unanswered, as a host might.
        drop(node.view.shared.history.take_reads());
        node.later();
    }
    assert_eq!(node.committed_transaction(seqno).txid.seqno, seqno);
}

#[test]
fn a_ledger_fault_stops_the_node_for_good() {
    let mut node = open_node(Toy::new(None, None));
    let planned = node.view.decode(message("set a 1"), &peer()).unwrap();
    let ran = node.view.run(planned.mount, &planned.plan.calls[0], planned.plan.mode, None);
    node.event(Event::Fault(LedgerFault::Backlog));
    assert!(node.stopped);
    assert_eq!(node.core.sequence(&ran.write.unwrap()), Err(Refusal::NotPrimary));
}

#[test]
fn status_follows_commit() {
    let mut node = open_node(Toy::new(None, None));
    let txid = node.send(message("set a 1")).txid.unwrap();
    node.tick(1000);
    let chain = node.view.state().chain.clone();
    assert_eq!(chain.status(txid), TxStatus::Committed);
    assert_eq!(chain.status(TxId { view: View(3), seqno: txid.seqno }), TxStatus::Invalid);
    assert_eq!(chain.committed.seqno, node.committed);
}

#[test]
fn readers_are_told_when_a_signature_is_in_its_place() {
    let mut node = open_node(Toy::new(None, None));
    node.tick(1000);
    let mut out = Output::default();
    let write = node.written(|_, tx| tx.put(&TableName::new(ITEMS), b"a".as_slice(), b"1".as_slice()));
    node.core.sequence(&write).expect("a place");
    node.core.flush(&mut out);
    // Somebody reads while the signature is being made.
    node.core.refresh();
    let job = out.jobs.pop().expect("an idle node signs at once");
    node.core.done(job.run(), &mut Output::default());
    assert!(node.view.is_stale(), "what was shown lacks the signature");
}
