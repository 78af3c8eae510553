//! Public and private domain of an entry: a header, and the changes of each table.
//!
//! Header of the public domain (the private one has none):
//! ```text
//! u8 type | u64 seqno | [32] claims digest (types 2, 4) | [32] commit evidence digest (types 3, 4)
//! u64 max conflict version
//! ```
//! then for each table, by name:
//! ```text
//! u64 length | name | u64 read version = 0 | u64 read count = 0
//! u64 write count | { u64 length | key | u64 length | value }
//! u64 remove count | { u64 length | key }
//! ```
//! Source: CCF `src/kv/generic_serialise_wrapper.h`, `src/kv/kv_types.h`, `src/kv/untyped_map.h`.

use crate::{
    id::{Digest, Seqno},
    reader::{Reader, Short},
    writes::{Domain, Key, TableName, TableWrites, Value, WriteSet},
};

/// Bytes that are not a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// A field extends beyond the end.
    #[error("domain ends inside the field at offset {0}")]
    Truncated(usize),
    /// Not a type of transaction. Snapshots have their own format.
    #[error("entry type {0}")]
    EntryType(u8),
    /// A table name is not UTF-8.
    #[error("table name at offset {0} is not UTF-8")]
    Name(usize),
    /// A table in the wrong domain.
    #[error("table at offset {0} belongs to the other domain")]
    WrongDomain(usize),
    /// Tables repeat or do not ascend.
    #[error("table at offset {0} does not follow the previous one in order")]
    TableOrder(usize),
    /// A read version or reads, which no ledger holds.
    #[error("table at offset {0} records reads")]
    Reads(usize),
    /// A key occurs twice in one table.
    #[error("table at offset {0} has a key twice")]
    DuplicateKey(usize),
    /// A table without changes, or keys not ascending, where the canonical form was asked for.
    #[error("table at offset {0} is not in canonical form")]
    NotCanonical(usize),
}

impl From<Short> for DomainError {
    fn from(short: Short) -> Self {
        Self::Truncated(short.offset)
    }
}

/// What joins the write set in the leaf of the Merkle tree; decides the entry type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commitments {
    /// Type 0 (CCF 1.x): nothing.
    None,
    /// Type 2: digest of the application's claims.
    Claims(Digest),
    /// Type 3: digest of the commit evidence.
    Evidence(Digest),
    /// Type 4, the only one written today.
    EvidenceAndClaims {
        /// SHA-256 of the commit evidence text.
        evidence: Digest,
        /// Zeros when the application claims nothing.
        claims: Digest,
    },
}

/// Header of the public domain of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicHeader {
    /// Position of the transaction; the IV holds it too.
    pub seqno: Seqno,
    /// What is committed to beside the write set.
    pub commitments: Commitments,
    /// Written as zero today; set by CCF 1.x.
    pub max_conflict_version: u64,
}

impl PublicHeader {
    /// As written today.
    #[must_use]
    pub fn new(seqno: Seqno, commitments: Commitments) -> Self {
        Self { seqno, commitments, max_conflict_version: 0 }
    }

    /// Length in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        1 + 8
            + 8
            + Digest::LEN
                * match self.commitments {
                    Commitments::None => 0,
                    Commitments::Claims(_) | Commitments::Evidence(_) => 1,
                    Commitments::EvidenceAndClaims { .. } => 2,
                }
    }

    /// Appends the header to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (entry_type, first, second) = match &self.commitments {
            Commitments::None => (0, None, None),
            Commitments::Claims(claims) => (2, Some(claims), None),
            Commitments::Evidence(evidence) => (3, Some(evidence), None),
            Commitments::EvidenceAndClaims { evidence, claims } => (4, Some(claims), Some(evidence)),
        };
        out.push(entry_type);
        out.extend_from_slice(&self.seqno.0.to_le_bytes());
        for digest in [first, second].into_iter().flatten() {
            out.extend_from_slice(&digest.0);
        }
        out.extend_from_slice(&self.max_conflict_version.to_le_bytes());
    }

    fn decode(bytes: &mut Reader<'_>) -> Result<Self, DomainError> {
        let entry_type = bytes.u8()?;
        if !matches!(entry_type, 0 | 2..=4) {
            return Err(DomainError::EntryType(entry_type));
        }
        let seqno = Seqno(bytes.u64()?);
        let mut digest = || bytes.array().map(|digest| Digest(*digest));
        let commitments = match entry_type {
            0 => Commitments::None,
            2 => Commitments::Claims(digest()?),
            3 => Commitments::Evidence(digest()?),
            _ => {
                let claims = digest()?;
                Commitments::EvidenceAndClaims { evidence: digest()?, claims }
            }
        };
        Ok(Self { seqno, commitments, max_conflict_version: bytes.u64()? })
    }
}

