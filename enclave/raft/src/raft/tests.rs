mod cluster;
mod leaving;
mod reads;
mod several;

use std::collections::BTreeSet;

use coco_wire::{Digest, Seqno, TxId, View};
use proptest::prelude::*;

use super::{Effect, Input, Raft, Role};
use crate::{
    Base, Configuration, Entry, NodeId, PreVote, Replication, Settings, Start,
    message::{AppendEntries, AppendEntriesResponse, Election, Message, RequestVote, RequestVoteResponse},
};

const SETTINGS: Settings = Settings {
    election_timeout_ms: 1000,
    message_timeout_ms: 100,
    max_entries: 3,
    max_messages: 2,
    pre_vote: PreVote::Silence,
    replication: Replication::AtOnce,
};

fn node(name: u8) -> NodeId {
    Digest([name; 32])
}

fn configuration(names: &[u8]) -> Configuration {
    names.iter().map(|name| node(*name)).collect()
}

/// A node with an empty log that knows whom to agree with.
fn member(name: u8, names: &[u8]) -> Raft {
    let base = Base {
        last: TxId::default(),
        views: Vec::new(),
        configuration: (Seqno::ZERO, configuration(names)),
        leaving: BTreeSet::new(),
        unreadable: Seqno::ZERO,
    };
    Raft::new(node(name), SETTINGS, Start::Snapshot(base), name.into())
}

fn txid(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

fn entry(view: u64, seqno: u64) -> Entry {
    Entry { txid: txid(view, seqno), ..Entry::default() }
}

fn signature(view: u64, seqno: u64) -> Entry {
    Entry { signature: true, ..entry(view, seqno) }
}

fn joins(view: u64, seqno: u64, names: &[u8]) -> Entry {
    Entry { configuration: Some(configuration(names)), ..entry(view, seqno) }
}

fn from(name: u8, message: Message) -> Input {
    Input::Message { from: node(name), message, entries: Vec::new() }
}

fn accepted(name: u8, view: u64, last: u64) -> Input {
    let response = AppendEntriesResponse::Accepted { view: View(view), last: Seqno(last) };
    from(name, Message::AppendEntriesResponse(response))
}

fn voted(name: u8, view: u64, election: Election) -> Input {
    from(
        name,
        Message::RequestVoteResponse(RequestVoteResponse { view: View(view), granted: true, election }),
    )
}

/// Whether it decides anything for the node itself.
fn is_decision(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::Send { .. }
            | Effect::BecamePreCandidate { .. }
            | Effect::BecameCandidate { .. }
            | Effect::Follows { .. }
    )
}

/// Node 1 among `names`, having taken `inputs`; with all effects that decide something.
fn run(names: &[u8], inputs: impl IntoIterator<Item = Input>) -> (Raft, Vec<Effect>) {
    let mut raft = member(1, names);
    let mut effects = Vec::new();
    inputs.into_iter().for_each(|input| raft.handle(input, &mut effects));
    effects.retain(is_decision);
    (raft, effects)
}

/// What makes node 1 of 1, 2, 3 the leader of view 2.
fn election() -> Vec<Input> {
    vec![Input::Tick { now_ms: 1000 }, voted(2, 1, Election::PreVote), voted(3, 2, Election::Vote)]
}

const LEADS: Effect = Effect::BecameLeader { view: View(2) };
const TICK: Input = Input::Tick { now_ms: 0 };

fn commit(seqno: u64) -> Effect {
    Effect::Commit(Seqno(seqno))
}

