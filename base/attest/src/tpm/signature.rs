//! Signatures of a TPM (TPM 2.0 Library, part 2: `TPMT_SIGNATURE`).

use coco_crypto::{
    NotAuthentic, PublicKey, SignatureForm, sha1::verify_rsa_pkcs1, signature::SignatureScheme,
};

use super::{Hash, Malformed, Refusal};
use crate::cursor::Cursor;

/// `TPM_ALG_RSASSA`.
pub(super) const RSASSA: u16 = 0x0014;
/// `TPM_ALG_RSAPSS`.
pub(super) const RSAPSS: u16 = 0x0016;
/// `TPM_ALG_ECDSA`.
pub(super) const ECDSA: u16 = 0x0018;

/// A signature, as it comes.
#[derive(Clone, Copy, Debug)]
pub enum Signature<'a> {
    /// `TPMT_SIGNATURE`.
    Structure(&'a [u8]),
    /// Of RSASSA-PKCS1-v1_5, without the structure around it.
    RsaSsa(Hash, &'a [u8]),
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    RsaSsa(Hash),
    /// RSASSA-PSS. Only signatures whose salt is as long as the hash are verified: the longest that FIPS 186-5 allows.
    /// Other TPMs take the longest that the key has room for.
    RsaPss(Hash),
    /// ECDSA.
    Ecdsa(Hash),
}

impl Scheme {
    /// By the two numbers of a TPM.
    pub(super) fn from_ids(scheme: u16, hash: u16) -> Result<Self, Refusal> {
        let hash = Hash::from_id(hash).ok_or(Refusal::UnknownHash(hash))?;
        match scheme {
            RSASSA => Ok(Self::RsaSsa(hash)),
            RSAPSS => Ok(Self::RsaPss(hash)),
            ECDSA => Ok(Self::Ecdsa(hash)),
            _ => Err(Refusal::UnknownScheme(scheme)),
        }
    }

    /// The hash of what is signed.
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Self::RsaSsa(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => hash,
        }
    }
}

/// A signature taken apart: one number of RSA, two of ECDSA.
pub(super) struct Parts<'a> {
    pub(super) scheme: Scheme,
    numbers: [&'a [u8]; 2],
}

impl<'a> Signature<'a> {
    pub(super) fn read(self) -> Result<Parts<'a>, Refusal> {
        let bytes = match self {
            Self::RsaSsa(hash, number) => {
                return Ok(Parts { scheme: Scheme::RsaSsa(hash), numbers: [number, &[]] });
            }
            Self::Structure(bytes) => bytes,
        };
        let malformed = Refusal::Malformed(Malformed::Signature);
        let mut fields = Cursor::new(bytes);
        let scheme = fields.u16_be().ok_or(malformed)?;
        let scheme = Scheme::from_ids(scheme, fields.u16_be().ok_or(malformed)?)?;
        let first = fields.sized_u16_be().ok_or(malformed)?;
        let second = match scheme {
            Scheme::Ecdsa(_) => fields.sized_u16_be().ok_or(malformed)?,
            Scheme::RsaSsa(_) | Scheme::RsaPss(_) => &[],
        };
        if fields.is_empty() { Ok(Parts { scheme, numbers: [first, second] }) } else { Err(malformed) }
    }
}

impl Parts<'_> {
    pub(super) fn verify(&self, key: &PublicKey, message: &[u8]) -> Result<(), NotAuthentic> {
        let [first, second] = self.numbers;
        let Some(hash) = self.scheme.hash().sha2() else {
            return match (self.scheme, key) {
                (Scheme::RsaSsa(_), PublicKey::Rsa(key)) => verify_rsa_pkcs1(key, message, first),
                _ => Err(NotAuthentic),
            };
        };
        match (self.scheme, key) {
            (Scheme::RsaSsa(_), _) => key.verify(SignatureScheme::RsaPkcs1(hash), message, first),
            (Scheme::RsaPss(_), _) => key.verify(SignatureScheme::RsaPss(hash), message, first),
            (Scheme::Ecdsa(_), PublicKey::Ec(ec)) => {
                let length = ec.curve().coordinate_len();
                let fixed = fixed(first, second, length).ok_or(NotAuthentic)?;
                key.verify(SignatureScheme::Ecdsa(hash, SignatureForm::Fixed), message, &fixed)
            }
            (Scheme::Ecdsa(_), _) => Err(NotAuthentic),
        }
    }
}

/// Both numbers of a signature, each `length` bytes long. Some TPMs leave out zeros in front.
fn fixed(r: &[u8], s: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut fixed = Vec::with_capacity(2 * length);
    for number in [r, s] {
        let missing = length.checked_sub(number.len())?;
        fixed.resize(fixed.len() + missing, 0);
        fixed.extend_from_slice(number);
    }
    Some(fixed)
}