/// How the keys of a table must be ordered when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Ascending, and no table without changes: what [`encode`] writes.
    Ascending,
    /// Any order, as other writers may choose; still none twice.
    Any,
}

/// One change, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Full name of the table.
    pub table: &'a str,
    /// Key.
    pub key: &'a [u8],
    /// New value, or none when removed.
    pub value: Option<&'a [u8]>,
}

/// Bytes that [`encode`] appends for the tables of `domain`.
#[must_use]
pub fn encoded_len(writes: &WriteSet, domain: Domain) -> usize {
    let change_len = |(key, value): (&Key, &Option<Value>)| {
        8 + key.len() + value.as_ref().map_or(0, |value| 8 + value.len())
    };
    tables_of(writes, domain)
        .map(|(name, table)| 40 + name.as_str().len() + table.iter().map(change_len).sum::<usize>())
        .sum()
}

/// Appends the changed tables of `domain` to `out`, in canonical order.
pub fn encode(writes: &WriteSet, domain: Domain, out: &mut Vec<u8>) {
    for (name, table) in tables_of(writes, domain) {
        put(name.as_str().as_bytes(), out);
        out.extend_from_slice(&[0; 16]);
        let removed = table.values().filter(|value| value.is_none()).count();
        out.extend_from_slice(&((table.len() - removed) as u64).to_le_bytes());
        for (key, value) in table {
            if let Some(value) = value {
                put(key, out);
                put(value, out);
            }
        }
        out.extend_from_slice(&(removed as u64).to_le_bytes());
        if removed > 0 {
            table.iter().filter(|(_, value)| value.is_none()).for_each(|(key, _)| put(key, out));
        }
    }
}

/// Reads a public domain: its header, and its tables into `writes`.
///
/// # Errors
/// On anything but a header and public tables, up to the last byte.
pub fn decode_public(
    bytes: &[u8],
    order: KeyOrder,
    writes: &mut WriteSet,
) -> Result<PublicHeader, DomainError> {
    let mut collect = Collector::new(writes);
    visit_public(bytes, order, |change| collect.add(change))
}

/// Reads a decrypted private domain into `writes`.
///
/// # Errors
/// On anything but private tables, up to the last byte.
pub fn decode_private(bytes: &[u8], order: KeyOrder, writes: &mut WriteSet) -> Result<(), DomainError> {
    let mut collect = Collector::new(writes);
    visit_tables(&mut Reader::new(bytes), Domain::Private, order, |change| collect.add(change))
}

/// Reads a public domain without copying: `visit` is called for each change, in order. The
/// changes are valid only if the whole domain turns out to be.
///
/// # Errors
/// As [`decode_public`].
pub fn visit_public<'a>(
    bytes: &'a [u8],
    order: KeyOrder,
    visit: impl FnMut(Change<'a>),
) -> Result<PublicHeader, DomainError> {
    let mut bytes = Reader::new(bytes);
    let header = PublicHeader::decode(&mut bytes)?;
    visit_tables(&mut bytes, Domain::Public, order, visit)?;
    Ok(header)
}

