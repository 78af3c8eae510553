//! How far a node's leaving is settled.

use coco_wire::Seqno;

/// Whether a node takes part, and if it leaves, how far that is settled (CCF `kv::RetirementPhase`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Membership {
    /// It was not removed.
    #[default]
    Active,
    /// A configuration without it is in the log.
    RetirementOrdered,
    /// And a signature after that.
    RetirementSigned,
    /// And that signature is committed. The node still answers, votes and may even lead, since a future leader may need
    /// it to learn that it is gone.
    RetirementCompleted,
    /// The entry that says so is committed too: every future leader knows. The node can be shut down.
    RetiredCommitted,
}

/// Follows one node's own retirement through the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retirement {
    /// The configuration without it.
    ordered: Option<Seqno>,
    /// The first signature after that.
    signed: Option<Seqno>,
    membership: Membership,
}

impl Retirement {
    pub(crate) fn membership(&self) -> Membership {
        self.membership
    }

    pub(crate) fn order(&mut self, at: Seqno) {
        if self.membership == Membership::Active {
            (self.ordered, self.membership) = (Some(at), Membership::RetirementOrdered);
        }
    }

    pub(crate) fn sign(&mut self, at: Seqno) {
        if self.membership == Membership::RetirementOrdered {
            (self.signed, self.membership) = (Some(at), Membership::RetirementSigned);
        }
    }

    pub(crate) fn roll_back(&mut self, to: Seqno) {
        if self.membership == Membership::RetirementSigned && self.signed > Some(to) {
            (self.signed, self.membership) = (None, Membership::RetirementOrdered);
        }
        if self.membership == Membership::RetirementOrdered && self.ordered > Some(to) {
            *self = Self::default();
        }
    }

    pub(crate) fn commit(&mut self, to: Seqno) {
        if self.membership == Membership::RetirementSigned && self.signed <= Some(to) {
            self.membership = Membership::RetirementCompleted;
        }
    }

    /// The mark is committed; true if that is news. A mark without a committed retirement means nothing.
    pub(crate) fn finish(&mut self) -> bool {
        let completed = self.membership == Membership::RetirementCompleted;
        if completed {
            self.membership = Membership::RetiredCommitted;
        }
        completed
    }
}
