//! A message on its way into sealed frames.

use super::{
    AppendEntries, Message,
    frame::{SEALED_HEADER_LEN, TAG_LEN},
    message,
};
use crate::entry;

/// Most bytes of a message: one ledger entry of the largest size, and 64 KiB around it.
pub const MAX_MESSAGE: usize = (1 << 30) + (64 << 10);

const _: () =
    assert!(entry::MAX_SIZE + (entry::HEADER_LEN + message::APPEND_ENTRIES_LEN) as u64 <= MAX_MESSAGE as u64);

/// A message in clear, with the room that the header of a sealed frame takes in front of it, so that it
/// is sealed where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft(Vec<u8>);

/// The message is longer than [`MAX_MESSAGE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message between nodes of more than {MAX_MESSAGE} bytes")]
pub struct TooLong;

impl Draft {
    /// Writes `message` as it crosses.
    ///
    /// # Errors
    /// When it is too long.
    pub fn of(message: &Message<'_>) -> Result<Self, TooLong> {
        let mut draft = Self::with_capacity(message.encoded_len())?;
        message.encode_to(&mut draft.0);
        Ok(draft)
    }

    /// Writes [`Message::AppendEntries`] with entries that lie in different places, each whole. The
    /// caller guarantees that `header` counts them.
    ///
    /// # Errors
    /// When they are too long together.
    pub fn append_entries<E: AsRef<[u8]>>(header: &AppendEntries, entries: &[E]) -> Result<Self, TooLong> {
        let len = entries.iter().try_fold(message::APPEND_ENTRIES_LEN, |sum, entry| {
            sum.checked_add(entry.as_ref().len()).ok_or(TooLong)
        })?;
        let mut draft = Self::with_capacity(len)?;
        message::encode_append_entries(header, &mut draft.0);
        for entry in entries {
            draft.0.extend_from_slice(entry.as_ref());
        }
        Ok(draft)
    }

    /// Any bytes.
    ///
    /// # Errors
    /// When they are too long.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, TooLong> {
        let mut draft = Self::with_capacity(bytes.len())?;
        draft.0.extend_from_slice(bytes);
        Ok(draft)
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.0[SEALED_HEADER_LEN..]
    }

    /// The message behind [`SEALED_HEADER_LEN`] bytes to be overwritten.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn with_capacity(len: usize) -> Result<Self, TooLong> {
        if len > MAX_MESSAGE {
            return Err(TooLong);
        }
        let mut bytes = Vec::with_capacity(SEALED_HEADER_LEN + len + TAG_LEN);
        bytes.resize(SEALED_HEADER_LEN, 0);
        Ok(Self(bytes))
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({} bytes)", self.message().len())
    }
}
