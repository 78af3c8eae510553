//! What is in the logs, and what of it is final.

use super::{Flaw, Retirement, Rules};
use crate::state::{Entry, Kind, Node, Offer, Role, Set, State};

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> State<NODES, VIEWS, LENGTH> {
    /// `Offer`.
    pub(super) fn offer(&mut self, i: usize) {
        let Node { view, log, committed, .. } = self.nodes[i];
        self.offers[usize::from(view)][i] = Some(Offer { log, committed });
    }

    pub(super) fn propose(&mut self, rules: &Rules, i: usize, kind: Kind, nodes: Set) -> bool {
        let node = &mut self.nodes[i];
        let fits = match kind {
            Kind::Configuration => nodes != 0 && nodes & node.removed(node.log.len()) == 0,
            Kind::Mark => nodes != 0 && nodes & !node.removed(node.committed) == 0,
            _ => nodes == 0,
        };
        if node.role != Role::Leader || !fits || node.log.is_full() {
            return false;
        }
        node.log.push(Entry { view: node.view, kind, nodes });
        node.disk = rules.on_disk(node.disk, node.log.len());
        self.offer(i);
        true
    }

    /// `Take` of the last offer that a node made in the view.
    pub(super) fn take(&mut self, rules: &Rules, i: usize, from: usize, previous: u16, last: u16) -> bool {
        let node = &mut self.nodes[i];
        let Some(offer) = &self.offers[usize::from(node.view)][from] else { return false };
        let leads = node.leader.is_none_or(|leader| usize::from(leader) == from);
        let follows_on = previous <= last
            && last <= offer.log.len()
            && previous <= node.log.len()
            && node.log.at(previous).view == offer.log.at(previous).view;
        if node.role != Role::Follower || !leads || !follows_on {
            return false;
        }
        let differs = |k: &u16| *k > node.log.len() || node.log.at(*k).view != offer.log.at(*k).view;
        let new = (previous + 1..=last).find(differs).unwrap_or(last + 1);
        if new <= last {
            if new <= node.committed {
                return false;
            }
            node.log = node.log.prefix(new - 1);
            (new..=last).for_each(|k| node.log.push(offer.log.at(k)));
            node.disk = rules.on_disk(node.disk.min(new - 1), last);
        } else if rules.has(Flaw::CutAfterMessage) && last >= node.committed {
            (node.log, node.disk) = (node.log.prefix(last), node.disk.min(last));
        }
        node.matched = node.matched.max(last);
        node.leader = Some(u8::try_from(from).expect("few nodes"));
        self.tell(rules, i);
        true
    }

    pub(super) fn persist(&mut self, rules: &Rules, i: usize, k: u16) -> bool {
        let node = &mut self.nodes[i];
        let is_news = node.disk < k && k <= node.log.len();
        node.disk = k;
        if node.role == Role::Follower {
            self.tell(rules, i);
        }
        is_news
    }

    /// `Tell`.
    fn tell(&mut self, rules: &Rules, i: usize) {
        let Node { view, leader, matched, disk, .. } = &self.nodes[i];
        if let Some(leader) = leader {
            let ack = &mut self.acks[usize::from(*view)][usize::from(*leader)][i];
            let upto = if rules.has(Flaw::CountUnwritten) { *matched } else { *matched.min(disk) };
            *ack = upto.max(*ack);
        }
    }

    pub(super) fn leader_commit(&mut self, rules: &Rules, i: usize, k: u16) -> bool {
        let Node { view, role, log, .. } = self.nodes[i];
        let is_own = log.at(k).view == view || rules.has(Flaw::CommitOfAnyView);
        let is_held = self.nodes[i].have_quorums(rules, self.holders(rules, i, k));
        let is_settled = role == Role::Leader && is_own && is_held && self.settle(rules, i, k);
        if is_settled {
            self.offers[usize::from(view)][i] = Some(Offer { log, committed: k });
        }
        is_settled
    }

    pub(super) fn follower_commit(&mut self, rules: &Rules, i: usize, k: u16) -> bool {
        let node = &self.nodes[i];
        let is_matched = k <= node.matched || rules.has(Flaw::CommitUnmatched);
        let offers = &self.offers[usize::from(node.view)];
        let offer = node.leader.and_then(|leader| offers[usize::from(leader)].as_ref());
        let is_committed = offer.is_some_and(|offer| k <= offer.committed);
        node.role == Role::Follower && is_matched && is_committed && self.settle(rules, i, k)
    }

    /// `Settle`.
    fn settle(&mut self, rules: &Rules, i: usize, k: u16) -> bool {
        let node = &mut self.nodes[i];
        if k <= node.committed || k > node.log.len() || node.log.at(k).kind != Kind::Signature {
            return false;
        }
        let was_gone = node.retirement(i, node.committed) == Retirement::Committed;
        node.committed = k;
        if node.retirement(i, k) == Retirement::Committed && !was_gone {
            if node.role == Role::Leader {
                node.cut(rules);
            }
            node.role = Role::Retired;
        }
        true
    }

    pub(super) fn join(&mut self, rules: &Rules, i: usize, j: usize) -> bool {
        let from = self.nodes[j];
        let node = &mut self.nodes[i];
        let is_new = node.view == 1 && node.role == Role::Follower && node.log.is_empty() && node.base == 0;
        if rules.no_join || !is_new || i == j || from.committed == 0 {
            return false;
        }
        (node.log, node.base) = (from.log.prefix(from.committed), from.base);
        node.view = from.log.at(from.committed).view;
        (node.committed, node.disk) = (from.committed, from.committed);
        true
    }
}
