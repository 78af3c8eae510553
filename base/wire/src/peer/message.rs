//! Messages between nodes, in clear.
//!
//! ```text
//! u8 kind, then by kind
//! 0 append entries:           u64 view | txid previous | txid last | u64 committed | entries to the end
//! 1 entries accepted:         u64 view | u64 last
//! 2 entries refused:          u64 view | txid possible
//! 3 request vote:             u64 view | txid last signature | u8 election
//! 4 vote:                     u64 view | u8 granted | u8 election
//! 5 propose to request votes: u64 view
//! 6 forwarded request:        u64 id | body to the end
//! 7 forwarded response:       u64 id | body to the end
//! 8 read index asked:         u64 view | u64 read
//! 9 read index answered:      u64 view | u64 read | u8 known | u64 index, 0 if not known
//! 10 confirm leadership:      u64 view | u64 round
//! 11 leadership confirmed:    u64 view | u64 round
//! txid = u64 view | u64 seqno; granted, known: 0 no, 1 yes; election: 0 pre-vote, 1 vote
//! ```

use super::{
    AppendEntries, AppendEntriesResponse, Election, ReadId, ReadIndex, RequestVote, RequestVoteResponse,
    draft::MAX_MESSAGE,
};
use crate::{
    entry::{self, EntryHeader},
    id::{Seqno, TxId, View},
    reader::{Reader, Short},
};

const APPEND_ENTRIES: u8 = 0;
const ACCEPTED: u8 = 1;
const REFUSED: u8 = 2;
const REQUEST_VOTE: u8 = 3;
const VOTE: u8 = 4;
const PROPOSE_REQUEST_VOTE: u8 = 5;
const FORWARDED_REQUEST: u8 = 6;
const FORWARDED_RESPONSE: u8 = 7;
const READ_INDEX_ASKED: u8 = 8;
const READ_INDEX_ANSWERED: u8 = 9;
const CONFIRM: u8 = 10;
const CONFIRMED: u8 = 11;

/// Bytes of [`Message::AppendEntries`] without entries.
pub(super) const APPEND_ENTRIES_LEN: usize = 1 + 6 * 8;

/// One message of one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// From a leader: entries, or none as a sign of life.
    AppendEntries(AppendEntries, EntryRun<'a>),
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
    /// For reads that have to see what is committed.
    ReadIndex(ReadIndex),
    /// A client's request, for the primary to execute.
    ForwardedRequest {
        /// Chosen by the sender.
        id: ForwardId,
        /// Whatever the two nodes agree on.
        body: &'a [u8],
    },
    /// The answer.
    ForwardedResponse {
        /// As in the question.
        id: ForwardId,
        /// Whatever the two nodes agree on.
        body: &'a [u8],
    },
}

/// Names a forwarded request in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForwardId(pub u64);

/// Whole ledger entries in a row, their headers checked and their content not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryRun<'a> {
    bytes: &'a [u8],
    count: u64,
}

/// Bytes that are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Unknown kind.
    #[error("unknown kind of message {0}")]
    Kind(u8),
    /// Longer than any message.
    #[error("message of more than {MAX_MESSAGE} bytes")]
    TooLong,
    /// The fields do not fit.
    #[error("message with wrong fields")]
    Fields,
    /// What should be ledger entries is not.
    #[error("message with wrong entries")]
    Entries,
}

impl From<Short> for MessageError {
    fn from(_: Short) -> Self {
        Self::Fields
    }
}

