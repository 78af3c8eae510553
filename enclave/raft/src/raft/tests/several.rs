//! What only services of several nodes do: quorum checks, hand-over, flow control, strangers, snapshots.

use coco_wire::{Seqno, TxId, View};

use super::{
    SETTINGS, accepted, configuration, election, entry, from, joins, member, node, run, signature, txid,
    voted,
};
use crate::{
    Base, Effect, Election, Entry, Input, Message, PreVote, Raft, Replication, Role, Settings, Start,
    message::{AppendEntries, AppendEntriesResponse, RequestVote},
};

fn refused(name: u8, view: u64, possible: (u64, u64)) -> Input {
    let possible = txid(possible.0, possible.1);
    let response = AppendEntriesResponse::Refused { view: View(view), possible };
    from(name, Message::AppendEntriesResponse(response))
}

pub(super) fn append(
    name: u8,
    view: u64,
    previous: (u64, u64),
    entries: Vec<Entry>,
    committed: u64,
) -> Input {
    let previous = txid(previous.0, previous.1);
    let last = entries.last().map_or(previous, |entry| entry.txid);
    let header = AppendEntries { view: View(view), previous, last, committed: Seqno(committed) };
    Input::Message { from: node(name), message: Message::AppendEntries(header), entries }
}

fn ask(name: u8, view: u64, election: Election) -> Input {
    let request = RequestVote { view: View(view), last_signature: txid(9, 9), election };
    from(name, Message::RequestVote(request))
}

pub(super) fn handle(raft: &mut Raft, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
    let mut effects = Vec::new();
    inputs.into_iter().for_each(|input| raft.handle(input, &mut effects));
    effects
}

/// What was sent to a node, as (after, up to) for entries.
pub(super) fn ranges(effects: &[Effect], name: u8) -> Vec<(u64, u64)> {
    let range = |effect: &Effect| match effect {
        Effect::Send { to, message: Message::AppendEntries(header) } if *to == node(name) => {
            Some((header.previous.seqno.0, header.last.seqno.0))
        }
        _ => None,
    };
    effects.iter().filter_map(range).collect()
}

#[test]
fn a_leader_that_hears_of_no_quorum_steps_down() {
    let steps_down = [Effect::Rollback { to: Seqno(0) }, Effect::BecameFollower { view: View(2) }];
    let tick = |now_ms| Input::Tick { now_ms };
    let cases: Vec<(&str, Vec<Input>, bool)> = vec![
        ("not before an election timeout", vec![tick(1999)], false),
        ("after it", vec![tick(2000)], true),
        ("one answer of three nodes is enough", vec![tick(1500), accepted(3, 2, 0), tick(2400)], false),
        ("for a while", vec![tick(1500), accepted(3, 2, 0), tick(2500)], true),
        ("a refusal is an answer", vec![tick(1500), refused(2, 2, (0, 0)), tick(2400)], false),
        (
            "one of an earlier view is not",
            vec![tick(1500), accepted(3, 1, 0), refused(2, 1, (0, 0)), tick(2400)],
            true,
        ),
        ("a stranger's neither", vec![tick(1500), accepted(7, 2, 0), tick(2400)], true),
        (
            "every configuration needs its quorum",
            vec![
                Input::Propose(vec![joins(2, 1, &[1, 4, 5])]),
                tick(1500),
                accepted(2, 2, 0),
                accepted(3, 2, 0),
                tick(2500),
            ],
            true,
        ),
    ];
    for (name, inputs, expected) in cases {
        let (raft, effects) = run(&[1, 2, 3], election().into_iter().chain(inputs));
        assert_eq!(effects.ends_with(&steps_down), expected, "{name}: {effects:?}");
        assert_eq!(matches!(raft.role(), Role::Follower { .. }), expected, "{name}");
    }
    let (raft, _) = run(&[1], [tick(0), tick(99_999)]);
    assert!(raft.leader() == Some(node(1)), "a single node needs nobody");
}

#[test]
fn a_leader_hands_over_to_who_has_most() {
    let (mut raft, _) = run(&[1, 2, 3], election());
    handle(
        &mut raft,
        [Input::Propose(vec![entry(2, 1), signature(2, 2)]), accepted(2, 2, 1), accepted(3, 2, 2)],
    );
    let message = Message::ProposeRequestVote { view: View(2) };
    assert_eq!(handle(&mut raft, [Input::HandOver]), [Effect::Send { to: node(3), message }]);
    assert_eq!(raft.leader(), Some(node(1)), "it leads on until then");
    assert_eq!(
        handle(&mut member(1, &[1, 2]), [Input::HandOver]),
        [],
        "who does not lead has nothing to hand over"
    );
}

