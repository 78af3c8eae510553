//! Commands of a TPM and their answers, as bytes (TPM 2.0 Library, part 1, section 18; numbers of part 2).

use coco_attest::tpm::{Hash, PcrSet};

/// `TPM_ST_NO_SESSIONS`, `TPM_ST_SESSIONS`.
const PLAIN: u16 = 0x8001;
const AUTHORISED: u16 = 0x8002;
/// `TPM_RS_PW`: authorised by a password, which is empty.
const PASSWORD: u32 = 0x4000_0009;
/// `TPM_RH_OWNER`.
const OWNER: u32 = 0x4000_0001;
/// `TPM_ALG_SHA256`, `TPM_ALG_NULL`.
const SHA256: u16 = 0x000b;
const NULL: u16 = 0x0010;
/// Bytes in front of every command and answer: tag, size, code.
const HEADER_LEN: usize = 10;
/// Most bytes of a data area that are read at a time; every TPM gives as many.
const MAX_PIECE: u16 = 512;
/// Most bytes of a data area.
const MAX_AREA: u16 = 16 << 10;
/// `TPM_RC_YIELDED`, `TPM_RC_TESTING`, `TPM_RC_RETRY`: it is to be asked again.
pub(super) const RETRIES: [u32; 3] = [0x908, 0x90a, 0x922];

/// A command.
pub(super) struct Command {
    name: &'static str,
    tag: u16,
    bytes: Vec<u8>,
}

/// The parameters of an answer.
pub(super) struct Answer(Vec<u8>);

/// Why bytes are no good answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It says why: `TPM_RC`.
    Code(u32),
    /// Nobody knows.
    Bytes,
}

impl Command {
    /// The public area of a key.
    pub(super) fn read_public(handle: u32) -> Self {
        Self::new("TPM2_ReadPublic", (PLAIN, 0x173), &[&handle.to_be_bytes()])
    }

    /// Values of PCRs, of which there may be eight.
    pub(super) fn read_pcrs(pcrs: PcrSet) -> Self {
        Self::new("TPM2_PCR_Read", (PLAIN, 0x17e), &[&selection(pcrs)])
    }

    /// A quote by the scheme of the key.
    pub(super) fn quote(handle: u32, pcrs: PcrSet, nonce: &[u8]) -> Self {
        let parts: [&[u8]; 5] =
            [&handle.to_be_bytes(), &password(), &sized(nonce), &NULL.to_be_bytes(), &selection(pcrs)];
        Self::new("TPM2_Quote", (AUTHORISED, 0x158), &parts)
    }

    /// What a data area is.
    pub(super) fn read_area_public(index: u32) -> Self {
        Self::new("TPM2_NV_ReadPublic", (PLAIN, 0x169), &[&index.to_be_bytes()])
    }

    /// Bytes of a data area from `at` on, of which there are `left`.
    pub(super) fn read_area(index: u32, at: u16, left: u16) -> Self {
        let (owner, index, size) =
            (OWNER.to_be_bytes(), index.to_be_bytes(), left.min(MAX_PIECE).to_be_bytes());
        Self::new(
            "TPM2_NV_Read",
            (AUTHORISED, 0x14e),
            &[&owner, &index, &password(), &size, &at.to_be_bytes()],
        )
    }

