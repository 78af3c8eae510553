//! One entry of the ledger: header, authenticated encryption fields, public and private domain.
//!
//! ```text
//! u8 version = 1 | u8 flags | u48 size of what follows
//! [16] AES-GCM tag | [12] IV
//! u64 length of the public domain | public domain | private domain (encrypted)
//! ```
//! All integers are little-endian. Source: CCF `src/kv/serialised_entry_format.h` and
//! `src/kv/generic_serialise_wrapper.h`.

use crate::{
    domain::{self, Commitments, PublicHeader},
    id::{Seqno, TxId, View},
    reader::Reader,
    writes::{Domain, WriteSet},
};

/// Length of the entry header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Length of the AES-GCM tag, in bytes.
pub const TAG_LEN: usize = 16;
/// Length of the AES-GCM initialisation vector, in bytes.
pub const IV_LEN: usize = 12;
/// Smallest value of the size field: tag, IV and the length of the public domain.
pub const MIN_SIZE: u64 = 36;
/// Largest value of the size field: 1 GiB.
pub const MAX_SIZE: u64 = 1 << 30;

const VERSION: u8 = 1;
const IV_AT: usize = HEADER_LEN + TAG_LEN;
const PUBLIC_LEN_AT: usize = IV_AT + IV_LEN;
const PUBLIC_AT: usize = PUBLIC_LEN_AT + 8;
const SNAPSHOT_BIT: u32 = 1 << 31;

/// Bytes that are not an entry, or content that does not fit in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes end before the entry does.
    #[error("entry needs {needed} bytes, {available} remain")]
    Truncated {
        /// Whole length, or that of the header if this much is not there.
        needed: u64,
        /// Bytes given.
        available: u64,
    },
    /// More bytes than the entry's own.
    #[error("bytes follow the entry")]
    Trailing,
    /// Unknown version of the entry format.
    #[error("entry format version {0}")]
    Version(u8),
    /// Unknown flag bits.
    #[error("unknown entry flags {0:#04x}")]
    Flags(u8),
    /// Size outside `MIN_SIZE..=MAX_SIZE`.
    #[error("entry of {0} bytes")]
    Size(u64),
    /// The public domain is longer than the entry.
    #[error("public domain of {0} bytes exceeds the entry")]
    PublicDomain(u64),
    /// The view does not fit in the 31 bits that the IV has for it.
    #[error("view {0} exceeds 31 bits")]
    View(View),
}

/// Requests to whoever writes chunks, part of the entry and so of what is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EntryFlags(u8);

impl EntryFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The chunk ends with this entry; only on signatures.
    pub const FORCE_CHUNK_AFTER: Self = Self(0x01);
    /// A new chunk starts with this entry; the first of a recovered service.
    pub const FORCE_CHUNK_BEFORE: Self = Self(0x02);

    /// The flags of a byte.
    ///
    /// # Errors
    /// On unknown bits.
    pub fn from_bits(bits: u8) -> Result<Self, EntryError> {
        if bits & !0x03 == 0 { Ok(Self(bits)) } else { Err(EntryError::Flags(bits)) }
    }

    /// The byte of the header.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The first 8 bytes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    flags: EntryFlags,
    size: u64,
}

impl EntryHeader {
    /// `size`: bytes that follow the header.
    ///
    /// # Errors
    /// When `size` is outside `MIN_SIZE..=MAX_SIZE`.
    pub fn new(flags: EntryFlags, size: u64) -> Result<Self, EntryError> {
        if !(MIN_SIZE..=MAX_SIZE).contains(&size) {
            return Err(EntryError::Size(size));
        }
        Ok(Self { flags, size })
    }

    /// Strict.
    ///
    /// # Errors
    /// On another version, unknown flags or a size out of limits.
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, EntryError> {
        let [version, flags, ..] = bytes;
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        Self::new(EntryFlags::from_bits(flags)?, u64::from_le_bytes(bytes) >> 16)
    }