#[test]
fn only_the_leader_proposes_a_vote() {
    let proposed = |name, view| from(name, Message::ProposeRequestVote { view: View(view) });
    let cases = [
        ("its leader", proposed(2, 2), true),
        ("another", proposed(3, 2), false),
        ("once", proposed(2, 1), false),
    ];
    for (name, input, expected) in cases {
        let mut raft = member(1, &[1, 2, 3]);
        handle(&mut raft, [append(2, 2, (0, 0), vec![signature(2, 1)], 0), input]);
        assert_eq!(matches!(raft.role(), Role::Candidate { .. }), expected, "{name}");
    }
}

#[test]
fn what_is_in_flight_is_bounded() {
    let (mut raft, _) = run(
        &[1, 2],
        [Input::Tick { now_ms: 1000 }, voted(2, 1, Election::PreVote), voted(2, 2, Election::Vote)],
    );
    let log = (1..=20).map(|seqno| entry(2, seqno)).collect();
    let sent = |raft: &mut Raft, input| ranges(&handle(raft, [input]), 2);
    assert_eq!(sent(&mut raft, Input::Propose(log)), [(0, 3), (3, 6)], "two messages of three entries");
    assert_eq!(
        sent(&mut raft, Input::Tick { now_ms: 1500 }),
        [(6, 6)],
        "a sign of life is sent all the same"
    );
    assert_eq!(sent(&mut raft, accepted(2, 2, 2)), [], "half a message is not answered");
    assert_eq!(sent(&mut raft, accepted(2, 2, 3)), [(6, 9)]);
    assert_eq!(sent(&mut raft, refused(2, 2, (2, 3))), [(3, 6)], "what was lost is sent again");
    assert_eq!(sent(&mut raft, refused(2, 2, (2, 3))), [], "once");
    assert_eq!(sent(&mut raft, accepted(2, 2, 9)), [(9, 12), (12, 15)]);
}

/// A disk reports with signatures only: a peer that has none of what is in flight would never answer.
#[test]
fn a_signature_goes_beyond_what_may_be_in_flight() {
    let (mut raft, _) = run(
        &[1, 2],
        [Input::Tick { now_ms: 1000 }, voted(2, 1, Election::PreVote), voted(2, 2, Election::Vote)],
    );
    let propose =
        |raft: &mut Raft, entries: &[Entry]| ranges(&handle(raft, [Input::Propose(entries.to_vec())]), 2);
    let entries: Vec<Entry> = (1..=10).map(|seqno| entry(2, seqno)).collect();
    assert_eq!(propose(&mut raft, &entries), [(0, 3), (3, 6)]);
    assert_eq!(propose(&mut raft, &[signature(2, 11)]), [(6, 9), (9, 11)], "with all before it");
    assert_eq!(propose(&mut raft, &[entry(2, 12), signature(2, 13)]), [], "one of them is enough");
    assert_eq!(ranges(&handle(&mut raft, [accepted(2, 2, 11)]), 2), [(11, 13)]);
}

/// The same while the leader probes: a message without a signature is answered with what was on the disk before it.
#[test]
fn a_probe_without_a_signature_is_followed_by_the_rest() {
    let (mut raft, _) = run(
        &[1, 2],
        [Input::Tick { now_ms: 1000 }, voted(2, 1, Election::PreVote), voted(2, 2, Election::Vote)],
    );
    let sent = |raft: &mut Raft, input| ranges(&handle(raft, [input]), 2);
    let log = (1..=20).map(|seqno| if seqno == 14 { signature(2, seqno) } else { entry(2, seqno) }).collect();
    assert_eq!(sent(&mut raft, Input::Propose(log)), [(0, 3), (3, 6), (6, 9), (9, 12), (12, 15)]);
    assert_eq!(sent(&mut raft, refused(2, 2, (2, 5))), [(5, 8)], "the rest was lost");
    assert_eq!(sent(&mut raft, Input::Tick { now_ms: 1500 }), [(5, 8)], "this may be lost, too");
    assert_eq!(sent(&mut raft, accepted(2, 2, 0)), [(5, 8), (8, 11), (11, 14)], "up to the signature");
    assert_eq!(sent(&mut raft, accepted(2, 2, 14)), [(14, 17), (17, 20)]);
}

