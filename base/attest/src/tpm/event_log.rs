//! The log of what firmware and boot loaders measured (TCG PC Client Platform Firmware Profile, section 10).
//!
//! Nothing in a log is signed. What counts is that its digests, extended one after the other, lead to the values that a
//! TPM signed; then the digests are genuine, and so is the data whose digest one of them is. Kinds of events are in no
//! digest, so that data must be judged by itself.

mod replay;

use super::{Hash, LogRefusal};
use crate::cursor::Cursor;

/// Most bytes of a log.
const MAX_LEN: usize = 1024 * 1024;
/// Most events.
const MAX_EVENTS: usize = 8192;
/// Most banks.
const MAX_BANKS: u32 = 8;
/// Bytes of a digest in the old form, which has those of SHA-1 only.
const SHA1_LEN: usize = 20;
/// What the first event of the newer form, which has digests of several hashes, begins with.
const AGILE: &[u8; 16] = b"Spec ID Event03\0";

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind(pub u32);

impl EventKind {
    /// Not measured.
    pub const NO_ACTION: Self = Self(0x3);
    /// Nothing before it was measured by what comes after it.
    pub const SEPARATOR: Self = Self(0x4);
    /// Anything, with a tag in front.
    pub const TAG: Self = Self(0x6);
    /// A variable that configures what firmware loads.
    pub const VARIABLE_DRIVER_CONFIG: Self = Self(0x8000_0001);
    /// The part of a variable that vouched for what firmware loaded.
    pub const VARIABLE_AUTHORITY: Self = Self(0x8000_00e0);
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Where it was measured into; all bits set if it was not.
    pub pcr: u32,
    /// What it says it is.
    pub kind: EventKind,
    /// What the PCR was extended with, in each bank that we know.
    pub digests: Vec<(Hash, &'a [u8])>,
    /// What it says was measured.
    pub data: &'a [u8],
}

/// A log, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog<'a> {
    /// The events, but for the header of the newer form.
    pub events: Vec<Event<'a>>,
}

impl<'a> Event<'a> {
    /// Whether it was measured into this PCR.
    #[must_use]
    pub fn is_in(&self, pcr: u8) -> bool {
        self.pcr == u32::from(pcr)
    }

    /// What was extended in this bank.
    #[must_use]
    pub fn digest(&self, bank: Hash) -> Option<&'a [u8]> {
        self.digests.iter().find_map(|(hash, digest)| (*hash == bank).then_some(*digest))
    }

    /// The data, if it is what was measured.
    #[must_use]
    pub fn measured(&self, bank: Hash) -> Option<&'a [u8]> {
        let is_measured = self.kind != EventKind::NO_ACTION && self.digest(bank)? == bank.digest(self.data);
        is_measured.then_some(self.data)
    }
}

impl<'a> EventLog<'a> {
    /// Reads a log of either form, to its last byte.
    ///
    /// # Errors
    /// See [`LogRefusal`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, LogRefusal> {
        if bytes.len() > MAX_LEN {
            return Err(LogRefusal::TooLarge);
        }
        let mut fields = Cursor::new(bytes);
        let mut behind = fields;
        let first = event_of_sha1(&mut behind).ok_or(LogRefusal::Truncated(0))?;
        let is_header = (first.pcr, first.kind) == (0, EventKind::NO_ACTION) && first.data.starts_with(AGILE);
        let banks = if is_header { Some(banks(first.data).ok_or(LogRefusal::Header)?) } else { None };
        if is_header {
            fields = behind;
        }
        let mut events = Vec::new();
        while !fields.is_empty() {
            if events.len() == MAX_EVENTS {
                return Err(LogRefusal::TooManyEvents);
            }
            let at = events.len();
            events.push(match &banks {
                Some(banks) => event(&mut fields, banks, at)?,
                None => event_of_sha1(&mut fields).ok_or(LogRefusal::Truncated(at))?,
            });
        }
        Ok(Self { events })
    }
}

/// `TCG_PCClientPCREvent`: an event in the old form, and the header of the newer one.
fn event_of_sha1<'a>(fields: &mut Cursor<'a>) -> Option<Event<'a>> {
    let (pcr, kind) = (fields.u32_le()?, EventKind(fields.u32_le()?));
    let digests = vec![(Hash::Sha1, fields.take(SHA1_LEN)?)];
    Some(Event { pcr, kind, digests, data: fields.sized_u32_le()? })
}

/// The hash of a bank by its number, and the bytes of its digests.
type Bank = (u16, usize);

/// `TCG_EfiSpecIDEvent`: the banks that every event may have a digest for.
fn banks(header: &[u8]) -> Option<Vec<Bank>> {
    let mut fields = Cursor::new(header);
    // Signature, platform class, versions of the specification, size of an integer.
    fields.take(AGILE.len() + 8)?;
    let count = fields.u32_le()?;
    if !(1..=MAX_BANKS).contains(&count) {
        return None;
    }
    let mut banks: Vec<Bank> = Vec::new();
    for _ in 0..count {
        let (id, len) = (fields.u16_le()?, usize::from(fields.u16_le()?));
        let known_len = Hash::from_id(id).map_or(len, Hash::digest_len);
        if len != known_len || banks.iter().any(|(other, _)| *other == id) {
            return None;
        }
        banks.push((id, len));
    }
    let vendor = fields.u8()?;
    fields.take(vendor.into())?;
    fields.is_empty().then_some(banks)
}

/// `TCG_PCR_EVENT2`.
fn event<'a>(fields: &mut Cursor<'a>, banks: &[Bank], at: usize) -> Result<Event<'a>, LogRefusal> {
    let cut = LogRefusal::Truncated(at);
    let (pcr, kind) = (fields.u32_le().ok_or(cut)?, fields.u32_le().ok_or(cut)?);
    let count = fields.u32_le().ok_or(cut)?;
    let mut seen: Vec<u16> = Vec::new();
    let mut digests = Vec::new();
    for _ in 0..count {
        let id = fields.u16_le().ok_or(cut)?;
        let bank = banks.iter().find(|(bank, _)| *bank == id && !seen.contains(bank));
        let (_, len) = bank.ok_or(LogRefusal::Digests(at))?;
        let digest = fields.take(*len).ok_or(cut)?;
        seen.push(id);
        digests.extend(Hash::from_id(id).map(|hash| (hash, digest)));
    }
    let data = fields.sized_u32_le().ok_or(cut)?;
    Ok(Event { pcr, kind: EventKind(kind), digests, data })
}
