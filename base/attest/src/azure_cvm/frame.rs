//! What Azure's paravisor puts around a report of the hardware
//! (`https://learn.microsoft.com/azure/confidential-computing/guest-attestation-confidential-virtual-machines-design`).
//!
//! A header of 32 bytes, room of 1,184 bytes for the report, a header of 20 bytes, the runtime data, and zeros. All
//! numbers are little-endian.

use coco_crypto::hash::sha256;

use super::{Malformed, Refusal};
use crate::{cursor::Cursor, sev_snp};

/// Most bytes: more than the TPM's index has.
const MAX_LEN: usize = 16 * 1024;
const MAGIC: &[u8; 4] = b"HCLA";
const VERSIONS: [u32; 2] = [1, 2];
/// The kind of request that such a frame answers.
const REQUEST: u32 = 2;
const HEADER_LEN: usize = 32;
/// Room for the report: as much as one of SEV-SNP needs.
const REPORT_LEN: usize = sev_snp::Report::LEN;
const RUNTIME_HEADER_LEN: usize = 20;
const RUNTIME_VERSION: u32 = 1;
const SNP: u32 = 2;
const TDX: u32 = 4;
const SHA256: u32 = 1;

/// Bytes of a report that TDX makes for the machine itself (`TDREPORT_STRUCT`).
const TD_REPORT_LEN: usize = 1024;
/// What such a report begins with: that it is of a machine.
const TD_REPORT_TYPE: u8 = 0x81;
const TD_REPORT_DATA_OFFSET: usize = 128;

/// A frame, taken apart. Nothing of it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What the hardware says.
    pub hardware: Hardware<'a>,
    /// What the paravisor says, in JSON: see [`super::Runtime`].
    pub runtime: &'a [u8],
}

/// What is in the frame.
#[derive(Clone, Copy, Debug)]
pub enum Hardware<'a> {
    /// A signed report.
    Snp(&'a [u8]),
    /// The report data of a report that only the processor itself can check.
    Tdx(&'a [u8; 64]),
}

impl<'a> Frame<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_LEN {
            return Err(Refusal::TooLarge);
        }
        let mut fields = Cursor::new(bytes);
        let whole_len = header(&mut fields)?;
        let report = fields.take(REPORT_LEN).ok_or(Refusal::Malformed(Malformed::Report))?;
        let (kind, runtime_len) = runtime_header(&mut fields)?;
        let malformed = Refusal::Malformed(Malformed::RuntimeHeader);
        let runtime = fields.take(runtime_len).ok_or(malformed.clone())?;
        if whole_len != HEADER_LEN + REPORT_LEN + RUNTIME_HEADER_LEN + runtime_len {
            return Err(malformed);
        }
        if fields.rest().iter().any(|byte| *byte != 0) {
            return Err(Refusal::Malformed(Malformed::Padding));
        }
        Ok(Self { hardware: Hardware::read(kind, report)?, runtime })
    }

    /// The report data of the hardware's report: SHA-256 of the runtime data, and zeros.
    #[must_use]
    pub fn must_bind(&self) -> [u8; 64] {
        let mut data = [0; 64];
        data[..32].copy_from_slice(&sha256(self.runtime).0);
        data
    }
}

/// The length of everything but the zeros at the end.
fn header(fields: &mut Cursor<'_>) -> Result<usize, Refusal> {
    let malformed = Refusal::Malformed(Malformed::Header);
    if fields.array() != Some(*MAGIC) {
        return Err(Refusal::Magic);
    }
    let version = fields.u32_le().ok_or(malformed.clone())?;
    if !VERSIONS.contains(&version) {
        return Err(Refusal::Version(version));
    }
    let len = fields.u32_le().and_then(|len| usize::try_from(len).ok());
    // The kind of request, the status, and what is reserved.
    let rest_is_known = fields.u32_le() == Some(REQUEST) && fields.array() == Some([0; 16]);
    len.filter(|_| rest_is_known).ok_or(malformed)
}

/// The kind of hardware, and the length of the runtime data.
fn runtime_header(fields: &mut Cursor<'_>) -> Result<(u32, usize), Refusal> {
    let malformed = Refusal::Malformed(Malformed::RuntimeHeader);
    let mut number = || fields.u32_le().ok_or(malformed.clone());
    let [len, version, kind, hash, runtime_len] = [number()?, number()?, number()?, number()?, number()?];
    if hash != SHA256 {
        return Err(Refusal::HashAlgorithm(hash));
    }
    let [len, runtime_len] = [len, runtime_len].map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    let fits = len.checked_sub(runtime_len) == Some(RUNTIME_HEADER_LEN);
    if version == RUNTIME_VERSION && fits { Ok((kind, runtime_len)) } else { Err(malformed) }
}

impl<'a> Hardware<'a> {
    fn read(kind: u32, report: &'a [u8]) -> Result<Self, Refusal> {
        match kind {
            SNP => Ok(Self::Snp(report)),
            TDX => td_report_data(report).map(Self::Tdx).ok_or(Refusal::Malformed(Malformed::Report)),
            _ => Err(Refusal::UnknownHardware(kind)),
        }
    }
}

/// The report data of a report of TDX that has zeros behind it.
fn td_report_data(room: &[u8]) -> Option<&[u8; 64]> {
    let (report, zeros) = room.split_at_checked(TD_REPORT_LEN)?;
    let begins_so = report.first() == Some(&TD_REPORT_TYPE);
    let data = report.get(TD_REPORT_DATA_OFFSET..)?.first_chunk()?;
    (begins_so && zeros.iter().all(|byte| *byte == 0)).then_some(data)
}
