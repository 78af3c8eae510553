//! Tables of a snapshot: the rest of the public domain, and the whole private one.
//!
//! For each table, by name:
//! ```text
//! u64 length | name | u64 version of the table | u64 length of all rows
//! { u64 length | key | padding | u64 8 + length | u64 version | value | padding }
//! ```
//! Padding is zeros up to a multiple of 8. Rows are in the order of [`key_order`]. Versions below 2^63 name the
//! transaction that wrote the row; CCF 1.x and 2.x mark removed rows with others.
//! Sources: CCF `src/kv/untyped_map.h`, `src/kv/untyped_change_set.h`, `src/ds/champ_map.h`, `src/ds/map_serializers.h`.

use super::SnapshotError;
use crate::{
    id::Seqno,
    reader::{Reader, Short},
    writes::Domain,
};

/// Most bytes of a name, key or value that are read: those of an entry.
const MAX_FIELD_LEN: u64 = crate::entry::MAX_SIZE;
/// Removed rows have this bit in their version.
const REMOVED: u64 = 1 << 63;

/// Takes the tables of a snapshot, domain by domain, as they come out of the file.
pub trait SnapshotTables {
    /// Why tables are refused.
    type Error;

    /// Called once, first: the last transaction of the snapshot, not authentic before the end either.
    fn begin(&mut self, version: Seqno);