#[test]
fn one_round_for_each_view_in_which_logs_differ() {
    let follower_log = [(2, 1), (2, 2), (3, 3), (3, 4), (3, 5)].map(|(view, seqno)| signature(view, seqno));
    let mut follower = member(2, &[1, 2, 3]);
    handle(
        &mut follower,
        [
            append(3, 3, (0, 0), follower_log[..2].to_vec(), 0),
            append(3, 3, (2, 2), follower_log[2..].to_vec(), 0),
        ],
    );
    let refusals: Vec<_> = [(4, 9), (4, 5), (4, 3), (2, 2)]
        .into_iter()
        .filter_map(|previous| handle(&mut follower, [append(1, 5, previous, vec![], 0)]).pop())
        .map(|effect| match effect {
            Effect::Send { message: Message::AppendEntriesResponse(response), .. } => response,
            other => panic!("{other:?}"),
        })
        .collect();
    let refused = |view, seqno| AppendEntriesResponse::Refused { view: View(5), possible: txid(view, seqno) };
    let accepted = AppendEntriesResponse::Accepted { view: View(5), last: Seqno(0) };
    assert_eq!(refusals, [refused(5, 5), refused(3, 5), refused(3, 3), accepted]);
    // The leader skips its own views the same way.
    assert_eq!(follower.log().highest_possible_match(txid(2, 5)), txid(2, 2));
}

#[test]
fn strangers() {
    let leads = append(2, 2, (0, 0), vec![signature(2, 1)], 0);
    let late = Input::Tick { now_ms: 900 };
    // Name, whether the node knows a configuration, inputs, and the view that it is in then.
    let cases: Vec<(&str, bool, Vec<Input>, u64)> = vec![
        ("do not depose a leader that is heard", true, vec![leads.clone(), ask(9, 7, Election::Vote)], 2),
        ("nor ask", true, vec![leads.clone(), ask(9, 7, Election::PreVote)], 2),
        (
            "are heard when it is silent",
            true,
            vec![leads.clone(), Input::Tick { now_ms: 5000 }, ask(9, 7, Election::Vote)],
            7,
        ),
        ("who lead are followed", true, vec![leads.clone(), append(9, 7, (2, 1), vec![], 0)], 7),
        (
            "say nothing of a log",
            true,
            vec![leads.clone(), refused(9, 7, (0, 0)), accepted(9, 7, 1), voted(9, 7, Election::Vote)],
            2,
        ),
        ("are all there is at first", false, vec![leads, late, ask(9, 7, Election::Vote)], 7),
    ];
    for (name, knows, inputs, view) in cases {
        let mut raft =
            if knows { member(1, &[1, 2, 3]) } else { Raft::new(node(1), SETTINGS, Start::Empty, 1) };
        handle(&mut raft, inputs);
        assert_eq!(raft.view(), View(view), "{name}");
    }
}

#[test]
fn an_empty_node_learns_whom_to_agree_with() {
    let mut raft = Raft::new(node(1), SETTINGS, Start::Empty, 1);
    assert_eq!(handle(&mut raft, [Input::Tick { now_ms: 99_999 }]), [], "it does not stand");
    handle(
        &mut raft,
        [append(2, 2, (0, 0), vec![joins(2, 1, &[2]), signature(2, 2), joins(2, 3, &[1, 2])], 0)],
    );
    assert_eq!(
        handle(&mut raft, [Input::Tick { now_ms: 199_999 }]),
        [],
        "nor before what added it is signed"
    );
    handle(&mut raft, [append(2, 2, (2, 3), vec![signature(2, 4)], 2)]);
    assert_eq!(raft.log().configurations().map(|(from, _)| from.0).collect::<Vec<_>>(), [1, 3]);
    handle(&mut raft, [Input::Tick { now_ms: 299_999 }]);
    assert!(matches!(raft.role(), Role::PreCandidate { .. }));
}

#[test]
fn a_snapshot_is_where_the_log_begins() {
    let base = Base {
        last: txid(3, 20),
        views: vec![txid(2, 1), txid(3, 11)],
        configuration: (Seqno(5), configuration(&[1, 2])),
        leaving: [node(7)].into(),
        unreadable: Seqno(20),
    };
    let mut raft = Raft::new(node(1), SETTINGS, Start::Snapshot(base), 1);
    assert_eq!(
        (raft.view(), raft.log().committed(), raft.log().at(Seqno(10))),
        (View(3), txid(3, 20), Some(txid(2, 10)))
    );
    let conflict = append(2, 4, (2, 10), vec![entry(4, 11)], 0);
    assert!(
        !handle(&mut raft, [conflict]).iter().any(|effect| matches!(effect, Effect::Append { .. })),
        "S5"
    );

    handle(&mut raft, [Input::Tick { now_ms: 3000 }, voted(2, 4, Election::PreVote)]);
    let effects = handle(&mut raft, [voted(2, 5, Election::Vote)]);
    assert!(effects.contains(&Effect::Retirable([node(7)].into())), "{effects:?}");
    let effects = handle(&mut raft, [refused(2, 5, (5, 12))]);
    assert!(effects.contains(&Effect::Behind { node: node(2), first: Seqno(13) }));
    assert_eq!(ranges(&effects, 2), [(12, 12)], "but it hears that there is a leader");
}

