//! What firmware measured into PCR 7: whose code it starts, and whose it started (TCG PC Client Platform Firmware
//! Profile, sections 3.3.4.8 and 10.4).
//!
//! Kinds of events are in no digest, so that what an event is follows from where it stands.

use coco_crypto::hash::sha256;
use coco_wire::Digest;

use super::BootRefusal;
use crate::{
    cursor::Cursor,
    tpm::{Event, EventKind, Hash},
};

/// Where secure boot is measured.
const PCR: u8 = 7;
/// 8be4df61-93ca-11d2-aa0d-00e098032b8c: variables of firmware itself.
const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
/// d719b2cb-3d3a-4596-a3bc-dad00e67656f: databases of signers.
const DATABASE: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";
/// The variables that are measured first, and in this order.
const FIRST: [([u8; 16], &str); 5] =
    [(GLOBAL, "SecureBoot"), (GLOBAL, "PK"), (GLOBAL, "KEK"), (DATABASE, "db"), (DATABASE, "dbx")];
/// Databases that some firmware has beside.
const OTHERS: [&str; 2] = ["dbt", "dbr"];
const ON: &[u8] = &[1];
/// Bytes of who put a signer into a database, in front of the signer.
const OWNER_LEN: usize = 16;
/// Most characters of a name.
const MAX_NAME_LEN: u64 = 256;

/// A variable as it is measured (`UEFI_VARIABLE_DATA`).
struct Variable<'a> {
    space: [u8; 16],
    name: String,
    data: &'a [u8],
}

/// The signers that vouched for what was started, each as the SHA-256 of its certificate. Secure boot must be on.
pub(super) fn authorities(events: &[Event<'_>], bank: Hash) -> Result<Vec<Digest>, BootRefusal> {
    let events: Vec<&Event<'_>> = events.iter().filter(|event| event.is_in(PCR)).collect();
    let separator = events.iter().position(|event| event.kind == EventKind::SEPARATOR);
    let separator = separator.ok_or(BootRefusal::NoSeparator(PCR))?;
    let mut authorities = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if at == separator {
            continue;
        }
        let data = event.measured(bank).ok_or(BootRefusal::NotMeasured(PCR))?;
        let variable = Variable::read(data).ok_or(BootRefusal::Unknown(PCR))?;
        match FIRST.get(at) {
            Some(first) if at < separator => variable.check_first(at, first)?,
            _ if at < separator && variable.is_other_database() => {}
            _ => authorities.push(variable.authority()?),
        }
    }
    if separator < FIRST.len() {
        return Err(BootRefusal::SecureBoot);
    }
    if separator + 1 < events.len() { Ok(authorities) } else { Err(BootRefusal::NoAuthority) }
}

impl<'a> Variable<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Cursor::new(bytes);
        let space = fields.array()?;
        let characters = fields.u64_le().filter(|characters| *characters <= MAX_NAME_LEN)?;
        let len = usize::try_from(fields.u64_le()?).ok()?;
        let mut name = Vec::new();
        for _ in 0..characters {
            name.push(fields.u16_le()?);
        }
        let data = fields.take(len)?;
        let name = String::from_utf16(&name).ok()?;
        fields.is_empty().then_some(Self { space, name, data })
    }

    /// Whether this is the variable that must stand at this place, with a value that it may have.
    fn check_first(&self, at: usize, (space, name): &([u8; 16], &str)) -> Result<(), BootRefusal> {
        let is_that = self.space == *space && self.name == *name;
        if is_that && (at > 0 || self.data == ON) { Ok(()) } else { Err(BootRefusal::SecureBoot) }
    }

    fn is_other_database(&self) -> bool {
        self.space == DATABASE && OTHERS.contains(&self.name.as_str())
    }

    /// The signer, if this is what vouched for something that was started.
    fn authority(&self) -> Result<Digest, BootRefusal> {
        let certificate = self.data.get(OWNER_LEN..);
        let is_of_database = self.space == DATABASE && self.name == "db";
        certificate.filter(|_| is_of_database).map(sha256).ok_or(BootRefusal::Authority)
    }
}