    /// Takes the next bytes of a domain; public ones come first. Not authentic before the end.
    ///
    /// # Errors
    /// On anything but the continuation of tables.
    fn push(&mut self, domain: Domain, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Appends what precedes the rows of a table; `rows_len` is the sum of their [`row_len`].
pub fn encode_table(name: &str, version: Seqno, rows_len: u64, out: &mut Vec<u8>) {
    put_sized(name.as_bytes(), out);
    out.extend_from_slice(&version.0.to_le_bytes());
    out.extend_from_slice(&rows_len.to_le_bytes());
}

/// Appends one row.
pub fn encode_row(key: &[u8], version: Seqno, value: &[u8], out: &mut Vec<u8>) {
    put_sized(key, out);
    pad(key.len(), out);
    out.extend_from_slice(&(8 + value.len() as u64).to_le_bytes());
    out.extend_from_slice(&version.0.to_le_bytes());
    out.extend_from_slice(value);
    pad(value.len(), out);
}

/// Bytes that [`encode_row`] appends.
#[must_use]
pub fn row_len(key_len: usize, value_len: usize) -> u64 {
    24 + key_len.next_multiple_of(8) as u64 + value_len.next_multiple_of(8) as u64
}

/// Where a row stands in its table: by the lower half of SipHash-2-4 (Aumasson, Bernstein 2012) of the key, under a key
/// that never changes; rows with equal hashes by their keys. Sources: CCF `include/ccf/byte_vector.h`,
/// `src/ds/champ_map.h`.
#[must_use]
pub fn key_order(key: &[u8]) -> u32 {
    const KEY: [u64; 2] = [0x7720_796f_726c_694b, 0x2165_7265_6820_7361];
    let mut state = [
        KEY[0] ^ 0x736f_6d65_7073_6575,
        KEY[1] ^ 0x646f_7261_6e64_6f6d,
        KEY[0] ^ 0x6c79_6765_6e65_7261,
        KEY[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = key.as_chunks();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = key.len().to_le_bytes()[0];
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        state[3] ^= word;
        sip_rounds(&mut state, 2);
        state[0] ^= word;
    }
    state[2] ^= 0xff;
    sip_rounds(&mut state, 4);
    let [b0, b1, b2, b3, ..] = state.into_iter().fold(0, |hash, word| hash ^ word).to_le_bytes();
    u32::from_le_bytes([b0, b1, b2, b3])
}

fn sip_rounds([v0, v1, v2, v3]: &mut [u64; 4], rounds: usize) {
    for _ in 0..rounds {
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }
}

/// A part of a domain, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TablePart<'a> {
    /// A table begins.
    Table {
        /// Its name, of the domain that is read.
        name: &'a str,
        /// Last transaction that changed it, or none.
        version: Seqno,
    },
    /// A row of the table.
    Row {
        /// Its key.
        key: &'a [u8],
        /// The transaction that wrote it; not later than the table's.
        version: Seqno,
        /// Its value.
        value: &'a [u8],
    },
}

/// Reads the tables of one domain from pieces of any length. Holds at most one piece and one row.
#[derive(Debug)]
pub struct TableReader {
    domain: Domain,
    /// Not read yet: the beginning of a part.
    pending: Vec<u8>,
    /// Name of the table before, which the next must follow.
    previous: Option<String>,
    /// Rows of the current table that are still to come, in bytes.
    rows_left: u64,
    version: Seqno,
}

impl TableReader {
    /// At the beginning of the tables of a domain.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self { domain, pending: Vec::new(), previous: None, rows_left: 0, version: Seqno::ZERO }
    }

    /// Reads on; `visit` is called for each part that is complete, in order, removed rows left out. After an error
    /// the reader is of no more use.
    ///
    /// # Errors
    /// On anything but tables, or that of `visit`.
    pub fn push<E: From<SnapshotError>>(
        &mut self,
        bytes: &[u8],
        mut visit: impl FnMut(TablePart<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            match self.read(rest) {
                Ok((part, after)) => {
                    if let Some(part) = part {
                        visit(part)?;
                    }
                    rest = after;
                }
                Err(SnapshotError::Truncated(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let read = pending.len() - rest.len();
        pending.drain(..read);
        self.pending = pending;
        Ok(())
    }

    /// To be called after the last piece.
    ///
    /// # Errors
    /// In the middle of a table.
    pub fn finish(self) -> Result<(), SnapshotError> {
        if self.pending.is_empty() && self.rows_left == 0 { Ok(()) } else { Err(SnapshotError::Truncated(0)) }
    }

    /// Reads one part; [`SnapshotError::Truncated`] if it is not complete.
    fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<(Option<TablePart<'a>>, &'a [u8]), SnapshotError> {
        let mut bytes = Reader::new(bytes);
        let part = if self.rows_left == 0 { self.table(&mut bytes)? } else { self.row(&mut bytes)? };
        Ok((part, bytes.rest()))
    }

    fn table<'a>(&mut self, bytes: &mut Reader<'a>) -> Result<Option<TablePart<'a>>, SnapshotError> {
        let name = sized(bytes, MAX_FIELD_LEN)?;
        let version = Seqno(bytes.u64()?);
        let rows_len = bytes.u64()?;
        let name = str::from_utf8(name).map_err(|_| SnapshotError::Name)?;
        if Domain::of(name) != self.domain {
            return Err(SnapshotError::WrongDomain);
        }
        if self.previous.as_deref().is_some_and(|previous| previous >= name) {
            return Err(SnapshotError::TableOrder);
        }
        self.previous = Some(name.to_owned());
        self.rows_left = rows_len;
        self.version = version;
        Ok(Some(TablePart::Table { name, version }))
    }

    fn row<'a>(&mut self, bytes: &mut Reader<'a>) -> Result<Option<TablePart<'a>>, SnapshotError> {
        let limit = self.rows_left;
        let key = sized(bytes, limit)?;
        padding(bytes, key.len())?;
        let len = bytes.u64()?;
        let value_len = len.checked_sub(8).ok_or(SnapshotError::RowLen)?;
        if value_len > limit.min(MAX_FIELD_LEN) {
            return Err(SnapshotError::RowLen);
        }
        let version = bytes.u64()?;
        let value = bytes.take(usize::try_from(value_len).map_err(|_| SnapshotError::RowLen)?)?;
        padding(bytes, value.len())?;
        self.rows_left = limit.checked_sub(row_len(key.len(), value.len())).ok_or(SnapshotError::RowLen)?;
        if version & REMOVED != 0 {
            return Ok(None);
        }
        if version == 0 || version > self.version.0 {
            return Err(SnapshotError::RowVersion);
        }
        Ok(Some(TablePart::Row { key, version: Seqno(version), value }))
    }
}

/// A length of at most `limit`, and as many bytes.
fn sized<'a>(bytes: &mut Reader<'a>, limit: u64) -> Result<&'a [u8], SnapshotError> {
    let len = bytes.u64()?;
    if len > limit.min(MAX_FIELD_LEN) {
        return Err(SnapshotError::RowLen);
    }
    Ok(bytes.take(usize::try_from(len).map_err(|_| SnapshotError::RowLen)?)?)
}

fn padding(bytes: &mut Reader<'_>, len: usize) -> Result<(), SnapshotError> {
    let padding: Result<_, Short> = bytes.take(len.next_multiple_of(8) - len);
    if padding?.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(SnapshotError::Padding) }
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn pad(len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 8][..len.next_multiple_of(8) - len]);
}

#[cfg(test)]
mod tests;
