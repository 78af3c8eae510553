//! Changes of the configuration that members decide: a proposal, and ballots for it.

use coco_app::{InterfaceName, Mode, Peer};
use coco_crypto::x509::UnixTime;
use coco_node::{Refusal, Write};
use serde_json::{Value, json};

use super::{
    checks::Checked, consortium::MEMBERS, event::Event, history::Deed, identities::BEGIN_S, world::World,
};

/// How often members try to get one message in its place.
const MAX_ATTEMPTS: u32 = 30;
/// Between two messages, at most, in milliseconds.
const MESSAGE_MS: u64 = 60;

/// What members are to decide.
#[derive(Clone, Default)]
pub(super) struct Motion {
    pub(super) admitted: Vec<usize>,
    pub(super) removed: Vec<usize>,
    /// Its name, once it is proposed.
    proposal: Option<String>,
    /// Members whose ballots have their place.
    ballots: usize,
    attempts: u32,
}

/// A message of a member that waits for its place.
pub(super) struct Step {
    motion: Motion,
    pub(super) place: usize,
    write: Write,
    answer: Value,
}

impl World<'_> {
    /// Members begin to decide; until they have, nothing else changes the configuration.
    pub(super) fn put_to_vote(&mut self, admitted: Vec<usize>, removed: Vec<usize>) {
        self.motions += 1;
        self.vote_later(Motion { admitted, removed, ..Motion::default() });
    }

    fn vote_later(&mut self, motion: Motion) {
        let ms = self.random.between(1, MESSAGE_MS);
        self.after(ms, Event::Vote(Box::new(motion)));
    }

    /// The next message of a member is executed.
    pub(super) fn vote(&mut self, mut motion: Motion) -> Checked {
        motion.attempts += 1;
        let leader = self.leader().filter(|leader| self.machines[*leader].paused_until_ms <= self.now_ms);
        let Some(place) = leader else {
            self.again(motion);
            return Ok(());
        };
        let at = UnixTime(i64::from(BEGIN_S) + i64::try_from(self.now_ms / 1000).expect("hours"));
        let request = match &motion.proposal {
            None => self.identities.consortium.propose(0, at, &self.actions(&motion)),
            Some(proposal) => self.identities.consortium.agree(motion.ballots, at, proposal),
        };
        let machine = &mut self.machines[place];
        machine.core.refresh();
        let peer = Peer { interface: InterfaceName::new("primary"), certificate: None, session: None };
        let ran = machine
            .view
            .decode(request, &peer)
            .map(|planned| machine.view.run(planned.mount, &planned.plan.calls[0], Mode::Execute, None));
        let (response, write) = match ran {
            Ok(ran) => (ran.response, ran.write),
            Err(response) => (response, None),
        };
        let Some(write) = write else {
            let answer = String::from_utf8_lossy(&response.body);
            self.note(|| format!("node {place} refuses a member's message: {answer}"));
            self.drop_motion(&motion);
            return Ok(());
        };
        let answer = serde_json::from_slice(&response.body).unwrap_or_default();
        let ms = self.random.between(1, 3);
        self.after(ms, Event::Decide(Box::new(Step { motion, place, write, answer })));
        Ok(())
    }

    /// A member's message is given its place, or not.
    pub(super) fn decide(&mut self, step: Step) -> Checked {
        let Step { mut motion, place, write, answer } = step;
        let is_accepted = answer["proposalState"] == "Accepted";
        let deed = match is_accepted {
            true => Deed::Change { admitted: motion.admitted.clone(), removed: motion.removed.clone() },
            false => Deed::Change { admitted: Vec::new(), removed: Vec::new() },
        };
        match self.sequence(place, &write, deed, self.events)? {
            Ok(_) if is_accepted => {
                self.motions -= 1;
                self.admit(motion.admitted, motion.removed);
            }
            Ok(_) if motion.ballots < MEMBERS - 1 => {
                match motion.proposal {
                    Some(_) => motion.ballots += 1,
                    None => motion.proposal = answer["proposalId"].as_str().map(str::to_owned),
                }
                self.vote_later(motion);
            }
            Err(Refusal::Conflict | Refusal::NotPrimary | Refusal::Full) => self.again(motion),
            _ => self.drop_motion(&motion),
        }
        Ok(())
    }

    /// The node that was to place a member's message is gone.
    pub(super) fn undecided(&mut self, step: Step) {
        self.again(step.motion);
    }

    fn again(&mut self, motion: Motion) {
        if motion.attempts < MAX_ATTEMPTS {
            self.vote_later(motion);
        } else {
            self.drop_motion(&motion);
        }
    }

    /// Nothing comes of it.
    fn drop_motion(&mut self, motion: &Motion) {
        self.motions -= 1;
        for place in &motion.admitted {
            self.machines[*place].crash(self.now_ms);
        }
    }

    fn actions(&self, motion: &Motion) -> Value {
        let id = |place: &usize| self.machines[*place].id();
        let admit = |place| {
            json!({
                "name": "transition_node_to_trusted",
                "args": { "node_id": id(place), "valid_from": "2026-06-01T00:00:00Z" },
            })
        };
        let remove = |place| json!({ "name": "remove_node", "args": { "node_id": id(place) } });
        motion.admitted.iter().map(admit).chain(motion.removed.iter().map(remove)).collect()
    }
}