#[test]
fn one_node() {
    let propose = |entries: &[Entry]| Input::Propose(entries.to_vec());
    let persisted = |view, seqno| Input::Persisted(txid(view, seqno));
    let cases: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
        ("leads at once, in view 2", vec![TICK], vec![LEADS]),
        ("once", vec![TICK, TICK, Input::Tick { now_ms: 9999 }], vec![LEADS]),
        ("not before it is on disk", vec![TICK, propose(&[joins(2, 1, &[1]), signature(2, 2)])], vec![LEADS]),
        ("nothing without a signature", vec![TICK, propose(&[entry(2, 1)]), persisted(2, 1)], vec![LEADS]),
        (
            "commits the signature",
            vec![TICK, propose(&[entry(2, 1), signature(2, 2), entry(2, 3)]), persisted(2, 3)],
            vec![LEADS, commit(2)],
        ),
        (
            "the last of several",
            vec![TICK, propose(&[signature(2, 1), signature(2, 2)]), persisted(2, 2)],
            vec![LEADS, commit(2)],
        ),
        (
            "each once",
            vec![
                TICK,
                propose(&[signature(2, 1), signature(2, 2)]),
                persisted(2, 1),
                persisted(2, 1),
                persisted(2, 2),
            ],
            vec![LEADS, commit(1), commit(2)],
        ),
        (
            "ignores reports of what is not in the log",
            vec![TICK, propose(&[signature(2, 1)]), persisted(2, 7), persisted(1, 1), persisted(3, 1)],
            vec![LEADS],
        ),
        (
            "ignores strangers",
            vec![
                TICK,
                propose(&[signature(2, 1)]),
                accepted(9, 2, 1),
                accepted(9, 8, 1),
                voted(9, 8, Election::Vote),
                from(9, Message::ProposeRequestVote { view: View(9) }),
                from(1, Message::ProposeRequestVote { view: View(2) }),
            ],
            vec![LEADS],
        ),
        (
            "a node that is added counts at once",
            vec![TICK, propose(&[joins(2, 1, &[1, 2]), signature(2, 2)]), persisted(2, 2)],
            vec![LEADS],
        ),
        (
            "and agrees",
            vec![TICK, propose(&[joins(2, 1, &[1, 2]), signature(2, 2)]), persisted(2, 2), accepted(2, 2, 2)],
            vec![LEADS, commit(2)],
        ),
    ];
    for (name, inputs, expected) in cases {
        assert_eq!(run(&[1], inputs).1, expected, "{name}");
    }
}

#[test]
fn leader_of_three() {
    let log = [signature(2, 1), entry(2, 2), signature(2, 3)];
    let cases: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
        ("one alone is no majority", vec![Input::Persisted(txid(2, 3))], vec![]),
        ("two are", vec![Input::Persisted(txid(2, 3)), accepted(2, 2, 3)], vec![commit(3)]),
        (
            "its own disk does not have to be among them",
            vec![accepted(3, 2, 3), accepted(2, 2, 3)],
            vec![commit(3)],
        ),
        ("commits signatures only", vec![accepted(3, 2, 3), accepted(2, 2, 2)], vec![commit(1)]),
        ("no acknowledgement of another view", vec![accepted(3, 1, 3), accepted(2, 1, 3)], vec![]),
        ("nor of what it never sent", vec![accepted(3, 2, 4), accepted(2, 2, 4)], vec![]),
        (
            "a refusal matches nothing",
            vec![
                accepted(3, 2, 3),
                from(
                    2,
                    Message::AppendEntriesResponse(AppendEntriesResponse::Refused {
                        view: View(2),
                        possible: txid(2, 3),
                    }),
                ),
            ],
            vec![],
        ),
        (
            "loses leadership: back to the last signature",
            vec![
                Input::Propose(vec![entry(2, 4)]),
                from(
                    2,
                    Message::AppendEntriesResponse(AppendEntriesResponse::Refused {
                        view: View(5),
                        possible: txid(0, 0),
                    }),
                ),
            ],
            vec![Effect::Rollback { to: Seqno(3) }, Effect::BecameFollower { view: View(5) }],
        ),
        (
            "a rollback even where all that was proposed stays: more may be reserved",
            vec![voted(2, 3, Election::Vote)],
            vec![Effect::Rollback { to: Seqno(3) }, Effect::BecameFollower { view: View(3) }],
        ),
    ];
    for (name, inputs, expected) in cases {
        let start = election().into_iter().chain([Input::Propose(log.to_vec())]);
        let effects = run(&[1, 2, 3], start.chain(inputs)).1;
        assert_eq!(effects, [vec![LEADS], expected].concat(), "{name}");
    }
}

