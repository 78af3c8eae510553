//! The nodes of a scenario, and the links between them.

use std::collections::{BTreeMap, BTreeSet};

use coco_raft::{Base, Configuration, Entry, Input, Message, Start};
use coco_wire::{Seqno, TxId};

use super::{
    node::{Node, Stored, id_of, name_of},
    trace::Trace,
};
use crate::{random::Random, steps::Steps};

/// Rounds in which all nodes must agree at the end.
const MAX_SYNC_ROUNDS: usize = 20;
/// Rounds of messages that answer messages.
const MAX_DISPATCH_ROUNDS: usize = 5;

/// Why a command could not be done or asserted what is not so.
pub(super) type Done = Result<(), String>;

/// Where a scenario went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Failure {
    /// Counted from 1.
    pub line: usize,
    /// What is not as it should be.
    pub reason: String,
}

/// Plays a scenario.
#[derive(Default)]
pub struct Driver {
    pub(super) nodes: BTreeMap<String, Node>,
    links: BTreeSet<(String, String)>,
    pre_vote: bool,
    pub(super) notes: Vec<String>,
    pub(super) trace: Trace,
}

impl Driver {
    /// What `state_*` and `summarise_*` said.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The trace, a JSON object a line, as `tla/consensus/Traceccfraft.tla` of CCF reads it.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        self.trace.lines()
    }

    /// The steps, as our own specification has them.
    #[must_use]
    pub fn steps(&self) -> &Steps {
        &self.trace.steps
    }

    pub(super) fn set_pre_vote(&mut self, value: &str) -> Done {
        self.pre_vote = value.parse().map_err(|_| format!("neither true nor false: {value}"))?;
        Ok(())
    }

    pub(super) fn start_node(&mut self, name: &str) -> Done {
        if !self.nodes.is_empty() {
            return Err("there is a first node already".to_owned());
        }
        self.add(name, &Start::Service)?;
        let node = self.nodes.get_mut(name).expect("just added");
        node.tick(0, &mut self.trace);
        self.append("2", String::new(), |entry| {
            entry.configuration = Some(Configuration::from_iter([id_of(name)]));
        })
    }

    pub(super) fn create_network(&mut self, names: &[&str]) -> Done {
        let configuration: Configuration = names.iter().map(|name| id_of(name)).collect();
        for name in names {
            let base = Base {
                last: TxId::default(),
                views: Vec::new(),
                configuration: (Seqno::ZERO, configuration.clone()),
                leaving: BTreeSet::new(),
                unreadable: Seqno::ZERO,
            };
            self.add(name, &Start::Snapshot(base))?;
        }
        Ok(())
    }

    pub(super) fn create_node(&mut self, name: &str) -> Done {
        self.add(name, &Start::Empty)
    }

    pub(super) fn trust_nodes(&mut self, view: &str, names: &[&str]) -> Done {
        self.swap_nodes(view, &[], names)
    }

    pub(super) fn swap_nodes(&mut self, view: &str, old: &[&str], new: &[&str]) -> Done {
        for name in new {
            self.add(name, &Start::Empty)?;
        }
        for name in new {
            self.for_all_others(name, Self::connect)?;
        }
        let stay = self.nodes.keys().filter(|name| !old.contains(&name.as_str()));
        let configuration: Configuration = stay.map(|name| id_of(name)).collect();
        self.append(view, String::new(), |entry| entry.configuration = Some(configuration))
    }

    pub(super) fn replicate_configuration(&mut self, view: &str, names: &[&str]) -> Done {
        for name in names {
            if !self.nodes.contains_key(*name) {
                self.create_node(name)?;
            }
        }
        let configuration: Configuration = names.iter().map(|name| id_of(name)).collect();
        self.append(view, String::new(), |entry| entry.configuration = Some(configuration))
    }

    pub(super) fn cleanup_nodes(&mut self, view: &str, names: &[&str]) -> Done {
        for name in names {
            self.node(name)?;
        }
        let nodes = names.iter().map(|name| id_of(name)).collect();
        self.append(view, String::new(), |entry| entry.retired = nodes)
    }

    pub(super) fn replicate(&mut self, view: &str, data: &str) -> Done {
        self.append(view, data.to_owned(), |_| ())
    }

    pub(super) fn emit_signature(&mut self, view: &str) -> Done {
        self.append(view, "signature".to_owned(), |entry| entry.signature = true)
    }

    pub(super) fn hand_over(&mut self, name: &str) -> Done {
        let node = self.nodes.get_mut(name).ok_or_else(|| unknown(name))?;
        node.handle(Input::HandOver, &[], &mut self.trace);
        Ok(())
    }

    pub(super) fn connect(&mut self, left: &str, right: &str) -> Done {
        self.links.insert((left.to_owned(), right.to_owned()));
        self.links.insert((right.to_owned(), left.to_owned()));
        Ok(())
    }

    pub(super) fn disconnect(&mut self, left: &str, right: &str) -> Done {
        self.links.remove(&(left.to_owned(), right.to_owned()));
        self.links.remove(&(right.to_owned(), left.to_owned()));
        Ok(())
    }

    pub(super) fn for_all_others(&mut self, name: &str, change: fn(&mut Self, &str, &str) -> Done) -> Done {
        let others = self.names().into_iter().filter(|other| other != name);
        others.into_iter().try_for_each(|other| change(self, name, &other))
    }

    pub(super) fn periodic_one(&mut self, name: &str, ms: &str) -> Done {
        let ms = number(ms)?;
        let node = self.nodes.get_mut(name).ok_or_else(|| unknown(name))?;
        node.tick(ms, &mut self.trace);
        Ok(())
    }

    pub(super) fn periodic_all(&mut self, ms: &str) -> Done {
        self.names().iter().try_for_each(|name| self.periodic_one(name, ms))
    }

    pub(super) fn dispatch_one(&mut self, name: &str) -> Done {
        self.dispatch_some(name, usize::MAX)
    }

    pub(super) fn dispatch_single(&mut self, from: &str, to: &str) -> Done {
        self.node(to)?;
        let node = self.nodes.get_mut(from).ok_or_else(|| unknown(from))?;
        if let Some(at) = node.outbox.iter().position(|(receiver, _)| *receiver == id_of(to)) {
            let (_, message) = node.outbox.remove(at).expect("just found");
            self.deliver(from, to, message);
        }
        Ok(())
    }

    /// What is there now, but no answers to it.
    pub(super) fn dispatch_all_once(&mut self) -> Done {
        let waiting: Vec<_> =
            self.nodes.iter().map(|(name, node)| (name.clone(), node.outbox.len())).collect();
        waiting.iter().try_for_each(|(name, count)| self.dispatch_some(name, *count))
    }

    pub(super) fn dispatch_all(&mut self) -> Done {
        for _ in 0..MAX_DISPATCH_ROUNDS {
            if self.nodes.values().all(|node| node.outbox.is_empty()) {
                break;
            }
            self.dispatch_all_once()?;
        }
        Ok(())
    }

    pub(super) fn shuffle_one(&mut self, name: &str) -> Done {
        let node = self.nodes.get_mut(name).ok_or_else(|| unknown(name))?;
        Random::new(0).shuffle(node.outbox.make_contiguous());
        Ok(())
    }

    pub(super) fn shuffle_all(&mut self) -> Done {
        self.names().iter().try_for_each(|name| self.shuffle_one(name))
    }

    pub(super) fn drop_pending(&mut self, from: &str) -> Done {
        self.names().iter().try_for_each(|to| self.drop_pending_to(from, to))
    }

    pub(super) fn drop_pending_to(&mut self, from: &str, to: &str) -> Done {
        let node = self.nodes.get_mut(from).ok_or_else(|| unknown(from))?;
        let all = std::mem::take(&mut node.outbox);
        let (dropped, kept) = all.into_iter().partition(|(receiver, _)| *receiver == id_of(to));
        node.outbox = kept;
        for (to, message) in Vec::from(dropped) {
            self.trace.dropped(node, &to, &message);
        }
        Ok(())
    }

    /// All nodes that are not leaving agree, once they are connected and the leader signs.
    pub(super) fn loop_until_sync(&mut self) -> Done {
        let leader = self.leader("latest")?.ok_or("there is no leader that could bring all up to date")?;
        let view = self.nodes[&leader].raft.view().to_string();
        let nodes: Vec<String> =
            self.names().into_iter().filter(|name| self.nodes[name].is_active()).collect();
        self.emit_signature(&view)?;
        for name in &nodes {
            self.for_all_others(name, Self::connect)?;
        }
        let mut differences = Vec::new();
        for _ in 0..MAX_SYNC_ROUNDS {
            self.periodic_one(&leader, "10")?;
            self.dispatch_all()?;
            differences = self.differences(&nodes);
            if differences.is_empty() {
                return Ok(());
            }
        }
        Err(format!("no agreement after {MAX_SYNC_ROUNDS} rounds: {}", differences.join("; ")))
    }

    fn add(&mut self, name: &str, start: &Start) -> Done {
        let node = Node::new(name, self.pre_vote, start.clone());
        self.trace.steps.started(&node.raft, start);
        let known = self.nodes.insert(name.to_owned(), node).is_some();
        check(!known, || format!("there is a node {name} already"))
    }

    /// Appends at the leader of a view; nothing if the latest leader is asked for and there is none.
    fn append(&mut self, view: &str, data: String, change: impl FnOnce(&mut Entry)) -> Done {
        let Some(leader) = self.leader(view)? else { return Ok(()) };
        let node = self.nodes.get_mut(&leader).expect("it leads");
        let txid = TxId { view: node.raft.view(), seqno: node.raft.log().last().seqno.next() };
        let mut entry = Entry { txid, ..Entry::default() };
        change(&mut entry);
        node.propose(Stored { entry, data }, &mut self.trace);
        Ok(())
    }

    fn leader(&self, view: &str) -> Result<Option<String>, String> {
        let leaders = self.nodes.iter().filter(|(_, node)| node.leads());
        let leaders = leaders.map(|(name, node)| (node.raft.view().0, name.clone()));
        if view == "latest" {
            return Ok(leaders.max().map(|(_, name)| name));
        }
        let wanted = number(view)?;
        let found = leaders.filter(|(view, _)| *view == wanted).map(|(_, name)| name).next();
        found.map(Some).ok_or_else(|| format!("nobody leads in view {view}"))
    }

    fn dispatch_some(&mut self, name: &str, count: usize) -> Done {
        let mut delivered = 0;
        while delivered < count {
            let node = self.nodes.get_mut(name).ok_or_else(|| unknown(name))?;
            let Some((to, message)) = node.outbox.pop_front() else { break };
            delivered += usize::from(self.deliver(name, &name_of(&to), message));
        }
        Ok(())
    }

    /// False if the link is down, or the entries are gone.
    fn deliver(&mut self, from: &str, to: &str, message: Message) -> bool {
        let sender = &self.nodes[from];
        let attached = sender.attached(&message).map(<[Stored]>::to_vec);
        let linked = self.links.contains(&(from.to_owned(), to.to_owned()));
        let (true, Some(entries), Some(receiver)) = (linked, attached, self.nodes.get_mut(to)) else {
            self.trace.dropped(&self.nodes[from], &id_of(to), &message);
            return false;
        };
        receiver.receive(id_of(from), message, &entries, &mut self.trace);
        true
    }

    pub(super) fn node(&self, name: &str) -> Result<&Node, String> {
        self.nodes.get(name).ok_or_else(|| unknown(name))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }
}

pub(super) fn unknown(name: &str) -> String {
    format!("no node {name}")
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

pub(super) fn check(is_so: bool, otherwise: impl FnOnce() -> String) -> Done {
    if is_so { Ok(()) } else { Err(otherwise()) }
}
