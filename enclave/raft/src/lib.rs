//! Agreement on a log of (view, seqno, signature?) entries; knows no bytes and no keys.
//!
//! A variant of Raft with the rules of CCF (`doc/architecture/consensus`): only signatures are committed, and only
//! by a leader of their own view; whoever loses or takes leadership drops what follows the last signature; a
//! configuration is in force from the moment it is appended, and every configuration in force needs a quorum; a node that
//! leaves is needed until every future leader knows that it left; an entry counts for a node once it is on that node's
//! disk.
//!
//! Nothing here waits, sends or reads a clock: inputs go in, effects come out. Modules in reading order.

pub mod entry;
pub mod log;
pub mod membership;
pub mod message;
pub mod raft;
pub mod settings;
mod step;

pub use entry::{Configuration, Entry, NodeId};
pub use log::Log;
pub use membership::Membership;
pub use message::{
    AppendEntries, AppendEntriesResponse, Election, Message, ReadId, ReadIndex, RequestVote,
    RequestVoteResponse,
};
pub use raft::{Effect, Input, Progress, Raft, Role};
pub use settings::{Base, PreVote, Replication, Settings, Start};
