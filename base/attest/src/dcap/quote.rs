//! Quotes, read strictly: every length fits, and nothing is left over but zeros at the end.
//!
//! Sources: Intel, SGX ECDSA Quote Library Reference, appendix A (version 3); Intel TDX DCAP Quoting Library API,
//! appendix A (versions 4 and 5).

use super::{
    Refusal::{self, Malformed},
    Tee,
};
use crate::cursor::Cursor;

/// Bytes of a body.
pub(crate) const ENCLAVE_LEN: usize = 384;
/// Bytes of a body of TDX 1.0.
pub(crate) const DOMAIN_LEN: usize = 584;
/// Bytes of a body of TDX 1.5.
pub(crate) const DOMAIN_1_5_LEN: usize = 648;
/// Bytes of an extended body of TDX 1.5.
pub(crate) const DOMAIN_1_5_EX_LEN: usize = 885;

/// Most bytes of a quote; real ones have about 5,000, and are kept in 8,000 by some.
const MAX_LEN: usize = 32 * 1024;
/// Certification data: certificates of the key that signed the report of the quoting enclave, as PEM.
const PCK_CHAIN: u16 = 5;
/// Certification data: the report of the quoting enclave, with more of that.
const QE_REPORT: u16 = 6;

/// A quote, of which nothing is believed yet.
#[derive(Debug)]
pub(crate) struct Quote<'a> {
    /// What the hardware says of an enclave or a domain, of one of the lengths above.
    pub(crate) body: &'a [u8],
    /// What the hardware says of the quoting enclave.
    pub(super) qe_report: [u8; ENCLAVE_LEN],
    /// PEM of the certificates of the machine's key.
    pub(super) certificates: &'a [u8],
}

impl<'a> Quote<'a> {
    pub(super) fn read(bytes: &'a [u8], tee: Tee) -> Result<Self, Refusal> {
        if bytes.len() > MAX_LEN {
            return Err(Refusal::TooLarge);
        }
        let mut quote = Cursor::new(bytes);
        let version = quote.u16_le().ok_or(Malformed)?;
        let _key_type = quote.u16_le().ok_or(Malformed)?;
        let found = quote.u32_le().ok_or(Malformed)?;
        if found != tee.id() {
            return Err(Refusal::Tee(found));
        }
        quote.take(40).ok_or(Malformed)?;
        let body_len = match (tee, version) {
            (Tee::Sgx, 3) => ENCLAVE_LEN,
            (Tee::Tdx, 4) => DOMAIN_LEN,
            (Tee::Tdx, 5) => domain_len(&mut quote)?,
            _ => return Err(Refusal::Version(version)),
        };
        let body = quote.take(body_len).ok_or(Malformed)?;
        let mut signature = quote.sized_u32_le().map(Cursor::new).ok_or(Malformed)?;
        if quote.rest().iter().any(|byte| *byte != 0) {
            return Err(Refusal::TrailingBytes);
        }
        // Of the quote, and the key that made it.
        signature.take(64 + 64).ok_or(Malformed)?;
        if version != 3 {
            signature = Cursor::new(certification(signature, QE_REPORT)?);
        }
        let qe_report = signature.array().ok_or(Malformed)?;
        // By the key of the machine; then what the quoting enclave signs with its own.
        signature.take(64).ok_or(Malformed)?;
        let authentication_len = signature.u16_le().ok_or(Malformed)?;
        signature.take(authentication_len.into()).ok_or(Malformed)?;
        Ok(Self { body, qe_report, certificates: certification(signature, PCK_CHAIN)? })
    }
}

/// The length of a body, in front of which version 5 says what it is.
fn domain_len(quote: &mut Cursor<'_>) -> Result<usize, Refusal> {
    let kind = quote.u16_le().ok_or(Malformed)?;
    let length = quote.u32_le().ok_or(Malformed)?;
    let expected = match kind {
        2 => DOMAIN_LEN,
        3 => DOMAIN_1_5_LEN,
        4 => DOMAIN_1_5_EX_LEN,
        _ => return Err(Refusal::Body(kind)),
    };
    if usize::try_from(length) == Ok(expected) { Ok(expected) } else { Err(Malformed) }
}

/// Certification data of one kind, which must fill what is left.
fn certification(mut rest: Cursor<'_>, kind: u16) -> Result<&[u8], Refusal> {
    let found = rest.u16_le().ok_or(Malformed)?;
    if found != kind {
        return Err(Refusal::CertificationData(found));
    }
    let data = rest.sized_u32_le().ok_or(Malformed)?;
    if rest.is_empty() { Ok(data) } else { Err(Malformed) }
}