impl<'a> Message<'a> {
    /// Reads exactly one message.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(MessageError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        let message = match reader.u8()? {
            APPEND_ENTRIES => return append_entries(reader),
            ACCEPTED => Self::AppendEntriesResponse(AppendEntriesResponse::Accepted {
                view: View(reader.u64()?),
                last: Seqno(reader.u64()?),
            }),
            REFUSED => Self::AppendEntriesResponse(AppendEntriesResponse::Refused {
                view: View(reader.u64()?),
                possible: txid(&mut reader)?,
            }),
            REQUEST_VOTE => Self::RequestVote(RequestVote {
                view: View(reader.u64()?),
                last_signature: txid(&mut reader)?,
                election: election(&mut reader)?,
            }),
            VOTE => Self::RequestVoteResponse(RequestVoteResponse {
                view: View(reader.u64()?),
                granted: truth(&mut reader)?,
                election: election(&mut reader)?,
            }),
            PROPOSE_REQUEST_VOTE => Self::ProposeRequestVote { view: View(reader.u64()?) },
            FORWARDED_REQUEST => {
                return Ok(Self::ForwardedRequest { id: ForwardId(reader.u64()?), body: reader.rest() });
            }
            FORWARDED_RESPONSE => {
                return Ok(Self::ForwardedResponse { id: ForwardId(reader.u64()?), body: reader.rest() });
            }
            READ_INDEX_ASKED => {
                Self::ReadIndex(ReadIndex::Asked { view: View(reader.u64()?), read: ReadId(reader.u64()?) })
            }
            READ_INDEX_ANSWERED => Self::ReadIndex(ReadIndex::Answered {
                view: View(reader.u64()?),
                read: ReadId(reader.u64()?),
                index: read_index(&mut reader)?,
            }),
            CONFIRM => {
                Self::ReadIndex(ReadIndex::Confirm { view: View(reader.u64()?), round: reader.u64()? })
            }
            CONFIRMED => {
                Self::ReadIndex(ReadIndex::Confirmed { view: View(reader.u64()?), round: reader.u64()? })
            }
            kind => return Err(MessageError::Kind(kind)),
        };
        if reader.is_empty() { Ok(message) } else { Err(MessageError::Fields) }
    }

    /// Bytes that [`Message::encode_to`] appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::AppendEntries(_, entries) => APPEND_ENTRIES_LEN.saturating_add(entries.bytes.len()),
            Self::AppendEntriesResponse(AppendEntriesResponse::Accepted { .. }) => 1 + 2 * 8,
            Self::AppendEntriesResponse(AppendEntriesResponse::Refused { .. }) => 1 + 3 * 8,
            Self::RequestVote(_) => 1 + 3 * 8 + 1,
            Self::RequestVoteResponse(_) => 1 + 8 + 2,
            Self::ProposeRequestVote { .. } => 1 + 8,
            Self::ReadIndex(ReadIndex::Answered { .. }) => 1 + 3 * 8 + 1,
            Self::ReadIndex(_) => 1 + 2 * 8,
            Self::ForwardedRequest { body, .. } | Self::ForwardedResponse { body, .. } => {
                (1 + 8_usize).saturating_add(body.len())
            }
        }
    }

    /// Appends the message to `out`.
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::AppendEntries(header, entries) => {
                encode_append_entries(header, out);
                out.extend_from_slice(entries.bytes);
            }
            Self::AppendEntriesResponse(AppendEntriesResponse::Accepted { view, last }) => {
                put(out, ACCEPTED, &[view.0, last.0]);
            }
            Self::AppendEntriesResponse(AppendEntriesResponse::Refused { view, possible }) => {
                put(out, REFUSED, &[view.0, possible.view.0, possible.seqno.0]);
            }
            Self::RequestVote(RequestVote { view, last_signature, election }) => {
                put(out, REQUEST_VOTE, &[view.0, last_signature.view.0, last_signature.seqno.0]);
                out.push(election_byte(*election));
            }
            Self::RequestVoteResponse(RequestVoteResponse { view, granted, election }) => {
                put(out, VOTE, &[view.0]);
                out.extend([u8::from(*granted), election_byte(*election)]);
            }
            Self::ProposeRequestVote { view } => put(out, PROPOSE_REQUEST_VOTE, &[view.0]),
            Self::ReadIndex(message) => put_read_index(out, message),
            Self::ForwardedRequest { id, body } => {
                put(out, FORWARDED_REQUEST, &[id.0]);
                out.extend_from_slice(body);
            }
            Self::ForwardedResponse { id, body } => {
                put(out, FORWARDED_RESPONSE, &[id.0]);
                out.extend_from_slice(body);
            }
        }
    }
}

