//! What nodes send each other: frames on a byte stream, and the messages sealed in them.
//!
//! The format is ours alone; only nodes of this ledger talk to each other. A frame carries one step of
//! a handshake or one sealed message, or a part of it ([`frame`]); a message belongs to consensus or
//! forwards a request ([`message`]). All integers are little-endian.

pub mod consensus;
pub mod draft;
pub mod frame;
pub mod message;

pub use consensus::{
    AppendEntries, AppendEntriesResponse, Election, ReadId, ReadIndex, RequestVote, RequestVoteResponse,
};
pub use draft::{Draft, TooLong};
pub use frame::{
    AttemptId, Finish, Frame, FrameError, Initiate, MAX_ADDRESS, Respond, Sealed, SealedKind, SessionId,
    Step, frame_len,
};
pub use message::{EntryRun, ForwardId, Message, MessageError};