    /// The 8 bytes.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER_LEN] {
        (self.size << 16 | u64::from(self.flags.0) << 8 | u64::from(VERSION)).to_le_bytes()
    }

    /// The flags.
    #[must_use]
    pub fn flags(self) -> EntryFlags {
        self.flags
    }

    /// Bytes that follow the header.
    #[must_use]
    pub fn size(self) -> u64 {
        self.size
    }

    /// Bytes of the whole entry, with this header.
    #[must_use]
    pub fn entry_len(self) -> u64 {
        self.size + HEADER_LEN as u64
    }
}

/// AES-GCM initialisation vector: seqno (u64), then view (31 bits) and one bit for snapshots.
///
/// Source: CCF `src/node/encryptor.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Iv(pub [u8; IV_LEN]);

impl Iv {
    /// That of a ledger entry.
    ///
    /// # Errors
    /// [`EntryError::View`] when the view exceeds 31 bits: a cut view would repeat an IV.
    pub fn of_entry(id: TxId) -> Result<Self, EntryError> {
        match u32::try_from(id.view.0) {
            Ok(view) if view & SNAPSHOT_BIT == 0 => Ok(Self::new(id.seqno, view)),
            _ => Err(EntryError::View(id.view)),
        }
    }

    /// That of a snapshot, which no entry has.
    #[must_use]
    pub fn of_snapshot(seqno: Seqno) -> Self {
        Self::new(seqno, SNAPSHOT_BIT)
    }

    /// Seqno and view inside; the view of a snapshot is 0.
    #[must_use]
    pub fn tx_id(self) -> TxId {
        let (seqno, tail) = self.split();
        TxId { view: View(u64::from(tail & !SNAPSHOT_BIT)), seqno }
    }

    /// Whether it belongs to a snapshot.
    #[must_use]
    pub fn is_snapshot(self) -> bool {
        self.split().1 & SNAPSHOT_BIT != 0
    }

    fn new(seqno: Seqno, tail: u32) -> Self {
        let mut bytes = [0; IV_LEN];
        bytes[..8].copy_from_slice(&seqno.0.to_le_bytes());
        bytes[8..].copy_from_slice(&tail.to_le_bytes());
        Self(bytes)
    }

    fn split(self) -> (Seqno, u32) {
        let [s0, s1, s2, s3, s4, s5, s6, s7, v0, v1, v2, v3] = self.0;
        let seqno = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        (Seqno(seqno), u32::from_le_bytes([v0, v1, v2, v3]))
    }
}

/// A borrowed entry whose frame has been checked; the domains have not.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    bytes: &'a [u8],
    header: EntryHeader,
    tag: &'a [u8; TAG_LEN],
    iv: Iv,
    public: &'a [u8],
    private: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Exactly one entry.
    ///
    /// # Errors
    /// When the frame is wrong, cut short or followed by more bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EntryError> {
        let (entry, rest) = Self::decode_first(bytes)?;
        if rest.is_empty() { Ok(entry) } else { Err(EntryError::Trailing) }
    }

    /// The first entry, and the bytes after it.
    ///
    /// # Errors
    /// When the frame is wrong or cut short.
    pub fn decode_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), EntryError> {
        let available = bytes.len() as u64;
        let truncated = |needed| EntryError::Truncated { needed, available };
        let header = bytes.first_chunk().ok_or(truncated(HEADER_LEN as u64))?;
        let header = EntryHeader::decode(*header)?;
        let len = usize::try_from(header.entry_len()).map_err(|_| EntryError::Size(header.size))?;
        let (bytes, rest) = bytes.split_at_checked(len).ok_or(truncated(header.entry_len()))?;

        let mut fields = Reader::new(&bytes[HEADER_LEN..]);
        let short = |_| EntryError::Size(header.size);
        let tag = fields.array().map_err(short)?;
        let iv = Iv(*fields.array().map_err(short)?);
        let public_len = fields.u64().map_err(short)?;
        let public = usize::try_from(public_len)
            .ok()
            .and_then(|len| fields.take(len).ok())
            .ok_or(EntryError::PublicDomain(public_len))?;
        Ok((Self { bytes, header, tag, iv, public, private: fields.rest() }, rest))
    }

    /// The whole entry: what its write-set digest covers.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Flags and size.
    #[must_use]
    pub fn header(&self) -> EntryHeader {
        self.header
    }

    /// AES-GCM tag.
    #[must_use]
    pub fn tag(&self) -> &'a [u8; TAG_LEN] {
        self.tag
    }

    /// AES-GCM initialisation vector.
    #[must_use]
    pub fn iv(&self) -> Iv {
        self.iv
    }

    /// Public domain: in clear, and the additional data of the encryption.
    #[must_use]
    pub fn public_domain(&self) -> &'a [u8] {
        self.public
    }

    /// Private domain, encrypted.
    #[must_use]
    pub fn private_domain(&self) -> &'a [u8] {
        self.private
    }
}