fn visit_tables<'a>(
    bytes: &mut Reader<'a>,
    domain: Domain,
    order: KeyOrder,
    mut visit: impl FnMut(Change<'a>),
) -> Result<(), DomainError> {
    let mut previous = None;
    while !bytes.is_empty() {
        let start = bytes.offset();
        let table = str::from_utf8(bytes.sized()?).map_err(|_| DomainError::Name(start))?;
        if Domain::of(table) != domain {
            return Err(DomainError::WrongDomain(start));
        }
        if previous.is_some_and(|previous| previous >= table) {
            return Err(DomainError::TableOrder(start));
        }
        previous = Some(table);
        if bytes.u64()? != 0 || bytes.u64()? != 0 {
            return Err(DomainError::Reads(start));
        }
        let body = *bytes;
        let mut keys = KeyCheck::default();
        for kind in [ChangeKind::Write, ChangeKind::Remove] {
            keys.begin();
            visit_changes(bytes, kind, |key, value| {
                keys.add(key);
                visit(Change { table, key, value });
            })?;
        }
        keys.finish(body, start, order)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum ChangeKind {
    Write,
    Remove,
}

fn visit_changes<'a>(
    bytes: &mut Reader<'a>,
    kind: ChangeKind,
    mut visit: impl FnMut(&'a [u8], Option<&'a [u8]>),
) -> Result<(), DomainError> {
    // A false count runs into the end of the bytes: each change takes at least eight.
    for _ in 0..bytes.u64()? {
        let key = bytes.sized()?;
        let value = match kind {
            ChangeKind::Write => Some(bytes.sized()?),
            ChangeKind::Remove => None,
        };
        visit(key, value);
    }
    Ok(())
}

/// Proves that no key of a table occurs twice; free of charge when keys ascend.
#[derive(Default)]
struct KeyCheck<'a> {
    previous: Option<&'a [u8]>,
    counts: [usize; 2],
    runs: usize,
    unordered: bool,
}

impl<'a> KeyCheck<'a> {
    fn begin(&mut self) {
        self.previous = None;
        self.runs += 1;
    }

    fn add(&mut self, key: &'a [u8]) {
        self.unordered |= self.previous.is_some_and(|previous| previous >= key);
        self.previous = Some(key);
        self.counts[self.runs - 1] += 1;
    }

    fn finish(self, mut body: Reader<'a>, start: usize, order: KeyOrder) -> Result<(), DomainError> {
        let [writes, removes] = self.counts;
        if order == KeyOrder::Ascending && (self.unordered || writes + removes == 0) {
            return Err(DomainError::NotCanonical(start));
        }
        if !self.unordered && (writes == 0 || removes == 0) {
            return Ok(());
        }
        let mut keys = Vec::with_capacity(writes + removes);
        for kind in [ChangeKind::Write, ChangeKind::Remove] {
            visit_changes(&mut body, kind, |key, _| keys.push(key))?;
        }
        keys.sort_unstable();
        let twice = keys.windows(2).any(|pair| pair[0] == pair[1]);
        if twice { Err(DomainError::DuplicateKey(start)) } else { Ok(()) }
    }
}

/// Adds changes to a write set, naming each table once.
struct Collector<'w> {
    writes: &'w mut WriteSet,
    table: TableName,
}

impl<'w> Collector<'w> {
    fn new(writes: &'w mut WriteSet) -> Self {
        Self { writes, table: TableName::new("") }
    }

    fn add(&mut self, change: Change<'_>) {
        if self.table.as_str() != change.table {
            self.table = TableName::new(change.table);
        }
        let value = change.value.map(Value::new);
        self.writes.table_mut(&self.table).insert(Key::new(change.key), value);
    }
}

fn tables_of(writes: &WriteSet, domain: Domain) -> impl Iterator<Item = (&TableName, &TableWrites)> {
    writes.tables().filter(move |(name, table)| name.domain() == domain && !table.is_empty())
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