    fn new(name: &'static str, (tag, code): (u16, u32), parts: &[&[u8]]) -> Self {
        let rest = parts.concat();
        let size = u32::try_from(HEADER_LEN + rest.len()).unwrap_or(u32::MAX);
        let header: [&[u8]; 3] = [&tag.to_be_bytes(), &size.to_be_bytes(), &code.to_be_bytes()];
        Self { name, tag, bytes: [header.concat(), rest].concat() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The parameters of the answer to it, without what authorises it.
    pub(super) fn answered(&self, answer: &[u8]) -> Result<Answer, Malformed> {
        let (header, rest) = answer.split_at_checked(HEADER_LEN).ok_or(Malformed::Bytes)?;
        let mut fields = Fields(header);
        let (tag, size, code) = (fields.u16(), fields.u32(), fields.u32());
        if size.and_then(|size| usize::try_from(size).ok()) != Some(answer.len()) {
            return Err(Malformed::Bytes);
        }
        match code.ok_or(Malformed::Bytes)? {
            0 if tag == Some(self.tag) => {}
            0 => return Err(Malformed::Bytes),
            code => return Err(Malformed::Code(code)),
        }
        if self.tag == PLAIN {
            return Ok(Answer(rest.to_vec()));
        }
        let mut fields = Fields(rest);
        let parameters = fields.u32().and_then(|size| fields.take(usize::try_from(size).ok()?));
        parameters.map(|bytes| Answer(bytes.to_vec())).ok_or(Malformed::Bytes)
    }
}

impl Answer {
    /// What comes first, with its size in front.
    pub(super) fn sized(&self) -> Option<Vec<u8>> {
        let mut fields = Fields(&self.0);
        let content = fields.sized()?;
        Some(sized(content))
    }

    /// The only parameter, which has its size in front.
    pub(super) fn sized_parameter(&self) -> Option<Vec<u8>> {
        let mut fields = Fields(&self.0);
        let content = fields.sized()?;
        fields.0.is_empty().then(|| content.to_vec())
    }

    /// `TPMS_ATTEST` and `TPMT_SIGNATURE`.
    pub(super) fn quote(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut fields = Fields(&self.0);
        let message = fields.sized()?;
        Some((message.to_vec(), fields.0.to_vec()))
    }

    /// The values of exactly these PCRs, one behind the other.
    pub(super) fn pcrs(&self, asked: PcrSet) -> Option<Vec<u8>> {
        let mut fields = Fields(&self.0);
        let _counter = fields.u32()?;
        let selected = selection(asked);
        if fields.take(selected.len())? != selected {
            return None;
        }
        let count = fields.u32()?;
        if usize::try_from(count).ok()? != asked.numbers().count() {
            return None;
        }
        let mut values = Vec::new();
        for _ in 0..count {
            let value = fields.sized()?;
            if value.len() != Hash::Sha256.digest_len() {
                return None;
            }
            values.extend_from_slice(value);
        }
        fields.0.is_empty().then_some(values)
    }

    /// Bytes of a data area, if there are not too many.
    pub(super) fn area_len(&self) -> Option<u16> {
        let mut fields = Fields(&self.0);
        // Of TPMS_NV_PUBLIC: index, hash, attributes, policy, size.
        let mut public = Fields(fields.sized()?);
        let (_index, _hash, _attributes) = (public.u32()?, public.u16()?, public.u32()?);
        public.sized()?;
        public.u16().filter(|size| *size <= MAX_AREA)
    }
}

/// The hash by which a quote says what the values are: that of its signature.
pub(super) fn hash_of_signature(signature: &[u8]) -> Option<Hash> {
    let mut fields = Fields(signature);
    fields.u16()?;
    Hash::from_id(fields.u16()?)
}

/// `TPML_PCR_SELECTION` of one bank.
fn selection(pcrs: PcrSet) -> Vec<u8> {
    let mut bits = [0; 3];
    for number in pcrs.numbers() {
        bits[usize::from(number / 8)] |= 1 << (number % 8);
    }
    [&1_u32.to_be_bytes()[..], &SHA256.to_be_bytes(), &[3], &bits].concat()
}

/// The size of an authorisation, and the authorisation: no nonce, no attributes, an empty password.
fn password() -> Vec<u8> {
    [&9_u32.to_be_bytes()[..], &PASSWORD.to_be_bytes(), &[0; 5]].concat()
}

fn sized(content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&size.to_be_bytes()[..], content].concat()
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let size = self.u16()?;
        self.take(size.into())
    }
}
