//! What precedes the domains in the file of a snapshot: the frame of an entry, of any size.

use super::SnapshotError;
use crate::{
    entry::{EntryError, HEADER_LEN, IV_LEN, Iv, MIN_SIZE, TAG_LEN},
    id::Seqno,
    reader::Reader,
};

/// Length of the frame, in bytes.
pub const FRAME_LEN: usize = HEADER_LEN + TAG_LEN + IV_LEN + 8;
/// Most bytes of a domain: what AES-GCM seals under one IV, 64 GiB less two blocks.
pub const MAX_DOMAIN_LEN: u64 = ((1 << 32) - 2) * 16;

const VERSION: u8 = 1;

/// The first bytes of a snapshot. As those of an [`Entry`](crate::entry::Entry), but not limited to 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFrame {
    /// Last transaction inside.
    pub seqno: Seqno,
    /// AES-GCM tag over both domains.
    pub tag: [u8; TAG_LEN],
    /// Bytes of the public domain.
    pub public_len: u64,
    /// Bytes of the private domain.
    pub private_len: u64,
}

impl SnapshotFrame {
    /// Checks the sizes.
    ///
    /// # Errors
    /// [`EntryError::Size`] when a domain exceeds [`MAX_DOMAIN_LEN`].
    pub fn new(
        seqno: Seqno,
        tag: [u8; TAG_LEN],
        public_len: u64,
        private_len: u64,
    ) -> Result<Self, EntryError> {
        match [public_len, private_len].into_iter().find(|len| *len > MAX_DOMAIN_LEN) {
            Some(len) => Err(EntryError::Size(len)),
            None => Ok(Self { seqno, tag, public_len, private_len }),
        }
    }

    /// Bytes of the whole entry, with the frame.
    #[must_use]
    pub fn entry_len(&self) -> u64 {
        FRAME_LEN as u64 + self.public_len + self.private_len
    }

    /// The IV: that of no entry, and of no other snapshot.
    #[must_use]
    pub fn iv(&self) -> Iv {
        Iv::of_snapshot(self.seqno)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; FRAME_LEN] {
        let size = MIN_SIZE + self.public_len + self.private_len;
        let mut bytes = [0; FRAME_LEN];
        bytes[..HEADER_LEN].copy_from_slice(&(size << 16 | u64::from(VERSION)).to_le_bytes());
        bytes[HEADER_LEN..][..TAG_LEN].copy_from_slice(&self.tag);
        bytes[HEADER_LEN + TAG_LEN..][..IV_LEN].copy_from_slice(&self.iv().0);
        bytes[FRAME_LEN - 8..].copy_from_slice(&self.public_len.to_le_bytes());
        bytes
    }

    /// Strict.
    ///
    /// # Errors
    /// On another version, flags, sizes that do not fit together, or the IV of an entry.
    pub fn decode(bytes: &[u8; FRAME_LEN]) -> Result<Self, SnapshotError> {
        let mut fields = Reader::new(bytes);
        let header = fields.u64()?;
        let [version, flags, ..] = header.to_le_bytes();
        if version != VERSION {
            return Err(EntryError::Version(version).into());
        }
        if flags != 0 {
            return Err(EntryError::Flags(flags).into());
        }
        let size = header >> 16;
        let tag = *fields.array()?;
        let iv = Iv(*fields.array()?);
        let public_len = fields.u64()?;
        let domains_len = size.checked_sub(MIN_SIZE).ok_or(EntryError::Size(size))?;
        let private_len = domains_len.checked_sub(public_len).ok_or(EntryError::PublicDomain(public_len))?;
        let seqno = iv.tx_id().seqno;
        if iv != Iv::of_snapshot(seqno) {
            return Err(SnapshotError::Iv);
        }
        Ok(Self::new(seqno, tag, public_len, private_len)?)
    }
}
