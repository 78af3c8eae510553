//! What follows from one input to one node.

use coco_raft::{Effect, Election, Input, Membership, Message, RequestVoteResponse};

use super::{
    checks::{Before, Checked, Kind, broken},
    cluster::{Cluster, Event},
    node::{Stored, id_of, place_of},
};

impl Cluster {
    pub(super) fn follow(&mut self, place: usize, input: Input, received: &[Stored]) -> Checked {
        let mut before = Before::of(&self.nodes[place]);
        let mut effects = Vec::new();
        let raft = &mut self.nodes[place].raft;
        let open = self.steps.as_mut().map(|steps| steps.begin(raft, &input));
        raft.handle(input, &mut effects);
        if let (Some(steps), Some(open)) = (&mut self.steps, open) {
            steps.end(open, raft, &effects);
        }
        let mut leads = false;
        for effect in effects {
            if let Some(record) = &mut self.record {
                record.push_back(format!("           {effect:?}"));
            }
            self.hash((place, &effect));
            leads |= matches!(effect, Effect::BecameLeader { .. });
            self.effect(place, effect, received, &mut before)?;
        }
        self.checks.stepped(place, &mut self.nodes[place], &before)?;
        if leads && self.nodes[place].leads() && self.nodes[place].ledger.len() > 1 {
            self.propose(place, |entry| entry.signature = true)?;
        }
        Ok(())
    }

    fn effect(&mut self, place: usize, effect: Effect, received: &[Stored], before: &mut Before) -> Checked {
        match effect {
            Effect::BecamePreCandidate { .. } => before.turn(Kind::PreCandidate),
            Effect::BecameCandidate { view } => {
                before.turn(Kind::Candidate)?;
                self.checks.votes(place, view, id_of(place))
            }
            Effect::BecameLeader { .. } => {
                before.turn(Kind::Leader)?;
                self.checks.leads(place, &self.nodes[place])
            }
            Effect::BecameFollower { .. } => before.turn(Kind::Follower),
            Effect::Follows { .. } => Ok(()),
            Effect::Rollback { to } => {
                self.checks.rolls_back(place, &self.nodes[place], to, before)?;
                self.nodes[place].truncate(to);
                Ok(())
            }
            Effect::Append { first } => {
                for stored in received.iter().filter(|stored| stored.entry.txid.seqno >= first) {
                    self.nodes[place].append(stored.clone());
                    self.checks.appended(place, &self.nodes[place])?;
                }
                Ok(())
            }
            Effect::Commit(seqno) => {
                self.checks.commits(place, &self.nodes, seqno, before)?;
                let marked = self.nodes[place].ledger[..super::node::length(seqno)].iter().rev();
                let retired: Vec<_> =
                    marked.take(100).flat_map(|stored| stored.entry.retired.clone()).collect();
                for node in retired {
                    // Its operator sees that it can be shut down.
                    let delay_ms = self.random.between(10, 3000);
                    self.after(delay_ms, Event::Stop(place_of(&node)));
                }
                Ok(())
            }
            Effect::Membership(Membership::RetiredCommitted) => {
                self.checks.retires(place, &self.nodes[place])?;
                before.turn(Kind::Retired)
            }
            Effect::Membership(_) => Ok(()),
            Effect::Retirable(nodes) => {
                let delay_ms = self.random.between(1, 300);
                self.after(delay_ms, Event::Mark { place, nodes });
                Ok(())
            }
            Effect::Behind { node, first } => {
                broken("all entries can be read", format!("{} needs {first}", place_of(&node)))
            }
            Effect::Readable(_) | Effect::Unreadable(_) => Ok(()),
            Effect::Send { to, message } => {
                if let Message::RequestVoteResponse(RequestVoteResponse {
                    view,
                    granted: true,
                    election: Election::Vote,
                }) = message
                {
                    self.checks.votes(place, view, to)?;
                }
                self.send(place, &to, message);
                Ok(())
            }
        }
    }
}
