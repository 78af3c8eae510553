//! Reads that miss nothing that was committed before them.

use coco_wire::{Seqno, View};

use super::{
    TICK, accepted, election, entry, from, joins, member, run, several::append, several::handle, signature,
    txid,
};
use crate::{Effect, Input, Message, ReadId, ReadIndex};

const VIEW: View = View(2);

fn read(id: u64) -> Input {
    Input::Read(ReadId(id))
}

fn readable(id: u64) -> Effect {
    Effect::Readable(ReadId(id))
}

fn unreadable(id: u64) -> Effect {
    Effect::Unreadable(ReadId(id))
}

fn said(name: u8, message: ReadIndex) -> Input {
    from(name, Message::ReadIndex(message))
}

fn confirmed(name: u8, round: u64) -> Input {
    said(name, ReadIndex::Confirmed { view: VIEW, round })
}

fn asked(name: u8, id: u64) -> Input {
    said(name, ReadIndex::Asked { view: VIEW, read: ReadId(id) })
}

fn answered(name: u8, id: u64, index: Option<u64>) -> Input {
    said(name, ReadIndex::Answered { view: VIEW, read: ReadId(id), index: index.map(Seqno) })
}

/// What was said about reads, and to whom.
fn talk(effects: &[Effect]) -> Vec<(u8, ReadIndex)> {
    let about = |effect: &Effect| match effect {
        Effect::Send { to, message: Message::ReadIndex(message) } => Some((to.0[0], *message)),
        _ => None,
    };
    effects.iter().filter_map(about).collect()
}

fn about_reads(effects: Vec<Effect>) -> Vec<Effect> {
    effects
        .into_iter()
        .filter(|effect| matches!(effect, Effect::Readable(_) | Effect::Unreadable(_)))
        .collect()
}

/// What makes node 1 of 1, 2, 3 a leader that has committed a signature of its own.
fn leads() -> Vec<Input> {
    let mut inputs = election();
    inputs.extend([Input::Propose(vec![signature(2, 1)]), Input::Persisted(txid(2, 1)), accepted(2, 2, 1)]);
    inputs
}

#[test]
fn a_leader_reads_after_a_round() {
    let cases: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
        ("not at once", vec![read(1)], vec![]),
        ("a majority confirms", vec![read(1), confirmed(2, 1)], vec![readable(1)]),
        ("once", vec![read(1), confirmed(2, 1), confirmed(3, 1)], vec![readable(1)]),
        ("no round that was not begun", vec![confirmed(2, 1), read(1), confirmed(2, 2)], vec![]),
        ("strangers do not count", vec![read(1), confirmed(9, 1)], vec![]),
        (
            "a later read has to wait for a later round",
            vec![read(1), read(2), confirmed(2, 1)],
            vec![readable(1)],
        ),
        (
            "in which all of them are",
            vec![read(1), read(2), read(3), confirmed(2, 1), confirmed(2, 1), confirmed(3, 2)],
            vec![readable(1), readable(2), readable(3)],
        ),
        (
            "a word of another view is none",
            vec![read(1), said(2, ReadIndex::Confirmed { view: View(1), round: 1 })],
            vec![],
        ),
        (
            "a leader that is replaced answers nobody",
            vec![read(1), read(2), append(2, 3, (2, 1), vec![], 0), confirmed(3, 1)],
            vec![unreadable(1), unreadable(2)],
        ),
        (
            "nor one that hears of no majority",
            vec![read(1), Input::Tick { now_ms: 5000 }, confirmed(3, 1)],
            vec![unreadable(1)],
        ),
        (
            "both configurations have to confirm",
            vec![Input::Propose(vec![joins(2, 2, &[1, 4, 5])]), read(1), confirmed(2, 1), confirmed(3, 1)],
            vec![],
        ),
        (
            "a new one, too",
            vec![Input::Propose(vec![joins(2, 2, &[1, 4, 5])]), read(1), confirmed(2, 1), confirmed(4, 1)],
            vec![readable(1)],
        ),
    ];
    for (what, inputs, expected) in cases {
        let (_, effects) = run(&[1, 2, 3], leads().into_iter().chain(inputs));
        assert_eq!(about_reads(effects), expected, "{what}");
    }
}

