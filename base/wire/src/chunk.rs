//! Ledger files ("chunks"): names, and a sequence of entries with a table of their positions.
//!
//! ```text
//! u64 offset of the positions, 0 while the chunk is incomplete
//! entries
//! u32 offset of each entry, to the end of the file, once complete
//! ```
//! All integers are little-endian. Source: CCF `src/host/ledger.h`.

use std::{fmt, str::FromStr};

use crate::{
    entry::{Entry, EntryError},
    id::Seqno,
};

/// Length of what precedes the first entry, in bytes.
pub const HEADER_LEN: usize = 8;

/// How far a chunk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChunkPhase {
    /// `ledger_{first}`: entries are appended, or wait to be committed.
    Open,
    /// `ledger_{first}-{last}.committed`: never changes again.
    Committed {
        /// Position of its last entry.
        last: Seqno,
    },
}

/// Marks at the end of a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChunkMark {
    /// None: part of the ledger.
    None,
    /// `.recovery`: written by a service that is being recovered and not open yet.
    Recovery,
    /// `.ignored`: set aside, no part of the ledger.
    Ignored,
}

/// Name of a ledger file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkName {
    /// Position of its first entry.
    pub first: Seqno,
    /// Open or committed.
    pub phase: ChunkPhase,
    /// Part of the ledger or not.
    pub mark: ChunkMark,
}

/// Not the name of a ledger file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a ledger file")]
pub struct InvalidChunkName;

impl fmt::Display for ChunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger_{}", self.first)?;
        if let ChunkPhase::Committed { last } = self.phase {
            write!(f, "-{last}.committed")?;
        }
        f.write_str(match self.mark {
            ChunkMark::None => "",
            ChunkMark::Recovery => ".recovery",
            ChunkMark::Ignored => ".ignored",
        })
    }
}

impl FromStr for ChunkName {
    type Err = InvalidChunkName;

    fn from_str(name: &str) -> Result<Self, InvalidChunkName> {
        let (rest, mark) = if let Some(rest) = name.strip_suffix(".recovery") {
            (rest, ChunkMark::Recovery)
        } else if let Some(rest) = name.strip_suffix(".ignored") {
            (rest, ChunkMark::Ignored)
        } else {
            (name, ChunkMark::None)
        };
        let range = rest.strip_prefix("ledger_").ok_or(InvalidChunkName)?;
        let (first, phase) = match range.strip_suffix(".committed") {
            None => (position(range)?, ChunkPhase::Open),
            Some(range) => {
                let (first, last) = range.split_once('-').ok_or(InvalidChunkName)?;
                (position(first)?, ChunkPhase::Committed { last: position(last)? })
            }
        };
        match phase {
            ChunkPhase::Committed { last } if last < first => Err(InvalidChunkName),
            _ => Ok(Self { first, phase, mark }),
        }
    }
}

/// Name of what is committed of an open chunk, as a chunk of its own: `ledger_{first}-{last}.committed_prefix`. No part of
/// the ledger, but a copy of its end. Source: CCF `src/node/rpc/file_serving_handlers.h`, 8.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixName {
    /// Position of its first entry.
    pub first: Seqno,
    /// Position of its last entry.
    pub last: Seqno,
}

impl PrefixName {
    /// The chunk that it is taken from.
    #[must_use]
    pub fn chunk(self) -> ChunkName {
        ChunkName { first: self.first, phase: ChunkPhase::Open, mark: ChunkMark::None }
    }
}

impl fmt::Display for PrefixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger_{}-{}.committed_prefix", self.first, self.last)
    }
}

impl FromStr for PrefixName {
    type Err = InvalidChunkName;

    fn from_str(name: &str) -> Result<Self, InvalidChunkName> {
        let range = name.strip_prefix("ledger_").and_then(|rest| rest.strip_suffix(".committed_prefix"));
        let (first, last) = range.and_then(|range| range.split_once('-')).ok_or(InvalidChunkName)?;
        let (first, last) = (position(first)?, position(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(InvalidChunkName) }
    }
}

/// A seqno of at least 1 in canonical decimal.
fn position(text: &str) -> Result<Seqno, InvalidChunkName> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { text.parse().map(Seqno).map_err(|_| InvalidChunkName) } else { Err(InvalidChunkName) }
}

/// Where and how a chunk is wrong. Offsets are in bytes from the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at offset {offset}: {reason}")]
pub struct ChunkError {
    /// Where.
    pub offset: u64,
    /// How.
    pub reason: ChunkDamage,
}

