//! What must hold of every state and of every step, as in `consensus.tla`.

use crate::{
    rules::{Model, Retirement, is_majority},
    state::{Kind, Role, Small, members, set_of},
};

type State = Small;
type Node = crate::state::Node<7>;
type Log = crate::state::Log<7>;

/// A property by its name, with what breaks it.
type Property<T> = (&'static str, fn(&Model, &T) -> bool);

const OF_STATES: [Property<State>; 10] = [
    ("OneLeader", one_leader),
    ("LogMatching", log_matching),
    ("LeaderCompleteness", leader_completeness),
    ("CommittedAgree", committed_agree),
    ("CommittedSigned", committed_signed),
    ("ViewsGoUp", views_go_up),
    ("Replicated", replicated),
    ("Gone", gone),
    ("GoneIsKnown", gone_is_known),
    ("OneVote", one_vote),
];

const OF_STEPS: [Property<(Node, Node)>; 5] = [
    ("CommitsStay", commits_stay),
    ("BackToSignature", back_to_signature),
    ("OwnView", own_view),
    ("ViewsStay", |_, (before, after)| after.view >= before.view),
    ("Turns", turns),
];

/// The first property that a state breaks.
#[must_use]
pub fn broken_by_state(model: &Model, state: &State) -> Option<&'static str> {
    OF_STATES.iter().find(|(_, holds)| !holds(model, state)).map(|(name, _)| *name)
}

/// The first property that a step breaks.
#[must_use]
pub fn broken_by_step(model: &Model, before: &State, after: &State) -> Option<&'static str> {
    let changed = before.nodes.iter().zip(&after.nodes).filter(|(before, after)| before != after);
    let mut steps = changed.map(|(before, after)| (*before, *after));
    steps.find_map(|step| OF_STEPS.iter().find(|(_, holds)| !holds(model, &step)).map(|(name, _)| *name))
}

fn one_leader(_: &Model, state: &State) -> bool {
    state.offers.iter().all(|of_view| of_view.iter().flatten().count() <= 1)
}

fn log_matching(model: &Model, state: &State) -> bool {
    let offered = state.offers.iter().flatten().flatten().map(|offer| &offer.log);
    let logs = || nodes(model, state).iter().map(|node| &node.log).chain(offered.clone());
    logs().enumerate().all(|(at, a)| logs().skip(at + 1).all(|b| is_match(a, b)))
}

fn is_match(a: &Log, b: &Log) -> bool {
    let same = (1..=a.len().min(b.len())).rev().find(|k| a.at(*k).view == b.at(*k).view);
    same.is_none_or(|k| a.prefix(k) == b.prefix(k))
}

fn leader_completeness(model: &Model, state: &State) -> bool {
    nodes(model, state).iter().filter(|node| node.role == Role::Leader).all(|node| {
        let earlier = state.offers[..usize::from(node.view)].iter().flatten().flatten();
        earlier.into_iter().all(|offer| offer.log.prefix(offer.committed).is_prefix_of(&node.log))
    })
}

fn committed_agree(model: &Model, state: &State) -> bool {
    let final_logs = || nodes(model, state).iter().map(|node| node.log.prefix(node.committed));
    final_logs().all(|a| final_logs().all(|b| a.is_prefix_of(&b) || b.is_prefix_of(&a)))
}

fn committed_signed(model: &Model, state: &State) -> bool {
    nodes(model, state).iter().all(|Node { log, committed, .. }| {
        *committed <= log.len() && (*committed == 0 || log.at(*committed).kind == Kind::Signature)
    })
}

fn views_go_up(model: &Model, state: &State) -> bool {
    nodes(model, state).iter().all(|Node { view, log, .. }| {
        (1..=log.len()).all(|k| {
            let (before, entry) = (log.at(k - 1), log.at(k));
            let goes_on = before.view == entry.view;
            let is_new = before.view < entry.view && before.kind == Kind::Signature;
            entry.view <= *view && (k == 1 || goes_on || is_new)
        })
    })
}

fn replicated(model: &Model, state: &State) -> bool {
    nodes(model, state).iter().filter(|node| node.committed > 0).all(|node| {
        let prefix = node.log.prefix(node.committed);
        let holds = |other: &Node| other.disk >= node.committed && prefix.is_prefix_of(&other.log);
        let holders = set_of((0..model.nodes).filter(|j| holds(&state.nodes[*j])));
        is_majority(holders, node.configuration(node.log.last_of(Kind::Configuration, node.committed)))
    })
}

fn gone(model: &Model, state: &State) -> bool {
    (0..model.nodes).all(|i| {
        let node = &state.nodes[i];
        let Node { role, log, committed, .. } = node;
        let is_gone = node.retirement(i, *committed) == Retirement::Committed;
        let rests = matches!(role, Role::Follower | Role::Retired);
        let marks = log.all_of(Kind::Mark, 0, log.len());
        let stay_away = |k: u16| {
            let nodes = log.at(k).nodes;
            let mut later = log.all_of(Kind::Configuration, k, log.len());
            nodes & !node.removed(k) == 0 && later.all(|m| log.at(m).nodes & nodes == 0)
        };
        (!is_gone || rests) && marks.into_iter().all(stay_away)
    })
}

fn gone_is_known(model: &Model, state: &State) -> bool {
    (0..model.nodes).all(|i| {
        let Node { view, committed, .. } = state.nodes[i];
        let is_gone = state.nodes[i].retirement(i, committed) == Retirement::Committed;
        let mut leaders =
            nodes(model, state).iter().filter(|node| node.role == Role::Leader && node.view >= view);
        let knows = |log: &Log| {
            log.all_of(Kind::Mark, 0, log.len()).any(|k| members(log.at(k).nodes).any(|gone| gone == i))
        };
        !is_gone || leaders.all(|leader| knows(&leader.log))
    })
}

fn one_vote(_: &Model, state: &State) -> bool {
    state.grants.iter().flatten().all(|granted| granted.count_ones() <= 1)
}

fn commits_stay(_: &Model, (before, after): &(Node, Node)) -> bool {
    after.committed >= before.committed && before.log.prefix(before.committed).is_prefix_of(&after.log)
}

fn back_to_signature(_: &Model, (before, after): &(Node, Node)) -> bool {
    let common = before.log.len().min(after.log.len());
    let kept = (0..=common).rev().find(|k| before.log.prefix(*k) == after.log.prefix(*k)).unwrap_or(0);
    kept == before.log.len() || kept == 0 || before.log.at(kept).kind == Kind::Signature
}

fn own_view(_: &Model, (before, after): &(Node, Node)) -> bool {
    let commits = before.role == Role::Leader && after.committed > before.committed;
    !commits || before.log.at(after.committed).view == before.view
}

fn turns(_: &Model, (before, after): &(Node, Node)) -> bool {
    use Role::{Candidate, Follower, Leader, PreCandidate, Retired};
    before.role == after.role
        || match before.role {
            Follower => matches!(after.role, PreCandidate | Candidate | Retired),
            PreCandidate => matches!(after.role, Follower | Candidate),
            Candidate => matches!(after.role, Follower | PreCandidate | Leader),
            Leader => matches!(after.role, Follower | Retired),
            Retired => after.role == Follower,
        }
}

fn nodes<'a>(model: &Model, state: &'a State) -> &'a [Node] {
    &state.nodes[..model.nodes]
}