/// An entry whose private domain is still in clear: it must be sealed to get out.
pub struct UnsealedEntry {
    bytes: Vec<u8>,
    iv: Iv,
    public_end: usize,
}

impl UnsealedEntry {
    /// A transaction at position `id`, written into one buffer of the exact size.
    ///
    /// # Errors
    /// [`EntryError::Size`] when over [`MAX_SIZE`], [`EntryError::View`].
    pub fn of_writes(
        id: TxId,
        flags: EntryFlags,
        commitments: Commitments,
        writes: &WriteSet,
    ) -> Result<Self, EntryError> {
        let header = PublicHeader::new(id.seqno, commitments);
        let public_len = header.encoded_len() + domain::encoded_len(writes, Domain::Public);
        let len = public_len + domain::encoded_len(writes, Domain::Private);
        Self::write(
            Iv::of_entry(id)?,
            flags,
            len,
            |out| {
                header.encode(out);
                domain::encode(writes, Domain::Public, out);
            },
            |out| domain::encode(writes, Domain::Private, out),
        )
    }

    /// Any content: `public` and `private` append their domain to the buffer and leave what is
    /// there. `domains_len` is their expected length together, in bytes.
    ///
    /// # Errors
    /// [`EntryError::Size`] when over [`MAX_SIZE`].
    pub fn write(
        iv: Iv,
        flags: EntryFlags,
        domains_len: usize,
        public: impl FnOnce(&mut Vec<u8>),
        private: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Self, EntryError> {
        EntryHeader::new(flags, MIN_SIZE + domains_len as u64)?;
        let mut bytes = Vec::with_capacity(PUBLIC_AT + domains_len);
        bytes.resize(IV_AT, 0);
        bytes.extend_from_slice(&iv.0);
        bytes.extend_from_slice(&[0; 8]);
        public(&mut bytes);
        let public_end = bytes.len();
        private(&mut bytes);

        let header = EntryHeader::new(flags, (bytes.len() - HEADER_LEN) as u64)?;
        bytes[..HEADER_LEN].copy_from_slice(&header.encode());
        let public_len = (public_end - PUBLIC_AT) as u64;
        bytes[PUBLIC_LEN_AT..PUBLIC_AT].copy_from_slice(&public_len.to_le_bytes());
        Ok(Self { bytes, iv, public_end })
    }

    /// Encrypts the private domain in place: `encrypt` is given the IV, the public domain
    /// (additional data) and the private domain (replaced by its ciphertext), and yields the tag.
    ///
    /// # Errors
    /// Those of `encrypt`; the clear text is then dropped with the buffer.
    pub fn seal<E>(
        mut self,
        encrypt: impl FnOnce(&Iv, &[u8], &mut [u8]) -> Result<[u8; TAG_LEN], E>,
    ) -> Result<Vec<u8>, E> {
        let (clear, private) = self.bytes.split_at_mut(self.public_end);
        let tag = encrypt(&self.iv, &clear[PUBLIC_AT..], private)?;
        self.bytes[HEADER_LEN..IV_AT].copy_from_slice(&tag);
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests;