/// How a chunk is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkDamage {
    /// Shorter than its own header.
    #[error("no chunk header")]
    NoHeader,
    /// The positions would lie inside the header or beyond the end of the file.
    #[error("positions table at {0}, outside of the file")]
    PositionsOffset(u64),
    /// The positions are not a whole number of 32-bit integers, or none.
    #[error("positions table of {0} bytes")]
    PositionsLen(u64),
    /// A position differs from where the entry starts, or one is missing.
    #[error("position of entry {index} (counted from 0) does not match")]
    Position {
        /// Number of the entry, from 0.
        index: usize,
    },
    /// More positions than entries.
    #[error("positions of entries that are not there")]
    ExtraPositions,
    /// An incomplete chunk ends inside an entry, or in zeros: what a crash leaves behind.
    #[error("the last entry was not written to its end")]
    Torn,
    /// An entry is wrong.
    #[error(transparent)]
    Entry(EntryError),
}

/// A borrowed chunk whose frame has been checked; entries are checked as they are read.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// From the start of the file up to the positions.
    body: &'a [u8],
    /// None while incomplete.
    positions: Option<&'a [[u8; 4]]>,
}

impl<'a> Chunk<'a> {
    /// The content of one file.
    ///
    /// # Errors
    /// When header or positions are impossible.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        let at = |offset: u64, reason| ChunkError { offset, reason };
        let header = bytes.first_chunk().ok_or(at(0, ChunkDamage::NoHeader))?;
        let end = u64::from_le_bytes(*header);
        if end == 0 {
            return Ok(Self { body: bytes, positions: None });
        }
        let (body, table) = usize::try_from(end)
            .ok()
            .filter(|end| *end >= HEADER_LEN)
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or(at(0, ChunkDamage::PositionsOffset(end)))?;
        match table.as_chunks() {
            (positions, []) if !positions.is_empty() => Ok(Self { body, positions: Some(positions) }),
            _ => Err(at(end, ChunkDamage::PositionsLen(table.len() as u64))),
        }
    }

    /// Whether the table of positions has been written: nothing will be appended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.positions.is_some()
    }

    /// Number of entries according to the positions; none while incomplete.
    #[must_use]
    pub fn entry_count(&self) -> Option<usize> {
        self.positions.map(<[_]>::len)
    }

    /// Entries in order, each checked against the positions if the chunk is complete. Ends after
    /// the first error.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries { chunk: *self, offset: HEADER_LEN, index: 0, failed: false }
    }
}

/// Iterator over the entries of a chunk and their offsets in the file.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    chunk: Chunk<'a>,
    offset: usize,
    index: usize,
    failed: bool,
}

impl<'a> Entries<'a> {
    /// Where the next entry starts, or the entries end.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset as u64
    }

    fn read(&mut self) -> Result<Option<(u64, Entry<'a>)>, ChunkDamage> {
        let rest = &self.chunk.body[self.offset..];
        if rest.is_empty() {
            let missing = self.chunk.positions.is_some_and(|positions| positions.len() > self.index);
            return if missing { Err(ChunkDamage::ExtraPositions) } else { Ok(None) };
        }
        if let Some(positions) = self.chunk.positions {
            let position = positions.get(self.index).map(|position| u32::from_le_bytes(*position));
            if position.map(u64::from) != Some(self.offset as u64) {
                return Err(ChunkDamage::Position { index: self.index });
            }
        }
        let (entry, _) = Entry::decode_first(rest).map_err(|error| self.damage(rest, error))?;
        let offset = self.offset as u64;
        self.offset += entry.bytes().len();
        self.index += 1;
        Ok(Some((offset, entry)))
    }

    fn damage(&self, rest: &[u8], error: EntryError) -> ChunkDamage {
        let cut = matches!(error, EntryError::Truncated { .. });
        let unwritten = || rest.iter().all(|byte| *byte == 0);
        if !self.chunk.is_complete() && (cut || unwritten()) {
            ChunkDamage::Torn
        } else {
            ChunkDamage::Entry(error)
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(u64, Entry<'a>), ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read().map_err(|reason| ChunkError { offset: self.offset as u64, reason });
        self.failed = item.is_err();
        item.transpose()
    }
}

/// The first 8 bytes of a file: `positions_offset` is 0 until the chunk is complete.
#[must_use]
pub fn encode_header(positions_offset: u64) -> [u8; HEADER_LEN] {
    positions_offset.to_le_bytes()
}

/// The table of positions: offsets of all entries, in bytes from the start of the file.
#[must_use]
pub fn encode_positions(offsets: &[u32]) -> Vec<u8> {
    offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests;
