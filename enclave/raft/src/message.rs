//! What nodes say to each other.

use coco_wire::View;
pub use coco_wire::peer::{
    AppendEntries, AppendEntriesResponse, Election, ReadId, ReadIndex, RequestVote, RequestVoteResponse,
};

/// A message of one node to another (CCF `src/consensus/aft/raft_types.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// From a leader: entries, or none as a sign of life.
    AppendEntries(AppendEntries),
    /// The answer.
    AppendEntriesResponse(AppendEntriesResponse),
    /// From a node that would lead.
    RequestVote(RequestVote),
    /// The answer.
    RequestVoteResponse(RequestVoteResponse),
    /// From a leader of this view that goes: the receiver should stand for election at once.
    ProposeRequestVote {
        /// View of the sender.
        view: View,
    },
    /// For reads that have to see everything committed before them.
    ReadIndex(ReadIndex),
}

impl Message {
    /// View of the sender.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::AppendEntries(AppendEntries { view, .. })
            | Self::AppendEntriesResponse(
                AppendEntriesResponse::Accepted { view, .. } | AppendEntriesResponse::Refused { view, .. },
            )
            | Self::RequestVote(RequestVote { view, .. })
            | Self::RequestVoteResponse(RequestVoteResponse { view, .. })
            | Self::ProposeRequestVote { view } => *view,
            Self::ReadIndex(message) => message.view(),
        }
    }
}
