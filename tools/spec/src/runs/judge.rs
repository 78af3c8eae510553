//! Whether a step is allowed, as in `validate.tla`.

use super::{
    Large,
    words::{Malformed, Value},
};
use crate::{
    rules::{Action, Retirement, Rules},
    state::{Entry, Kind, Role, Set, set_of},
};

/// The specification, with nothing left out.
const RULES: Rules = Rules { at_once: false, no_stand: false, no_join: false, flaw: None };

/// What a run says: something that a node did, or what is so.
pub(super) enum Step {
    Does(Action),
    Takes { action: Action, view: u16, previous_view: u16, committed: u16, entries: Vec<Entry> },
    Joins { node: usize, view: u16, committed: u16 },
    Commits(usize, u16),
    Proposes(usize, Entry),
    Hears { node: usize, from: usize, view: u16 },
    Accepts { node: usize, to: usize, view: u16, upto: u16 },
    Is(usize, Box<Said>),
}

/// All of a node, as the run has it.
pub(super) struct Said {
    view: u16,
    role: Role,
    last_view: u16,
    last: u16,
    committed: u16,
    disk: u16,
    signatures: Vec<u16>,
    configurations: Vec<(u16, Set)>,
    retirement: Retirement,
    follows: Option<(usize, u16)>,
    votes: Set,
    held: Vec<(usize, u16)>,
}

impl Step {
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        let Value::Word(name, values) = Value::read(text)? else { return Err(Malformed(text.to_owned())) };
        read(&name, &values).ok_or_else(|| Malformed(text.to_owned()))
    }

    /// Takes the step, if it is allowed.
    pub(super) fn is_allowed(&self, state: &mut Large) -> bool {
        match self {
            Self::Does(action) => state.apply(&RULES, *action),
            Self::Takes { action, view, previous_view, committed, entries } => {
                says_so(state, *action, *view, *previous_view, *committed, entries)
                    && state.apply(&RULES, *action)
            }
            Self::Joins { node, view, committed } => {
                let has = |j: &usize| {
                    let from = &state.nodes[*j];
                    from.committed == *committed && from.log.at(*committed).view == *view
                };
                let from = (0..state.nodes.len()).filter(|j| j != node).find(has);
                from.is_some_and(|from| state.apply(&RULES, Action::Join(*node, from)))
            }
            Self::Commits(node, k) => {
                let leads = state.nodes[*node].role == Role::Leader;
                let action =
                    if leads { Action::LeaderCommit(*node, *k) } else { Action::FollowerCommit(*node, *k) };
                state.apply(&RULES, action)
            }
            Self::Proposes(node, Entry { view, kind, nodes }) => {
                *view == state.nodes[*node].view && state.apply(&RULES, Action::Propose(*node, *kind, *nodes))
            }
            Self::Hears { node, from, view } => {
                let action = Action::Take { node: *node, from: *from, previous: 0, last: 0 };
                *view == state.nodes[*node].view && state.apply(&RULES, action)
            }
            Self::Accepts { node, to, view, upto } => {
                let acks = state.acks.get(usize::from(*view));
                *upto == 0 || acks.is_some_and(|acks| acks[*to][*node] >= *upto)
            }
            Self::Is(node, said) => is_so(state, *node, said),
        }
    }
}

/// `IsSo`.
fn is_so(state: &Large, i: usize, said: &Said) -> bool {
    let node = &state.nodes[i];
    let log = &node.log;
    let own = (node.view, node.role, log.at(log.len()).view, log.len(), node.committed, node.disk);
    let follows = node.leader.map(|leader| (usize::from(leader), node.matched));
    own == (said.view, said.role, said.last_view, said.last, said.committed, said.disk)
        && log.all_of(Kind::Signature, node.committed, log.len()).eq(said.signatures.iter().copied())
        && node.in_force(&RULES).map(|k| (k, node.configuration(k))).eq(said.configurations.iter().copied())
        && node.retirement(i, node.committed) == said.retirement
        && (node.role != Role::Follower || follows == said.follows)
        && said.votes & !state.granted(i) == 0
        && said.held.iter().all(|(j, k)| *k == 0 || state.holders(&RULES, i, *k) & (1 << j) != 0)
}

/// The entries of a message are what its sender had.
fn says_so(
    state: &Large,
    action: Action,
    view: u16,
    previous_view: u16,
    committed: u16,
    entries: &[Entry],
) -> bool {
    let Action::Take { node, from, previous, last } = action else { return false };
    let Some(offer) = state.offers.get(usize::from(view)).and_then(|offers| offers[from].as_ref()) else {
        return false;
    };
    state.nodes[node].view == view
        && last <= offer.log.len()
        && committed <= offer.committed
        && previous <= last
        && offer.log.at(previous).view == previous_view
        && (previous + 1..=last).map(|k| offer.log.at(k)).eq(entries.iter().copied())
}

