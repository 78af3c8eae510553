//! What crosses between host and enclave.
//!
//! Plain data in two enums, [`Event`] (host to enclave) and [`Effect`] (enclave to host), and a few
//! traits: [`Host`] takes effects, [`Sessions`] takes connections as a [`ByteStream`] each, [`Jobs`]
//! runs long computations, [`LogSink`] takes log records.
//!
//! The host is not trusted. Everything in an [`Event`] may be wrong, late, repeated or missing, and
//! everything in an [`Effect`] or a log record is public: entries are sealed, and no record holds
//! keys, plaintext or user input.

pub mod effect;
pub mod event;
pub mod files;
pub mod jobs;
pub mod log;
pub mod peers;
pub mod stream;

pub use effect::{Effect, EntryKind, Host, MAX_BACKLOG, RequestId, StopReason};
pub use event::{
    Event, Evidence, EvidenceFormat, FileOperation, LedgerFault, Monotonic, QuoteFault, ReadFault, Unix,
};
pub use files::{FileEffect, FileEvent, FileKind, FileName, FilePart, MAX_PART, SnapshotFault};
pub use jobs::{Full, Job, Jobs};
pub use log::{Level, Log, LogSink, Record};
pub use stream::{ByteStream, InterfaceName, Sessions};