#[test]
fn every_configuration_in_force_needs_its_majority() {
    let log = vec![joins(2, 1, &[1, 4, 5]), signature(2, 2)];
    let cases: [(&[u8], bool); 5] =
        [(&[2, 3], false), (&[4, 5], false), (&[2, 4], true), (&[3, 5], true), (&[2, 3, 4], true)];
    for (names, expected) in cases {
        let mut inputs = election();
        inputs.extend([Input::Propose(log.clone()), Input::Persisted(txid(2, 2))]);
        inputs.extend(names.iter().map(|name| accepted(*name, 2, 2)));
        let (raft, _) = run(&[1, 2, 3], inputs);
        assert_eq!(raft.log().committed() == txid(2, 2), expected, "{names:?}");
        assert_eq!(raft.log().configurations().len(), if expected { 1 } else { 2 }, "{names:?}");
    }
}

#[test]
fn a_signature_of_an_earlier_view_is_committed_only_with_one_of_this_view() {
    let header =
        AppendEntries { view: View(2), previous: txid(0, 0), last: txid(2, 1), committed: Seqno::ZERO };
    let received = Input::Message {
        from: node(2),
        message: Message::AppendEntries(header),
        entries: vec![signature(2, 1)],
    };
    let inputs = vec![
        received,
        Input::Tick { now_ms: 5000 },
        voted(3, 2, Election::PreVote),
        voted(3, 3, Election::Vote),
        Input::Persisted(txid(2, 1)),
        accepted(2, 3, 1),
        accepted(3, 3, 1),
    ];
    let (mut raft, effects) = run(&[1, 2, 3], inputs);
    let leads = Effect::BecameLeader { view: View(3) };
    assert_eq!(
        effects,
        [Effect::BecameFollower { view: View(2) }, Effect::Append { first: Seqno(1) }, leads]
    );

    let mut effects = Vec::new();
    raft.handle(Input::Propose(vec![signature(3, 2)]), &mut effects);
    raft.handle(accepted(2, 3, 2), &mut effects);
    assert!(!effects.contains(&commit(2)));
    raft.handle(Input::Persisted(txid(3, 2)), &mut effects);
    assert!(effects.contains(&commit(2)));
}

#[test]
fn votes() {
    let ask = |name, view, last: (u64, u64), election| {
        let request = RequestVote { view: View(view), last_signature: txid(last.0, last.1), election };
        from(name, Message::RequestVote(request))
    };
    let header =
        AppendEntries { view: View(2), previous: txid(0, 0), last: txid(2, 2), committed: Seqno::ZERO };
    let log = Input::Message {
        from: node(2),
        message: Message::AppendEntries(header),
        entries: vec![signature(2, 1), entry(2, 2)],
    };
    use Election::{PreVote, Vote};
    let cases: Vec<(&str, Vec<Input>, bool)> = vec![
        ("a later view", vec![ask(3, 3, (2, 1), Vote)], true),
        ("unsigned entries do not count", vec![ask(3, 3, (2, 1), Vote)], true),
        ("a shorter log", vec![ask(3, 3, (1, 9), Vote)], false),
        ("a longer log of an older view", vec![ask(3, 3, (0, 0), Vote)], false),
        ("an old view", vec![ask(3, 1, (2, 1), Vote)], false),
        ("the view of a leader", vec![ask(3, 2, (2, 1), Vote)], false),
        ("one vote a view", vec![ask(3, 3, (2, 1), Vote), ask(2, 3, (2, 1), Vote)], false),
        ("the same again", vec![ask(3, 3, (2, 1), Vote), ask(3, 3, (2, 1), Vote)], true),
        ("the leader is alive", vec![ask(3, 2, (2, 1), PreVote)], false),
        ("the leader is silent", vec![Input::Tick { now_ms: 2000 }, ask(3, 2, (2, 1), PreVote)], true),
        ("a pre-vote binds nobody", vec![ask(3, 3, (2, 1), PreVote), ask(2, 3, (2, 1), Vote)], true),
    ];
    for (name, inputs, expected) in cases {
        let mut raft = member(1, &[1, 2, 3]);
        let mut effects = Vec::new();
        [log.clone()].into_iter().chain(inputs).for_each(|input| raft.handle(input, &mut effects));
        let Some(Effect::Send { message: Message::RequestVoteResponse(response), .. }) = effects.pop() else {
            panic!("{name}: no answer")
        };
        assert_eq!(response.granted, expected, "{name}");
    }
}