fn read(name: &str, values: &[Value]) -> Option<Step> {
    let node: usize = values.first()?.number().filter(|node| *node < Large::MOST)?;
    let rest = &values[1..];
    Some(match (name, rest) {
        ("Joins", [view, k]) => Step::Joins { node, view: view.number()?, committed: k.number()? },
        ("Follows", [view]) => Step::Does(Action::Follow(node, view.number()?)),
        ("Stands", []) => Step::Does(Action::Stand(node)),
        ("Campaigns", []) => Step::Does(Action::Campaign(node)),
        ("Leads", []) => Step::Does(Action::Lead(node)),
        ("Votes", [to]) => Step::Does(Action::Vote(node, other(to)?)),
        ("Persists", [k]) => Step::Does(Action::Persist(node, k.number()?)),
        ("Proposes", [value]) => Step::Proposes(node, entry(value)?),
        ("Hears", [from, view]) => Step::Hears { node, from: other(from)?, view: view.number()? },
        ("Takes", [from, view, previous_view, previous, last, k, entries]) => Step::Takes {
            action: Action::Take {
                node,
                from: other(from)?,
                previous: previous.number()?,
                last: last.number()?,
            },
            view: view.number()?,
            previous_view: previous_view.number()?,
            committed: k.number()?,
            entries: entries.many()?.iter().map(entry).collect::<Option<_>>()?,
        },
        ("Accepts", [to, view, k]) => {
            Step::Accepts { node, to: other(to)?, view: view.number()?, upto: k.number()? }
        }
        ("Commits", [k]) => Step::Commits(node, k.number()?),
        ("Is", values) => Step::Is(node, Box::new(said(values)?)),
        _ => return None,
    })
}

fn said(values: &[Value]) -> Option<Said> {
    let [view, role, last_view, last, committed, disk, rest @ ..] = values else { return None };
    let [signatures, configurations, retirement, follows, votes, held] = rest else { return None };
    let in_force = |value: &Value| {
        let [k, nodes] = value.many()? else { return None };
        Some((k.number()?, set(nodes)?))
    };
    let follows = match follows.many()? {
        [] => None,
        [leader] => Some(leader.pair()?),
        _ => return None,
    };
    Some(Said {
        view: view.number()?,
        role: self::role(role)?,
        last_view: last_view.number()?,
        last: last.number()?,
        committed: committed.number()?,
        disk: disk.number()?,
        signatures: signatures.many()?.iter().map(Value::number).collect::<Option<_>>()?,
        configurations: configurations.many()?.iter().map(in_force).collect::<Option<_>>()?,
        retirement: self::retirement(retirement)?,
        follows,
        votes: set(votes)?,
        held: held.many()?.iter().map(Value::pair).collect::<Option<_>>()?,
    })
}

fn other(value: &Value) -> Option<usize> {
    value.number().filter(|node| *node < Large::MOST)
}

fn set(value: &Value) -> Option<Set> {
    value.many()?.iter().map(other).collect::<Option<Vec<_>>>().map(set_of)
}

fn entry(value: &Value) -> Option<Entry> {
    let Value::Word(name, values) = value else { return None };
    let view = values.first()?.number()?;
    let (kind, nodes) = match (name.as_str(), &values[1..]) {
        ("D", []) => (Kind::Data, 0),
        ("S", []) => (Kind::Signature, 0),
        ("C", [nodes]) => (Kind::Configuration, set(nodes)?),
        ("M", [nodes]) => (Kind::Mark, set(nodes)?),
        _ => return None,
    };
    Some(Entry { view, kind, nodes })
}

fn role(value: &Value) -> Option<Role> {
    let Value::Text(text) = value else { return None };
    let all = [Role::Follower, Role::PreCandidate, Role::Candidate, Role::Leader, Role::Retired];
    all.into_iter().find(|role| format!("{role:?}") == *text)
}

fn retirement(value: &Value) -> Option<Retirement> {
    let Value::Text(text) = value else { return None };
    Some(match text.as_str() {
        "Active" => Retirement::Active,
        "RetirementOrdered" => Retirement::Ordered,
        "RetirementSigned" => Retirement::Signed,
        "RetirementCompleted" => Retirement::Completed,
        "RetiredCommitted" => Retirement::Committed,
        _ => return None,
    })
}