#[test]
fn a_new_leader_commits_something_first() {
    let (mut raft, _) = run(&[1, 2, 3], election());
    let effects = handle(&mut raft, [read(1), asked(3, 7), confirmed(2, 1)]);
    assert_eq!(talk(&effects), [], "it may not know all that is committed");
    let commits = [Input::Propose(vec![signature(2, 1)]), Input::Persisted(txid(2, 1)), accepted(2, 2, 1)];
    let confirm = ReadIndex::Confirm { view: VIEW, round: 1 };
    assert_eq!(talk(&handle(&mut raft, commits)), [(2, confirm), (3, confirm)]);
    // What is lost is said again, to those who have not answered.
    let again = talk(&handle(&mut raft, [Input::Tick { now_ms: 1200 }]));
    assert_eq!(again, [(2, confirm), (3, confirm)]);
    let effects = handle(&mut raft, [confirmed(3, 1)]);
    let answer = ReadIndex::Answered { view: VIEW, read: ReadId(7), index: Some(Seqno(1)) };
    assert_eq!(talk(&effects), [(3, answer)]);
    assert_eq!(about_reads(effects), [readable(1)]);
}

#[test]
fn the_only_node_reads_at_once() {
    let mut raft = member(1, &[1]);
    let alone = [TICK, Input::Propose(vec![signature(2, 1)]), read(1), Input::Persisted(txid(2, 1)), read(2)];
    let effects = about_reads(handle(&mut raft, alone));
    assert_eq!(effects, [readable(1), readable(2)]);
}

#[test]
fn a_follower_asks_and_catches_up() {
    let follows = append(2, 2, (0, 0), vec![entry(2, 1), signature(2, 2)], 0);
    let commits = || append(2, 2, (2, 2), vec![], 2);
    let cases: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
        ("waits for the answer", vec![read(1), commits()], vec![]),
        ("and until it has come as far", vec![read(1), answered(2, 1, Some(2))], vec![]),
        ("then it reads", vec![read(1), answered(2, 1, Some(2)), commits()], vec![readable(1)]),
        (
            "which may be the case already",
            vec![read(1), commits(), answered(2, 1, Some(2))],
            vec![readable(1)],
        ),
        (
            "once",
            vec![read(1), commits(), answered(2, 1, Some(2)), answered(2, 1, Some(2))],
            vec![readable(1)],
        ),
        ("it is refused", vec![read(1), answered(2, 1, None)], vec![unreadable(1)]),
        ("only who was asked answers", vec![read(1), commits(), answered(3, 1, Some(0))], vec![]),
        ("and only what it was asked", vec![read(1), commits(), answered(2, 2, Some(0))], vec![]),
        (
            "another leader knows nothing of it",
            vec![read(1), append(3, 3, (2, 2), vec![], 0)],
            vec![unreadable(1)],
        ),
        (
            "but what was answered stays true",
            vec![read(1), answered(2, 1, Some(2)), append(3, 3, (2, 2), vec![], 2)],
            vec![readable(1)],
        ),
    ];
    for (what, inputs, expected) in cases {
        let (_, effects) = run(&[1, 2, 3], [follows.clone()].into_iter().chain(inputs));
        assert_eq!(about_reads(effects), expected, "{what}");
    }
    let (_, effects) = run(&[1, 2, 3], [read(1)]);
    assert_eq!(effects, [unreadable(1)], "nobody leads");
}

#[test]
fn a_follower_confirms_its_leader_only() {
    let confirm = |name, view| said(name, ReadIndex::Confirm { view: View(view), round: 5 });
    let mut raft = member(1, &[1, 2, 3]);
    handle(&mut raft, [append(2, 2, (0, 0), vec![], 0)]);
    let yes = (2, ReadIndex::Confirmed { view: VIEW, round: 5 });
    for (name, view, expected) in [(2, 2, vec![yes]), (3, 2, vec![]), (2, 1, vec![]), (2, 3, vec![])] {
        assert_eq!(talk(&handle(&mut raft, [confirm(name, view)])), expected, "{name} in {view}");
    }
    let no = (3, ReadIndex::Answered { view: VIEW, read: ReadId(4), index: None });
    assert_eq!(talk(&handle(&mut raft, [asked(3, 4)])), [no], "a follower knows no read index");
}

#[test]
fn what_waits_is_bounded() {
    let (mut leader, _) = run(&[1, 2, 3], leads());
    let refused = about_reads(handle(&mut leader, (0..2000).map(read)));
    assert_eq!(refused.len(), 2000 - 1024 - 1, "one is in the round, the others wait");
    let mut follower = member(1, &[1, 2, 3]);
    handle(&mut follower, [append(2, 2, (0, 0), vec![], 0)]);
    let refused = about_reads(handle(&mut follower, (0..2000).map(read)));
    assert_eq!(refused.len(), 2000 - 1024);
    let refused = about_reads(handle(&mut follower, (976..2000).map(|id| answered(2, id, Some(9)))));
    assert_eq!(refused, []);
}