#[test]
fn rules_for_pre_votes() {
    let asks_at_once = |pre_vote| {
        let mut raft = Raft::new(node(1), Settings { pre_vote, ..SETTINGS }, Start::Service, 1);
        handle(&mut raft, [append(2, 2, (0, 0), vec![joins(2, 1, &[1, 2, 3]), signature(2, 2)], 0)]);
        let Some(Effect::Send { message: Message::RequestVoteResponse(response), .. }) =
            handle(&mut raft, [ask(3, 2, Election::PreVote)]).pop()
        else {
            panic!("no answer")
        };
        handle(&mut raft, [Input::Tick { now_ms: 5000 }]);
        (response.granted, matches!(raft.role(), Role::Candidate { .. }))
    };
    assert_eq!(asks_at_once(PreVote::Off), (true, true));
    assert_eq!(asks_at_once(PreVote::Log), (true, false));
    assert_eq!(asks_at_once(PreVote::Silence), (false, false));
}

#[test]
fn with_heartbeats_only() {
    let settings = Settings { replication: Replication::WithHeartbeat, ..SETTINGS };
    let mut raft = Raft::new(node(1), settings, Start::Service, 1);
    handle(
        &mut raft,
        [Input::Tick { now_ms: 0 }, Input::Propose(vec![signature(2, 1)]), Input::Persisted(txid(2, 1))],
    );
    let effects = handle(&mut raft, [Input::Propose(vec![joins(2, 2, &[1, 2]), signature(2, 3)])]);
    assert_eq!(ranges(&effects, 2), [(1, 1)], "a new peer hears where the leader is");
    assert_eq!(ranges(&handle(&mut raft, [refused(2, 2, (2, 0))]), 2), []);
    assert_eq!(ranges(&handle(&mut raft, [Input::Tick { now_ms: 100 }]), 2), [(0, 3)]);
}

#[test]
fn absurd_numbers_change_nothing() {
    let huge = u64::MAX;
    let inputs = |name| {
        vec![
            append(name, huge, (0, 0), vec![], huge),
            append(name, 2, (huge, huge), vec![], huge),
            append(name, 2, (0, huge - 1), vec![], huge),
            append(name, 2, (0, 0), vec![entry(2, huge)], huge),
            accepted(name, 2, huge),
            accepted(name, huge, huge),
            refused(name, 2, (huge, huge)),
            refused(name, huge, (huge, huge)),
            voted(name, huge, Election::Vote),
            ask(name, huge, Election::Vote),
            ask(name, huge - 1, Election::PreVote),
            from(name, Message::ProposeRequestVote { view: View(huge) }),
            Input::Persisted(txid(huge, huge)),
            Input::Persisted(TxId { view: View(2), seqno: Seqno(huge) }),
        ]
    };
    for name in [2, 9] {
        let (mut leader, _) = run(&[1, 2, 3], election());
        handle(&mut leader, inputs(name));
        assert_eq!((leader.view(), leader.log().committed()), (View(2), TxId::default()));
        let mut follower = member(1, &[1, 2, 3]);
        handle(&mut follower, inputs(name));
        assert!(follower.view() <= View(2));
        handle(&mut follower, [Input::Tick { now_ms: huge }, Input::Tick { now_ms: huge }]);
        assert_eq!(follower.log().last(), TxId::default());
    }
}

#[test]
fn timeouts_follow_from_the_seed() {
    let stands_at = |seed| {
        let mut raft = Raft::new(node(1), SETTINGS, member_start(), seed);
        handle(&mut raft, [append(2, 2, (0, 0), vec![], 0)]);
        (0..)
            .find(|now_ms| !handle(&mut raft, [Input::Tick { now_ms: *now_ms }]).is_empty())
            .expect("it stands")
    };
    let times: Vec<u64> = (0..20).map(stands_at).collect();
    assert!(times.iter().all(|ms| (500..=1000).contains(ms)), "{times:?}");
    assert!(times.iter().collect::<std::collections::BTreeSet<_>>().len() > 15, "{times:?}");
    assert_eq!(times, (0..20).map(stands_at).collect::<Vec<_>>());
}

fn member_start() -> Start {
    Start::Snapshot(Base {
        last: TxId::default(),
        views: Vec::new(),
        configuration: (Seqno::ZERO, configuration(&[1, 2, 3])),
        leaving: [].into(),
        unreadable: Seqno::ZERO,
    })
}
