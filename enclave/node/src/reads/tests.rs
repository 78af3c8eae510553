use coco_boundary::Monotonic;
use coco_raft::ReadId;

use super::{MAX_WAITING, PATIENCE_MS, Reads};
use crate::core::Readable::{NotNow, Yes};

const LATE: Monotonic = Monotonic(u64::MAX);

fn waiting(reads: &[u32]) -> Reads<u32> {
    let mut waiting = Reads::default();
    reads.iter().for_each(|read| waiting.wait(*read, LATE).expect("room"));
    waiting
}

#[test]
fn one_question_serves_all_that_came_before_it_and_nothing_later() {
    let mut reads = waiting(&[1, 2]);
    assert_eq!(reads.next_question(Monotonic(0)), Some(ReadId(0)));
    reads.wait(3, LATE).expect("room");
    assert_eq!(reads.next_question(Monotonic(0)), None, "one question at a time");
    assert_eq!(reads.settled(ReadId(0), Yes, Monotonic(1)), [1, 2]);
    assert_eq!(reads.next_question(Monotonic(1)), Some(ReadId(1)));
    assert_eq!(reads.settled(ReadId(0), Yes, Monotonic(1)), [0; 0], "an answer to an earlier question");
    assert_eq!(reads.settled(ReadId(1), Yes, Monotonic(1)), [3]);
    assert!(reads.is_empty());
}

#[test]
fn what_cannot_be_answered_is_asked_again_later() {
    let mut reads = waiting(&[1]);
    reads.next_question(Monotonic(5));
    assert_eq!(reads.settled(ReadId(0), NotNow, Monotonic(5)), [0; 0]);
    assert_eq!(reads.next_question(Monotonic(5)), None, "not at once");
    assert_eq!(reads.next_question(Monotonic(6)), Some(ReadId(1)));
    // Nobody answers.
    assert_eq!(reads.tick(Monotonic(6 + PATIENCE_MS)), [0; 0]);
    assert_eq!(reads.next_question(Monotonic(6 + PATIENCE_MS)), Some(ReadId(2)));
    assert_eq!(reads.settled(ReadId(1), Yes, LATE), [0; 0], "too late");
    assert_eq!(reads.settled(ReadId(2), Yes, LATE), [1]);
}

#[test]
fn reads_that_wait_too_long_are_given_up() {
    let mut reads = Reads::default();
    reads.wait("asked", Monotonic(10)).expect("room");
    reads.next_question(Monotonic(0));
    reads.wait("new", Monotonic(11)).expect("room");
    assert_eq!(reads.tick(Monotonic(9)), [""; 0]);
    assert_eq!(reads.tick(Monotonic(10)), ["asked"]);
    assert_eq!(reads.tick(Monotonic(11)), ["new"]);
    assert!(reads.is_empty());
}

#[test]
fn no_more_wait_than_may() {
    let mut reads = waiting(&vec![0; MAX_WAITING]);
    assert_eq!(reads.wait(1, LATE), Err(1));
}
