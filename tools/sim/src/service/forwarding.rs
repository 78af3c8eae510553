//! Requests between nodes: a backup forwards what only the primary can answer, and passes on the answer.

use coco_app::{Request, Response};
use coco_node::forward;
use coco_wire::peer::ForwardId;

use super::{
    checks::Checked,
    clients::peer,
    network::Parcel,
    requests::{Reply, refused},
    world::World,
};

impl World<'_> {
    /// A backup sends a client's request to the primary.
    pub(super) fn forward(&mut self, place: usize, number: u64, request: &Request) -> Checked {
        let timeout_ms = self.options.forwarding_ms;
        let machine = &mut self.machines[place];
        let (own, now) = (machine.id(), machine.view.shared.clock.now());
        let Some(leader) = machine.state().consensus.leader.filter(|leader| *leader != own) else {
            return self.hear(number, &refused("RPC could not be forwarded to unknown primary."));
        };
        let Ok(id) = machine.forwards.wait(leader, number, timeout_ms, now) else {
            return self.hear(number, &refused("Too many requests wait for the primary."));
        };
        let began = self.follows_its_writes(number);
        let to = self.place_of(&leader);
        self.note(|| format!("node {place} forwards request {number} to {to}"));
        self.post(place, to, Parcel::Question(id, forward::question(request, &peer(), began)))
    }

    /// A request that another node forwarded.
    pub(super) fn questioned(
        &mut self,
        place: usize,
        from: usize,
        id: ForwardId,
        question: &[u8],
    ) -> Checked {
        self.events += 1;
        match forward::understand(&self.machines[place].view, question) {
            Some(Ok(planned)) => self.answer(place, planned, Reply::Node(from, id)),
            Some(Err(response)) => self.answer_node(place, from, id, response),
            None => Ok(()),
        }
    }

    pub(super) fn answer_node(
        &mut self,
        place: usize,
        to: usize,
        id: ForwardId,
        response: Response,
    ) -> Checked {
        self.post(place, to, Parcel::Reaction(id, forward::reaction(response)))
    }

    /// The answer of a node to which a request was forwarded.
    pub(super) fn reacted(&mut self, place: usize, from: usize, id: ForwardId, reaction: &[u8]) -> Checked {
        self.events += 1;
        let from = self.machines[from].id();
        let Some(response) = forward::response(reaction) else { return Ok(()) };
        match self.machines[place].forwards.answered(from, id) {
            Some(number) => {
                self.forwarded += u64::from(response.status.is_success());
                self.hear(number, &response)
            }
            None => Ok(()),
        }
    }

    /// Gives up on requests that nobody will answer any more.
    pub(super) fn expire_forwards(&mut self, place: usize) -> Checked {
        let machine = &mut self.machines[place];
        let (leader, now) = (machine.state().consensus.leader, machine.view.shared.clock.now());
        for (number, response) in machine.forwards.expire(leader, now) {
            self.hear(number, &response)?;
        }
        Ok(())
    }
}
