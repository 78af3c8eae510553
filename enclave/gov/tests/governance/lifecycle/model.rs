//! Proposals without scripts, signatures or store.

use std::collections::{BTreeMap, BTreeSet};

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Majority,
    Unanimity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ballot {
    Aye,
    Nay,
    /// No vote at all: the script throws.
    Throw,
}

/// What is proposed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nothing,
    /// Throws, having written something.
    Fail,
    /// Removes a member; fails if that was the last one.
    Remove(usize),
    /// Another constitution, which drops all other open proposals.
    Rule(Rule),
}

/// What a member does; proposals are counted from the latest one backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Propose(usize, Kind),
    Vote(usize, usize, Ballot),
    Withdraw(usize, usize),
}

/// What the member is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    State(&'static str),
    /// Nobody knows such a proposal, which is as good as withdrawn.
    Unknown,
    Refused(u16, &'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) proposer: usize,
    kind: Kind,
    pub(crate) ballots: BTreeMap<usize, Ballot>,
    pub(crate) state: &'static str,
    /// By ballots, so that these are shown with the outcome.
    pub(crate) was_decided: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) active: BTreeSet<usize>,
    pub(crate) rule: Rule,
    /// In the order in which they were made; none where they are not kept any more.
    pub(crate) proposals: Vec<Option<Proposal>>,
}

const STRANGER: Outcome = Outcome::Refused(401, "InvalidAuthenticationInfo");
const NOT_OPEN: Outcome = Outcome::Refused(400, "ProposalNotOpen");

impl Model {
    pub(crate) fn new(members: usize) -> Self {
        Self { active: (0..members).collect(), rule: Rule::Majority, proposals: Vec::new() }
    }

    /// What should be answered; nothing if there is no proposal to speak of.
    pub(crate) fn step(&mut self, step: &Step) -> Option<Outcome> {
        match *step {
            Step::Propose(by, kind) => Some(self.propose(by, kind)),
            Step::Vote(by, at, ballot) => self.named(at).map(|at| self.vote(by, at, ballot)),
            Step::Withdraw(by, at) => self.named(at).map(|at| self.withdraw(by, at)),
        }
    }

    /// The proposal that a step means.
    pub(crate) fn named(&self, at: usize) -> Option<usize> {
        let count = self.proposals.len();
        (count > 0).then(|| count - 1 - at % count)
    }

    fn propose(&mut self, by: usize, kind: Kind) -> Outcome {
        if !self.active.contains(&by) {
            return STRANGER;
        }
        let proposal =
            Proposal { proposer: by, kind, ballots: BTreeMap::new(), state: "Open", was_decided: false };
        self.proposals.push(Some(proposal));
        Outcome::State("Open")
    }

    fn vote(&mut self, by: usize, at: usize, ballot: Ballot) -> Outcome {
        if !self.active.contains(&by) {
            return STRANGER;
        }
        let Some(mut proposal) = self.proposals[at].clone() else {
            return Outcome::Refused(404, "ProposalNotFound");
        };
        if proposal.state != "Open" {
            return NOT_OPEN;
        }
        match proposal.ballots.insert(by, ballot) {
            Some(earlier) if earlier == ballot => return Outcome::State("Open"),
            Some(_) => return Outcome::Refused(400, "VoteAlreadyExists"),
            None => {}
        }
        let mut next = self.clone();
        proposal.state = self.verdict(&proposal);
        proposal.was_decided = proposal.state != "Open";
        let (state, kind) = (proposal.state, proposal.kind);
        next.proposals[at] = Some(proposal);
        if state != "Open" {
            next.keep_only_open_and(at);
        }
        if state == "Accepted" && !next.carry_out(kind, at) {
            return Outcome::Refused(500, "InternalError");
        }
        *self = next;
        Outcome::State(state)
    }

    fn verdict(&self, proposal: &Proposal) -> &'static str {
        let count = |wanted| {
            let cast = proposal.ballots.iter();
            cast.filter(|(member, ballot)| **ballot == wanted && self.active.contains(member)).count()
        };
        let all = self.active.len();
        let needed = match self.rule {
            Rule::Majority => all / 2 + 1,
            Rule::Unanimity => all,
        };
        if count(Ballot::Aye) >= needed {
            "Accepted"
        } else if all - count(Ballot::Nay) < needed {
            "Rejected"
        } else {
            "Open"
        }
    }

    /// Whether that succeeds.
    fn carry_out(&mut self, kind: Kind, at: usize) -> bool {
        match kind {
            Kind::Nothing => {}
            Kind::Fail => return false,
            Kind::Remove(member) => {
                self.active.remove(&member);
            }
            Kind::Rule(rule) => {
                self.rule = rule;
                for (other, proposal) in self.proposals.iter_mut().enumerate() {
                    if let Some(proposal) = proposal.as_mut().filter(|it| other != at && it.state == "Open") {
                        proposal.state = "Dropped";
                    }
                }
            }
        }
        !self.active.is_empty()
    }

    fn withdraw(&mut self, by: usize, at: usize) -> Outcome {
        if !self.active.contains(&by) {
            return STRANGER;
        }
        let Some(proposal) = &mut self.proposals[at] else { return Outcome::Unknown };
        match (proposal.proposer == by, proposal.state) {
            (false, _) => return Outcome::Refused(403, "AuthorizationFailed"),
            (true, "Withdrawn") => {}
            (true, "Open") => {
                proposal.state = "Withdrawn";
                self.keep_only_open_and(at);
            }
            (true, _) => return NOT_OPEN,
        }
        Outcome::State("Withdrawn")
    }

    fn keep_only_open_and(&mut self, at: usize) {
        for (other, proposal) in self.proposals.iter_mut().enumerate() {
            if other != at && proposal.as_ref().is_some_and(|it| it.state != "Open") {
                *proposal = None;
            }
        }
    }
}
