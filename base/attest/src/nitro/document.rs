//! Attestation documents.
//!
//! Source: AWS, `docs/attestation_process.md` of `aws-nitro-enclaves-nsm-api`, sections 2.2 and 3.2.2. Fields that it does
//! not name are ignored, so that AWS can add some. Where it has optional fields missing, the hypervisor writes null.

use std::collections::BTreeMap;

use coco_crypto::{Certificate, x509::UnixTime};
use coco_wire::cbor::Cbor;

use super::Refusal;

/// The only digest function of registers: their values have 48 bytes.
const DIGEST: &str = "SHA384";
/// Most certificates of authorities. AWS has four: root, region, zone, instance.
const MAX_AUTHORITIES: usize = 8;
/// Most bytes of a certificate, and of a public key.
const MAX_LONG_FIELD: usize = 1024;
/// Most bytes of user data and nonce.
const MAX_SHORT_FIELD: usize = 512;

/// What an authentic document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The module of the hypervisor that made it: `INSTANCE-encNUMBER`.
    pub module_id: String,
    /// When it was made, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The locked registers; those with a name are there.
    pub registers: BTreeMap<Register, [u8; 48]>,
    /// A public key that the enclave gave, 1 to 1,024 bytes in any form.
    pub public_key: Option<Vec<u8>>,
    /// What else the enclave gave, at most 512 bytes.
    pub user_data: Option<Vec<u8>>,
    /// What the enclave says that it was asked to give back, at most 512 bytes.
    pub nonce: Option<Vec<u8>>,
}

/// The index of a platform configuration register (PCR), below 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register(u8);

impl Register {
    /// The enclave's image.
    pub const IMAGE: Self = Self(0);
    /// Its kernel and what starts it.
    pub const KERNEL: Self = Self(1);
    /// Its applications.
    pub const APPLICATION: Self = Self(2);
    /// The IAM role of the instance that it runs on.
    pub const ROLE: Self = Self(3);
    /// That instance.
    pub const INSTANCE: Self = Self(4);
    /// The certificate that the image is signed with; zero if it is not.
    pub const SIGNER: Self = Self(8);
    /// All with a name.
    pub(super) const NAMED: [Self; 6] =
        [Self::IMAGE, Self::KERNEL, Self::APPLICATION, Self::ROLE, Self::INSTANCE, Self::SIGNER];

    /// The register with this index; none from 32 on. Enclaves may extend those from 16 on.
    #[must_use]
    pub const fn new(index: u8) -> Option<Self> {
        if index < 32 { Some(Self(index)) } else { None }
    }
}

impl std::fmt::Display for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PCR{}", self.0)
    }
}

/// A field of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `module_id`
    ModuleId,
    /// `digest`
    Digest,
    /// `timestamp`
    Timestamp,
    /// `pcrs`
    Registers,
    /// `certificate`
    Certificate,
    /// `cabundle`
    Authorities,
    /// `public_key`
    PublicKey,
    /// `user_data`
    UserData,
    /// `nonce`
    Nonce,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::ModuleId => "module_id",
            Self::Digest => "digest",
            Self::Timestamp => "timestamp",
            Self::Registers => "pcrs",
            Self::Certificate => "certificate",
            Self::Authorities => "cabundle",
            Self::PublicKey => "public_key",
            Self::UserData => "user_data",
            Self::Nonce => "nonce",
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Document {
    /// When it was made, in whole seconds.
    #[must_use]
    pub fn made_at(&self) -> UnixTime {
        UnixTime(i64::try_from(self.timestamp_ms / 1000).expect("thousandth parts of 64 bits fit into 63"))
    }
}

/// Reads a payload: the document, and the certificates from the one of its key to the root.
pub(super) fn read(payload: &[u8]) -> Result<(Document, Vec<Certificate>), Refusal> {
    let fields = Cbor::decode(payload).map_err(Refusal::Payload)?;
    let field = |field: Field| fields.get(&Cbor::Text(field.name())).filter(|value| **value != Cbor::Null);
    let optional = |name: Field, range| match field(name) {
        None => Ok(None),
        Some(value) => bytes(value, range).map(|bytes| Some(bytes.to_vec())).ok_or(Refusal::Field(name)),
    };
    let required = |name: Field| field(name).ok_or(Refusal::Field(name));
    let module_id = match required(Field::ModuleId)? {
        Cbor::Text(text) if !text.is_empty() => (*text).to_owned(),
        _ => return Err(Refusal::Field(Field::ModuleId)),
    };
    if *required(Field::Digest)? != Cbor::Text(DIGEST) {
        return Err(Refusal::Field(Field::Digest));
    }
    let timestamp_ms = match required(Field::Timestamp)? {
        Cbor::Int(ms @ 1..) => ms.unsigned_abs(),
        _ => return Err(Refusal::Field(Field::Timestamp)),
    };
    let registers = registers(required(Field::Registers)?)?;
    let public_key = optional(Field::PublicKey, 1..=MAX_LONG_FIELD)?;
    let user_data = optional(Field::UserData, 0..=MAX_SHORT_FIELD)?;
    let nonce = optional(Field::Nonce, 0..=MAX_SHORT_FIELD)?;
    let end = certificate(required(Field::Certificate)?, Field::Certificate)?;
    let certificates = chain(end, required(Field::Authorities)?)?;
    Ok((Document { module_id, timestamp_ms, registers, public_key, user_data, nonce }, certificates))
}

fn registers(value: &Cbor<'_>) -> Result<BTreeMap<Register, [u8; 48]>, Refusal> {
    let malformed = Refusal::Field(Field::Registers);
    let Cbor::Map(entries) = value else { return Err(malformed) };
    let mut registers = BTreeMap::new();
    for (index, value) in entries {
        let (Cbor::Int(index), Cbor::Bytes(value)) = (index, value) else { return Err(malformed) };
        let register = u8::try_from(*index).ok().and_then(Register::new);
        let (Some(register), Ok(value)) = (register, <[u8; 48]>::try_from(*value)) else {
            return Err(malformed);
        };
        registers.insert(register, value);
    }
    match Register::NAMED.into_iter().find(|register| !registers.contains_key(register)) {
        Some(register) => Err(Refusal::MissingRegister(register)),
        None => Ok(registers),
    }
}

/// The certificates, which the bundle has from the root on, the other way round.
fn chain(end: Certificate, bundle: &Cbor<'_>) -> Result<Vec<Certificate>, Refusal> {
    let Cbor::Array(bundle) = bundle else { return Err(Refusal::Field(Field::Authorities)) };
    if bundle.is_empty() || bundle.len() > MAX_AUTHORITIES {
        return Err(Refusal::Field(Field::Authorities));
    }
    let authorities = bundle.iter().rev().map(|item| certificate(item, Field::Authorities));
    std::iter::once(Ok(end)).chain(authorities).collect()
}

fn certificate(value: &Cbor<'_>, field: Field) -> Result<Certificate, Refusal> {
    let der = bytes(value, 1..=MAX_LONG_FIELD).ok_or(Refusal::Field(field))?;
    Ok(Certificate::from_der(der)?)
}

/// A byte string with a length in this range.
fn bytes<'a>(value: &Cbor<'a>, range: std::ops::RangeInclusive<usize>) -> Option<&'a [u8]> {
    match value {
        Cbor::Bytes(bytes) if range.contains(&bytes.len()) => Some(bytes),
        _ => None,
    }
}
