//! What the secure kernel signs for an enclave (`EnclaveGetAttestationReport`; `ntenclv.h` of the Windows SDK).
//!
//! A header of 24 bytes, the statement, the signature. All numbers are little-endian.

use coco_crypto::{PublicKey, hash::HashAlgorithm, signature::SignatureScheme};

use super::{Malformed, Refusal};
use crate::cursor::Cursor;

/// Most bytes of a report with everything.
const MAX_LEN: usize = 64 * 1024;
/// Most modules.
const MAX_MODULES: usize = 256;
const PACKAGE_VERSION: u32 = 1;
const REPORT_VERSION: u32 = 1;
/// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
const RSA_PSS_SHA256: u32 = 1;
/// Block that describes a module.
const MODULE: u32 = 1;
/// Blocks are as long as a multiple of this.
const ALIGNMENT: usize = 8;
/// Of an enclave that the hypervisor protects. Reports of 2019 have zero there.
const ENCLAVE_TYPES: [u32; 2] = [0, 0x10];

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the enclave had signed.
    pub enclave_data: [u8; 64],
    /// Which enclave that was.
    pub identity: Identity,
    /// What is loaded in it, itself first.
    pub modules: Vec<Module>,
}

/// `ENCLAVE_IDENTITY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What whoever created the enclave gave it.
    pub owner_id: [u8; 32],
    /// The enclave's own image, and who signed it.
    pub image: Image,
    /// Security version of the secure kernel.
    pub secure_kernel_svn: u32,
    /// Security version of the platform.
    pub platform_svn: u32,
    /// Whether it can be looked into.
    pub flags: Flags,
    /// How trustworthy its signature is, in Windows' own measure.
    pub signing_level: u32,
}

/// An image that is loaded in an enclave, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Hash of the image.
    pub unique_id: [u8; 32],
    /// Its signer; zeros for parts of Windows.
    pub author_id: [u8; 32],
    /// By its author.
    pub family_id: [u8; 16],
    /// By its author.
    pub image_id: [u8; 16],
    /// Security version, by its author.
    pub svn: u32,
}

/// A module of an enclave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What was loaded.
    pub image: Image,
    /// Name of the file.
    pub name: String,
}

/// Whether an enclave can be looked into (`ENCLAVE_IDENTITY`, `Flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// Full debugging is allowed, dynamic debugging is allowed, dynamic debugging goes on.
    const DEBUG: u32 = 0b111;

    /// Whether it can be debugged.
    #[must_use]
    pub fn debug(self) -> bool {
        self.0 & Self::DEBUG != 0
    }
}

/// A package: what is signed, and the signature.
struct Package<'a> {
    statement: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Package<'a> {
    fn read(package: &'a [u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed(Malformed::Package);
        if package.len() > MAX_LEN {
            return Err(Refusal::TooLarge);
        }
        let mut fields = Cursor::new(package);
        let mut number = || fields.u32_le().ok_or(malformed);
        let [len, version, scheme, statement_len, signature_len, reserved] =
            [number()?, number()?, number()?, number()?, number()?, number()?];
        if version != PACKAGE_VERSION {
            return Err(Refusal::Version(version));
        }
        if scheme != RSA_PSS_SHA256 {
            return Err(Refusal::SignatureScheme(scheme));
        }
        let mut part = |len: u32| fields.take(usize::try_from(len).ok()?);
        let (statement, signature) =
            (part(statement_len).ok_or(malformed)?, part(signature_len).ok_or(malformed)?);
        if !fields.is_empty() || reserved != 0 || usize::try_from(len) != Ok(package.len()) {
            return Err(malformed);
        }
        Ok(Self { statement, signature })
    }
}

impl Report {
    /// Reads a report that `key` signed.
    ///
    /// # Errors
    /// When it is something else, or of another key.
    pub fn authenticate(package: &[u8], key: &PublicKey) -> Result<Self, Refusal> {
        let Package { statement, signature } = Package::read(package)?;
        let verified = key.verify(SignatureScheme::RsaPss(HashAlgorithm::Sha256), statement, signature);
        verified.map_err(|_| Refusal::Signature)?;
        Self::read(statement)
    }

    /// What a report says, of which nothing is believed yet.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of_package(package: &[u8]) -> Result<Self, Refusal> {
        Self::read(Package::read(package)?.statement)
    }

    fn read(statement: &[u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed(Malformed::Statement);
        let mut fields = Cursor::new(statement);
        let len = fields.u32_le().ok_or(malformed)?;
        let version = fields.u32_le().ok_or(malformed)?;
        if version != REPORT_VERSION {
            return Err(Refusal::ReportVersion(version));
        }
        if usize::try_from(len) != Ok(statement.len()) {
            return Err(malformed);
        }
        let enclave_data = fields.array().ok_or(malformed)?;
        let (identity, kind) = identity(&mut fields).ok_or(malformed)?;
        if !ENCLAVE_TYPES.contains(&kind) {
            return Err(Refusal::EnclaveType(kind));
        }
        let mut modules = Vec::new();
        while !fields.is_empty() {
            if modules.len() == MAX_MODULES {
                return Err(Refusal::TooLarge);
            }
            modules.push(block(&mut fields)?);
        }
        Ok(Self { enclave_data, identity, modules })
    }
}

/// What the enclave is, and of what kind.
fn identity(fields: &mut Cursor<'_>) -> Option<(Identity, u32)> {
    let owner_id = fields.array()?;
    let identity = Identity {
        owner_id,
        image: image(fields)?,
        secure_kernel_svn: fields.u32_le()?,
        platform_svn: fields.u32_le()?,
        flags: Flags(fields.u32_le()?),
        signing_level: fields.u32_le()?,
    };
    Some((identity, fields.u32_le()?))
}

fn image(fields: &mut Cursor<'_>) -> Option<Image> {
    Some(Image {
        unique_id: fields.array()?,
        author_id: fields.array()?,
        family_id: fields.array()?,
        image_id: fields.array()?,
        svn: fields.u32_le()?,
    })
}

/// A block of a kind that we know.
fn block(fields: &mut Cursor<'_>) -> Result<Module, Refusal> {
    let malformed = Refusal::Malformed(Malformed::Module);
    let kind = fields.u32_le().ok_or(malformed)?;
    if kind != MODULE {
        return Err(Refusal::UnknownBlock(kind));
    }
    // The length counts itself and the kind.
    let len = fields.u32_le().and_then(|len| usize::try_from(len).ok());
    let len = len.filter(|len| len.is_multiple_of(ALIGNMENT)).and_then(|len| len.checked_sub(8));
    let content = len.and_then(|len| fields.take(len)).ok_or(malformed)?;
    let mut content = Cursor::new(content);
    let image = image(&mut content).ok_or(malformed)?;
    Ok(Module { image, name: name(content.rest()).ok_or(malformed)? })
}

/// A text in UTF-16 that zeros end.
fn name(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0)?;
    let (text, zeros) = units.split_at(end);
    if zeros.iter().any(|unit| *unit != 0) {
        return None;
    }
    String::from_utf16(text).ok()
}
