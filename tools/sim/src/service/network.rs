//! The network: messages as they are, or sealed in the channels between nodes.

use std::collections::BTreeMap;

use coco_boundary::Effect;
use coco_node::{
    Outgoing,
    peers::{Heard, Peers, PeersOutput},
};
use coco_raft::{Message, NodeId};
use coco_wire::peer::ForwardId;

use super::{checks::Checked, event::Event, faults::Fault, world::World};

/// What is on its way.
#[derive(Clone)]
pub(super) enum Parcel {
    Message(Outgoing),
    /// A request that is forwarded.
    Question(ForwardId, Vec<u8>),
    /// Its answer.
    Reaction(ForwardId, Vec<u8>),
    /// Any of them, sealed.
    Frame(Vec<u8>),
}

impl Parcel {
    fn is_vote(&self) -> bool {
        matches!(self, Self::Message(Outgoing { message: Message::RequestVoteResponse(_), .. }))
    }
}

/// Where others reach a node.
pub(super) fn address(place: usize) -> String {
    format!("node{place}:1")
}

impl World<'_> {
    pub(super) fn addresses(&self) -> BTreeMap<NodeId, String> {
        self.machines.iter().enumerate().map(|(place, machine)| (machine.id(), address(place))).collect()
    }

    /// Puts a core's messages on their way.
    pub(super) fn send(&mut self, from: usize, messages: Vec<Outgoing>) -> Checked {
        for message in &messages {
            let to = self.place_of(&message.to);
            self.hash((from, to, &message.message));
            self.note(|| format!("       node {from} to {to}: {:?}", message.message));
        }
        if self.has_channels {
            return self.with_peers(from, |peers, out| peers.send(messages, out));
        }
        for message in messages {
            let to = self.place_of(&message.to);
            self.carry(from, to, &Parcel::Message(message));
        }
        Ok(())
    }

    /// Puts a forwarded request, or its answer, on its way. The channels between nodes see to it that it does not come
    /// twice.
    pub(super) fn post(&mut self, from: usize, to: usize, parcel: Parcel) -> Checked {
        if self.has_channels {
            let node = self.machines[to].id();
            return self.with_peers(from, |peers, out| match parcel {
                Parcel::Question(id, body) => drop(peers.forward(node, id, &body, out)),
                Parcel::Reaction(id, body) => drop(peers.answer(node, id, &body, out)),
                Parcel::Message(_) | Parcel::Frame(_) => {}
            });
        }
        let lost = match parcel {
            Parcel::Question(..) => Fault::LostRequest,
            _ => Fault::LostAnswer,
        };
        let is_cut = self.cut.contains(&(from, to));
        if is_cut || (self.random.chance(self.options.lost_requests) && self.strike(lost)) {
            return Ok(());
        }
        let mut ms = self.random.between(1, self.options.latency_ms);
        if self.random.chance(self.options.late_requests) && self.strike(Fault::LateRequest) {
            ms += self.long_ms();
        }
        self.after(ms, Event::Deliver { from, to, parcel });
        Ok(())
    }

    fn carry(&mut self, from: usize, to: usize, parcel: &Parcel) {
        if self.cut.contains(&(from, to)) {
            return;
        }
        if self.random.chance(self.options.lost) && self.strike(Fault::Loss) {
            return;
        }
        let twice = self.random.chance(self.options.duplicated) && self.strike(Fault::Duplicate);
        for _ in 0..if twice { 2 } else { 1 } {
            let mut ms = self.random.between(1, self.options.latency_ms);
            let delayed = if parcel.is_vote() { self.options.late_votes } else { self.options.delayed };
            if self.random.chance(delayed) && self.strike(Fault::Delay) {
                ms += self.long_ms();
            }
            self.after(ms, Event::Deliver { from, to, parcel: parcel.clone() });
        }
    }

    pub(super) fn deliver(&mut self, from: usize, to: usize, parcel: Parcel) -> Checked {
        match parcel {
            Parcel::Message(Outgoing { message, entries, .. }) => {
                let entries = entries.iter().map(|entry| entry.to_vec()).collect();
                let id = self.machines[from].id();
                self.input(to, "hears", |core, out| core.heard(id, message, entries, out))
            }
            Parcel::Question(id, body) => self.questioned(to, from, id, &body),
            Parcel::Reaction(id, body) => self.reacted(to, from, id, &body),
            Parcel::Frame(frame) => self.with_peers(to, |peers, out| peers.frame(frame, out)),
        }
    }

    /// Lets a node's channels, if it has any, take an input, and follows what they ask for.
    pub(super) fn with_peers(
        &mut self,
        place: usize,
        run: impl FnOnce(&mut Peers, &mut PeersOutput),
    ) -> Checked {
        let Some(peers) = &mut self.machines[place].peers else { return Ok(()) };
        let mut out = PeersOutput::default();
        run(peers, &mut out);
        for effect in out.effects {
            if let Effect::Send { to, frame } = effect
                && let Some(to) = (0..self.machines.len()).find(|at| *address(*at) == *to)
            {
                self.carry(place, to, &Parcel::Frame(frame));
            }
        }
        for job in out.jobs {
            let ms = self.random.between(1, self.options.job_ms);
            self.after(ms, Event::Handshake(place, job));
        }
        for (from, heard) in out.heard {
            match heard {
                Heard::Consensus(message, entries) => {
                    self.input(place, "hears", |core, out| core.heard(from, message, entries, out))?;
                }
                Heard::Request(id, body) => self.questioned(place, self.place_of(&from), id, &body)?,
                Heard::Response(id, body) => self.reacted(place, self.place_of(&from), id, &body)?,
            }
        }
        Ok(())
    }
}
