use coco_app::{Response, Status};
use coco_boundary::Monotonic;
use coco_wire::{Digest, Seqno, TxId, View, peer::ForwardId};

use super::{Forwards, GRACE_MS, MAX_WAITING, reaction, response};

const ONE: Digest = Digest([1; 32]);
const OTHER: Digest = Digest([2; 32]);

#[test]
fn who_was_asked_answers_once() {
    let mut forwards = Forwards::default();
    let id = forwards.wait(ONE, "client", 3000, Monotonic(0)).expect("room");
    assert_eq!(forwards.answered(OTHER, id), None, "somebody else");
    assert_eq!(forwards.answered(ONE, ForwardId(id.0 + 1)), None, "another request");
    assert_eq!(forwards.answered(ONE, id), Some("client"));
    assert_eq!(forwards.answered(ONE, id), None, "once more");
}

#[test]
fn nothing_waits_for_ever_or_long_for_a_primary_that_was() {
    let replaced = "which is no longer the primary";
    for (times, expected) in [
        (&[(Some(ONE), 2999)][..], None),
        (&[(None, 2999)], None),
        (&[(Some(ONE), 3000)], Some("no response was received after 3000ms")),
        (&[(Some(OTHER), 1)], None),
        (&[(Some(OTHER), 1), (Some(OTHER), GRACE_MS)], None),
        (&[(Some(OTHER), 1), (Some(OTHER), 1 + GRACE_MS)], Some(replaced)),
        (&[(Some(OTHER), 1), (Some(ONE), 1 + GRACE_MS)], Some(replaced)),
        (&[(Some(OTHER), 2999), (Some(OTHER), 3000)], Some("no response was received after 3000ms")),
    ] {
        let mut forwards = Forwards::default();
        let id = forwards.wait(ONE, (), 3000, Monotonic(0)).expect("room");
        let expired = times.iter().flat_map(|(leader, now)| forwards.expire(*leader, Monotonic(*now)));
        let texts: Vec<_> =
            expired.map(|(_, response)| String::from_utf8_lossy(&response.body).into_owned()).collect();
        assert_eq!(texts.len(), usize::from(expected.is_some()), "{times:?}");
        assert!(texts.iter().all(|text| text.ends_with(expected.unwrap_or_default())), "{texts:?}");
        assert_eq!(forwards.answered(ONE, id).is_some(), expected.is_none(), "too late");
    }
}

#[test]
fn no_more_wait_than_may() {
    let mut forwards = Forwards::default();
    for _ in 0..MAX_WAITING {
        forwards.wait(ONE, 1, 3000, Monotonic(0)).expect("room");
    }
    assert_eq!(forwards.wait(ONE, 2, 3000, Monotonic(0)), Err(2));
}

#[test]
fn answers_arrive_as_they_were_sent() {
    let txid = Some(TxId { view: View(2), seqno: Seqno(9) });
    let sent = Response::with_body(Status::OK, "text/plain", b"12".to_vec()).header("x-a", "b");
    let sent = Response { txid, txid_at: Some(2), ..sent };
    assert_eq!(response(&reaction(sent.clone())), Some(sent.clone()));
    let beyond = Response { txid_at: Some(3), ..sent.clone() };
    assert_eq!(response(&reaction(beyond)), Some(Response { txid_at: None, ..sent }));
    assert_eq!(response(b"\xff"), None);
}
