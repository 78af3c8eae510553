//! Who leads.

use super::{Flaw, Rules};
use crate::state::{Kind, Log, Node, Role, Signature, State};

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> State<NODES, VIEWS, LENGTH> {
    pub(super) fn follow(&mut self, rules: &Rules, i: usize, view: u16) -> bool {
        let somebody_is = self.nodes.iter().any(|node| node.view >= view);
        let node = &mut self.nodes[i];
        if !somebody_is || view < node.view || (view == node.view && node.role == Role::Follower) {
            return false;
        }
        if view > node.view || node.role == Role::Leader {
            node.cut(rules);
        }
        (node.view, node.role, node.leader, node.matched) = (view, Role::Follower, None, 0);
        true
    }

    pub(super) fn stand(&mut self, rules: &Rules, i: usize) -> bool {
        !rules.no_stand && self.turn(rules, i, Role::PreCandidate)
    }

    pub(super) fn campaign(&mut self, rules: &Rules, i: usize) -> bool {
        let has_room = usize::from(self.nodes[i].view) + 1 < VIEWS;
        let is_allowed = has_room && self.turn(rules, i, Role::Candidate);
        if is_allowed {
            let node = &mut self.nodes[i];
            node.view += 1;
            let view = usize::from(node.view);
            self.requests[view][i] = Some(signature(rules, &node.log));
            self.grants[view][i] |= 1 << i;
        }
        is_allowed
    }

    /// To a candidate or one that asks whether it should be.
    fn turn(&mut self, rules: &Rules, i: usize, role: Role) -> bool {
        let node = &mut self.nodes[i];
        let is_allowed = node.role != Role::Leader && node.may_stand(rules, i);
        (node.role, node.leader, node.matched) = (role, None, 0);
        is_allowed
    }

    pub(super) fn vote(&mut self, rules: &Rules, i: usize, j: usize) -> bool {
        let node = &self.nodes[i];
        let view = usize::from(node.view);
        let free = node.role != Role::Leader && !(node.role == Role::Follower && node.leader.is_some());
        let is_up_to_date = self.requests[view][j]
            .is_some_and(|theirs| rules.has(Flaw::AnyCandidate) || theirs >= signature(rules, &node.log));
        let granted = &mut self.grants[view][i];
        let may_vote = *granted & !(1 << j) == 0 || rules.has(Flaw::ManyVotes);
        let is_allowed = free && is_up_to_date && may_vote;
        if is_allowed {
            *granted |= 1 << j;
        }
        is_allowed
    }

    pub(super) fn lead(&mut self, rules: &Rules, i: usize) -> bool {
        let granted = self.granted(i);
        let node = &mut self.nodes[i];
        if node.role != Role::Candidate || !node.have_quorums(rules, granted) {
            return false;
        }
        if !rules.has(Flaw::KeepUnsigned) {
            node.cut(rules);
        }
        node.role = Role::Leader;
        self.offer(i);
        true
    }
}

impl<const LENGTH: usize> Node<LENGTH> {
    /// Drops what is not signed.
    pub(super) fn cut(&mut self, rules: &Rules) {
        let kept = self.log.last_of(Kind::Signature, self.log.len());
        if kept < self.log.len() {
            self.log = self.log.prefix(kept);
        }
        self.disk = rules.on_disk(self.disk, kept);
    }
}

/// The last signature of a log.
fn signature<const LENGTH: usize>(rules: &Rules, log: &Log<LENGTH>) -> Signature {
    let is_any = rules.has(Flaw::KeepUnsigned);
    let last = if is_any { log.len() } else { log.last_of(Kind::Signature, log.len()) };
    (log.at(last).view, last)
}
