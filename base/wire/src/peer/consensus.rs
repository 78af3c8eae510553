//! Messages of consensus (CCF `src/consensus/aft/raft_types.h`).

use crate::id::{Seqno, TxId, View};

/// Header of a run of entries of one view; the sender of bytes puts the entries behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AppendEntries {
    /// View of the leader.
    pub view: View,
    /// The entry before the first.
    pub previous: TxId,
    /// The last entry; equals `previous` where there are none.
    pub last: TxId,
    /// What the leader knows to be committed.
    pub committed: Seqno,
}

/// How far a follower's log agrees with the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AppendEntriesResponse {
    /// Everything up to `last` is equal to the leader's log and on the follower's disk.
    Accepted {
        /// View of the follower.
        view: View,
        /// Last such entry.
        last: Seqno,
    },
    /// The entries do not follow on from the follower's log, or their leader is not the current one.
    Refused {
        /// View of the follower.
        view: View,
        /// No later entry of the follower can be equal to the leader's.
        possible: TxId,
    },
}

/// Asks for a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestVote {
    /// View of the candidate.
    pub view: View,
    /// Its last signature: what it holds for certain.
    pub last_signature: TxId,
    /// What the vote is for.
    pub election: Election,
}

/// Answers a [`RequestVote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestVoteResponse {
    /// View of the voter.
    pub view: View,
    /// Whether the vote is given.
    pub granted: bool,
    /// What it was asked for.
    pub election: Election,
}

/// Reads that have to see everything committed before they were asked for (Ongaro's dissertation, section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadIndex {
    /// From a follower: how far must a state have come to be read?
    Asked {
        /// View of the follower.
        view: View,
        /// Chosen by the follower.
        read: ReadId,
    },
    /// The answer.
    Answered {
        /// View of who answers.
        view: View,
        /// As in the question.
        read: ReadId,
        /// Nothing later was committed when the question came; none if who was asked cannot say.
        index: Option<Seqno>,
    },
    /// From a leader: does the receiver follow it still?
    Confirm {
        /// View of the leader.
        view: View,
        /// Counts the leader's questions.
        round: u64,
    },
    /// It does.
    Confirmed {
        /// View of both.
        view: View,
        /// As in the question.
        round: u64,
    },
}

impl ReadIndex {
    /// View of the sender.
    #[must_use]
    pub fn view(&self) -> View {
        let (Self::Asked { view, .. }
        | Self::Answered { view, .. }
        | Self::Confirm { view, .. }
        | Self::Confirmed { view, .. }) = self;
        *view
    }
}

/// Names a read to the node that asks for it; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// Two rounds: nobody starts a view before a majority finds that sensible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Election {
    /// Would the voter vote? Changes nothing.
    PreVote,
    /// At most one vote a view.
    Vote,
}
