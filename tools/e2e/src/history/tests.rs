use coco_wire::{Seqno, TxId, View};

use super::{Checked, Deed, History, Operation, Outcome, Truth, Violation};

fn id(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

/// Transactions 1 to 6, of which 2, 3 and 5 write; views change at 4.
fn truth() -> Truth {
    let ids = (1..=6).map(|seqno| id(if seqno < 4 { 2 } else { 3 }, seqno)).collect();
    let writes = [(2, 7, "a"), (3, 8, "b"), (5, 7, "c")];
    let writes = writes.map(|(seqno, key, value)| (Seqno(seqno), (key, value.to_owned())));
    Truth { ids, writes: writes.into() }
}

fn write(key: u64, value: &str, begun: u64, ended: u64, outcome: Outcome) -> Operation {
    Operation { key, deed: Deed::Write(value.to_owned()), begun, ended, outcome }
}

fn read(key: u64, value: Option<&str>, begun: u64, ended: u64, outcome: Outcome) -> Operation {
    Operation { key, deed: Deed::Read(value.map(str::to_owned)), begun, ended, outcome }
}

/// What explains the ledger: more is added to it.
fn sound() -> Vec<Operation> {
    vec![
        write(7, "a", 0, 10, Outcome::Committed(id(2, 2))),
        write(8, "b", 5, 20, Outcome::Unknown),
        write(7, "c", 21, 30, Outcome::Answered(id(3, 5))),
    ]
}

#[test]
fn what_may_be() {
    let more = [
        // Rolled back with its view.
        write(7, "d", 0, 10, Outcome::Answered(id(2, 4))),
        write(7, "e", 0, 10, Outcome::Unknown),
        read(7, None, 0, 1, Outcome::Answered(id(0, 0))),
        read(7, Some("a"), 0, 40, Outcome::Answered(id(2, 3))),
        // On a backup that is behind.
        read(7, Some("a"), 31, 40, Outcome::Answered(id(3, 4))),
        read(7, Some("c"), 31, 40, Outcome::Committed(id(3, 6))),
        // Of a state that was rolled back.
        read(7, Some("d"), 11, 40, Outcome::Answered(id(2, 4))),
    ];
    let history = History([sound(), more.to_vec()].concat());
    let expected = Checked { committed: 1, other_writes: 2, undone: 2, reads: 4 };
    assert_eq!(history.check(&truth()), Ok(expected));
}

#[test]
fn what_must_not_be() {
    let lost = write(9, "z", 0, 1, Outcome::Committed(id(2, 4)));
    let lost_read = read(7, Some("a"), 0, 1, Outcome::Committed(id(2, 4)));
    let vanished = write(9, "z", 0, 1, Outcome::Answered(id(3, 4)));
    let stale = read(7, Some("a"), 0, 40, Outcome::Committed(id(3, 5)));
    let of_another_key = read(8, Some("a"), 0, 40, Outcome::Answered(id(3, 5)));
    let from_the_future = read(7, Some("c"), 0, 40, Outcome::Answered(id(3, 4)));
    let too_new = read(9, None, 0, 3, Outcome::Answered(id(2, 3)));
    let cases = [
        (lost.clone(), Violation::Lost(lost)),
        (lost_read.clone(), Violation::Lost(lost_read)),
        (vanished.clone(), Violation::Misplaced(vanished, vec![])),
        (stale.clone(), Violation::Wrong(stale, Some("c".to_owned()))),
        (of_another_key.clone(), Violation::Wrong(of_another_key, Some("b".to_owned()))),
        (from_the_future.clone(), Violation::Wrong(from_the_future, Some("a".to_owned()))),
        // The write of transaction 3 began after this read of it had ended.
        (too_new, Violation::TooEarly(sound()[1].clone(), Seqno(3))),
    ];
    for (operation, violation) in cases {
        let history = History([sound(), vec![operation]].concat());
        assert_eq!(history.check(&truth()), Err(violation));
    }
}

#[test]
fn writes_in_the_wrong_place() {
    let changes: [(usize, Operation); 5] = [
        // Elsewhere than its answer says.
        (0, write(7, "a", 0, 10, Outcome::Committed(id(2, 3)))),
        (0, write(7, "a", 0, 10, Outcome::Committed(id(1, 2)))),
        // To another record.
        (1, write(7, "b", 5, 20, Outcome::Unknown)),
        // Rolled back, yet there.
        (2, write(7, "c", 21, 30, Outcome::Answered(id(2, 5)))),
        (2, write(7, "c", 21, 30, Outcome::Answered(id(2, 7)))),
    ];
    for (at, changed) in changes {
        let mut history = History(sound());
        history.0[at] = changed.clone();
        let verdict = history.check(&truth());
        assert!(
            matches!(&verdict, Err(Violation::Misplaced(operation, _)) if *operation == changed),
            "{changed:?}: {verdict:?}"
        );
    }
    let mut twice = truth();
    twice.writes.insert(Seqno(6), (7, "a".to_owned()));
    assert!(
        matches!(History(sound()).check(&twice), Err(Violation::Misplaced(_, places)) if places.len() == 2)
    );
    let mut invented = truth();
    invented.writes.insert(Seqno(6), (7, "x".to_owned()));
    let violation = Violation::Invented(Seqno(6), "x".to_owned());
    assert_eq!(History(sound()).check(&invented), Err(violation));
}

#[test]
fn writes_in_the_wrong_order() {
    let mut history = History(sound());
    // It began when the write of transaction 5 had ended.
    history.0[1] = write(8, "b", 31, 40, Outcome::Unknown);
    let violation = Violation::TooEarly(history.0[1].clone(), Seqno(5));
    assert_eq!(history.check(&truth()), Err(violation));
}

#[test]
fn the_longest_time_without_commits() {
    let at = |ended| write(1, "v", 0, ended, Outcome::Committed(id(2, 2)));
    let history = History([5, 90, 20, 31].map(at).to_vec());
    assert_eq!(history.outage(10), Some(59));
    assert_eq!(history.outage(80), Some(10));
    assert_eq!(history.outage(90), None);
    assert_eq!(history.outage_between(10, 40), 11);
    assert_eq!(history.outage_between(10, 89), 58);
    assert_eq!(history.outage_between(90, 99), 9);
}