#[test]
fn malformed_runs_change_nothing() {
    let header = AppendEntries { view: View(2), previous: txid(0, 0), last: txid(2, 2), committed: Seqno(9) };
    let good = vec![entry(2, 1), signature(2, 2)];
    let cases: Vec<(&str, AppendEntries, Vec<Entry>)> = vec![
        ("too few", header, good[..1].to_vec()),
        ("too many", header, [good.clone(), vec![entry(2, 3)]].concat()),
        ("out of order", header, vec![good[1].clone(), good[0].clone()]),
        ("of two views", header, vec![entry(1, 1), good[1].clone()]),
        (
            "later than the leader",
            AppendEntries { last: txid(3, 2), ..header },
            vec![entry(3, 1), entry(3, 2)],
        ),
        ("backwards", AppendEntries { previous: txid(2, 3), ..header }, vec![]),
        ("two names for one entry", AppendEntries { previous: txid(1, 2), ..header }, vec![]),
        ("views go down", AppendEntries { previous: txid(2, 0), last: txid(1, 2), ..header }, vec![]),
    ];
    for (name, header, entries) in cases {
        let mut raft = member(1, &[1, 2]);
        let mut effects = Vec::new();
        let message = Message::AppendEntries(header);
        raft.handle(Input::Message { from: node(2), message, entries }, &mut effects);
        assert!(effects.is_empty(), "{name}: {effects:?}");
        assert_eq!(raft.role(), &Role::Follower { leader: None, matched: Seqno::ZERO }, "{name}");
    }
}

proptest! {
    /// Commits are monotone, at signatures, on disk, and as far as that allows.
    #[test]
    fn one_node_commits_what_is_signed_and_on_disk(steps in prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 1..200)) {
        let mut raft = member(1, &[1]);
        let (mut signatures, mut last, mut disk, mut committed) = (vec![0], 0, 0, 0);
        let mut effects = Vec::new();
        raft.handle(TICK, &mut effects);
        effects.retain(is_decision);
        prop_assert_eq!(&effects, &[LEADS]);
        for (kind, at) in steps {
            effects.clear();
            match kind {
                0 | 1 => {
                    last += 1;
                    if kind == 1 {
                        signatures.push(last);
                    }
                    raft.handle(Input::Propose(vec![Entry { signature: kind == 1, ..entry(2, last) }]), &mut effects);
                    prop_assert!(effects.is_empty());
                }
                2 => {
                    let seqno = at.index(usize::try_from(last).unwrap() + 1) as u64;
                    disk = disk.max(seqno);
                    raft.handle(Input::Persisted(txid(2, seqno)), &mut effects);
                }
                _ => raft.handle(Input::Tick { now_ms: last * 50 }, &mut effects),
            }
            let expected = *signatures.iter().rfind(|signature| **signature <= disk).unwrap();
            prop_assert_eq!(&effects, &if expected > committed { vec![commit(expected)] } else { vec![] });
            committed = expected;
            prop_assert_eq!(raft.log().committed().seqno, Seqno(committed));
            prop_assert_eq!(raft.log().last().seqno, Seqno(last));
        }
    }
}
