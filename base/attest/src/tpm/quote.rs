//! What a TPM signs: which values its PCRs have (TPM 2.0 Library, part 2: `TPMS_ATTEST`).

use super::{Hash, Malformed, PcrSet, Refusal};
use crate::cursor::Cursor;

/// `TPM_GENERATED_VALUE`: no restricted key signs anything from outside that begins like this.
const MAGIC: u32 = 0xff54_4347;
/// `TPM_ST_ATTEST_QUOTE`.
const QUOTE: u16 = 0x8018;
/// Most bytes of a quote: more than all of its fields can have.
const MAX_LEN: usize = 1024;

/// A quote, which is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The name of the signing key and of all its parents together, or the handle of a permanent one.
    pub qualified_signer: Vec<u8>,
    /// What whoever asked for the quote had it say.
    pub extra_data: Vec<u8>,
    /// When it was made, by the TPM's own reckoning.
    pub clock: Clock,
    /// Of the TPM; what it means is its vendor's.
    pub firmware_version: u64,
    /// The hash that the PCRs were extended with.
    pub bank: Hash,
    /// Which PCRs were read.
    pub selected: PcrSet,
    /// Of their values, in order.
    pub digest: Vec<u8>,
}

/// The time of a TPM. Keys outside the endorsement hierarchy see the last three disguised by an offset of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds that it had power.
    pub powered_ms: u64,
    /// How often it was reset: boots.
    pub resets: u32,
    /// How often it was restarted or resumed since.
    pub restarts: u32,
    /// Whether no later time was ever reported.
    pub safe: bool,
}

impl Quote {
    /// Reads a quote, of which every byte has its place in the result or can have one value only.
    ///
    /// # Errors
    /// When it is something else, or over several banks.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed(Malformed::Quote);
        if bytes.len() > MAX_LEN {
            return Err(malformed);
        }
        let mut fields = Cursor::new(bytes);
        if fields.u32_be() != Some(MAGIC) {
            return Err(Refusal::Magic);
        }
        match fields.u16_be().ok_or(malformed)? {
            QUOTE => {}
            other => return Err(Refusal::Type(other)),
        }
        let qualified_signer = fields.sized_u16_be().ok_or(malformed)?.to_vec();
        let extra_data = fields.sized_u16_be().ok_or(malformed)?.to_vec();
        let clock = Clock::read(&mut fields).ok_or(malformed)?;
        let firmware_version = fields.u64_be().ok_or(malformed)?;
        match fields.u32_be().ok_or(malformed)? {
            1 => {}
            banks => return Err(Refusal::Banks(banks)),
        }
        let bank = fields.u16_be().ok_or(malformed)?;
        let bank = Hash::from_id(bank).ok_or(Refusal::UnknownHash(bank))?;
        let selected = select(&mut fields).ok_or(malformed)?;
        let digest = fields.sized_u16_be().ok_or(malformed)?.to_vec();
        if !fields.is_empty() {
            return Err(malformed);
        }
        Ok(Self { qualified_signer, extra_data, clock, firmware_version, bank, selected, digest })
    }
}

impl Clock {
    fn read(fields: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            powered_ms: fields.u64_be()?,
            resets: fields.u32_be()?,
            restarts: fields.u32_be()?,
            safe: match fields.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        })
    }
}

/// The bits of the selected PCRs, the first eight in the first byte.
fn select(fields: &mut Cursor<'_>) -> Option<PcrSet> {
    let count = usize::from(fields.u8()?);
    let bytes = fields.take(count)?;
    let mut bits = [0; 4];
    bits.get_mut(..count)?.copy_from_slice(bytes);
    PcrSet::from_bits(u32::from_le_bytes(bits))
}