impl<'a> EntryRun<'a> {
    /// Checks that `bytes` are whole entries by their headers.
    ///
    /// # Errors
    /// [`MessageError::Entries`] otherwise.
    pub fn new(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let (mut rest, mut count) = (bytes, 0);
        while !rest.is_empty() {
            (_, rest) = split_entry(rest).ok_or(MessageError::Entries)?;
            count += 1;
        }
        Ok(Self { bytes, count })
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them in a row.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Each with its header, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (first, others) = split_entry(rest)?;
            rest = others;
            Some(first)
        })
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = EntryHeader::decode(*bytes.first_chunk::<{ entry::HEADER_LEN }>()?).ok()?;
    bytes.split_at_checked(usize::try_from(header.entry_len()).ok()?)
}

fn append_entries(mut reader: Reader<'_>) -> Result<Message<'_>, MessageError> {
    let header = AppendEntries {
        view: View(reader.u64()?),
        previous: txid(&mut reader)?,
        last: txid(&mut reader)?,
        committed: Seqno(reader.u64()?),
    };
    let entries = EntryRun::new(reader.rest())?;
    let counted = header.last.seqno.0.checked_sub(header.previous.seqno.0) == Some(entries.count);
    let idle = entries.count > 0 || header.last == header.previous;
    if counted && idle { Ok(Message::AppendEntries(header, entries)) } else { Err(MessageError::Entries) }
}

pub(super) fn encode_append_entries(header: &AppendEntries, out: &mut Vec<u8>) {
    let AppendEntries { view, previous, last, committed } = header;
    let fields = [view.0, previous.view.0, previous.seqno.0, last.view.0, last.seqno.0, committed.0];
    put(out, APPEND_ENTRIES, &fields);
}

fn put(out: &mut Vec<u8>, kind: u8, fields: &[u64]) {
    out.push(kind);
    for field in fields {
        out.extend_from_slice(&field.to_le_bytes());
    }
}

fn put_read_index(out: &mut Vec<u8>, message: &ReadIndex) {
    match *message {
        ReadIndex::Asked { view, read } => put(out, READ_INDEX_ASKED, &[view.0, read.0]),
        ReadIndex::Answered { view, read, index } => {
            put(out, READ_INDEX_ANSWERED, &[view.0, read.0]);
            out.push(u8::from(index.is_some()));
            out.extend_from_slice(&index.unwrap_or(Seqno::ZERO).0.to_le_bytes());
        }
        ReadIndex::Confirm { view, round } => put(out, CONFIRM, &[view.0, round]),
        ReadIndex::Confirmed { view, round } => put(out, CONFIRMED, &[view.0, round]),
    }
}

fn read_index(reader: &mut Reader<'_>) -> Result<Option<Seqno>, MessageError> {
    match (truth(reader)?, Seqno(reader.u64()?)) {
        (true, index) => Ok(Some(index)),
        (false, Seqno::ZERO) => Ok(None),
        (false, _) => Err(MessageError::Fields),
    }
}

fn txid(reader: &mut Reader<'_>) -> Result<TxId, MessageError> {
    Ok(TxId { view: View(reader.u64()?), seqno: Seqno(reader.u64()?) })
}

fn truth(reader: &mut Reader<'_>) -> Result<bool, MessageError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(MessageError::Fields),
    }
}

fn election(reader: &mut Reader<'_>) -> Result<Election, MessageError> {
    match reader.u8()? {
        0 => Ok(Election::PreVote),
        1 => Ok(Election::Vote),
        _ => Err(MessageError::Fields),
    }
}

fn election_byte(election: Election) -> u8 {
    match election {
        Election::PreVote => 0,
        Election::Vote => 1,
    }
}

#[cfg(test)]
mod tests;
