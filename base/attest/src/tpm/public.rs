//! Keys of a TPM, with what the TPM promises about them (TPM 2.0 Library, part 2: `TPMT_PUBLIC`).

use coco_crypto::{Curve, EcPublicKey, PublicKey, RsaPublicKey};

use super::{Hash, Malformed, Refusal, Scheme};
use crate::cursor::Cursor;

/// `TPM_ALG_RSA`.
const RSA: u16 = 0x0001;
/// `TPM_ALG_ECC`.
const ECC: u16 = 0x0023;
/// `TPM_ALG_NULL`.
const NULL: u16 = 0x0010;
/// What an exponent of 0 stands for.
const DEFAULT_EXPONENT: u32 = 65_537;

/// The public area of a key that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// The key itself.
    pub key: PublicKey,
    /// How it may be used.
    pub attributes: Attributes,
    /// How it signs.
    pub scheme: Scheme,
    /// Number of a hash and that hash of the public area: no two keys have the same.
    pub name: Vec<u8>,
    name_hash: Hash,
}

/// `TPMA_OBJECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(pub u32);

/// What a key that attests must have, or not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// It cannot leave its TPM.
    FixedTpm,
    /// It cannot be given another parent.
    FixedParent,
    /// The TPM made it.
    SensitiveDataOrigin,
    /// It signs nothing from outside that looks like a quote.
    Restricted,
    /// It signs.
    Sign,
    /// It decrypts, which a key that attests must not.
    Decrypt,
}

impl Attribute {
    /// Number of its bit.
    fn bit(self) -> u32 {
        match self {
            Self::FixedTpm => 1,
            Self::FixedParent => 4,
            Self::SensitiveDataOrigin => 5,
            Self::Restricted => 16,
            Self::Decrypt => 17,
            Self::Sign => 18,
        }
    }
}

impl Attributes {
    /// Whether this one is set.
    #[must_use]
    pub fn has(self, attribute: Attribute) -> bool {
        self.0 >> attribute.bit() & 1 == 1
    }

    /// What is wrong with a key that is to attest, if anything.
    pub(super) fn unfit(self) -> Option<Attribute> {
        const NEEDED: [Attribute; 5] = [
            Attribute::FixedTpm,
            Attribute::FixedParent,
            Attribute::SensitiveDataOrigin,
            Attribute::Restricted,
            Attribute::Sign,
        ];
        let missing = NEEDED.into_iter().find(|attribute| !self.has(*attribute));
        missing.or_else(|| self.has(Attribute::Decrypt).then_some(Attribute::Decrypt))
    }
}

impl Public {
    /// Reads `TPM2B_PUBLIC` of an RSA or elliptic-curve key that signs with one scheme.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed(Malformed::Public);
        let mut outer = Cursor::new(bytes);
        let area = outer.sized_u16_be().ok_or(malformed)?;
        if !outer.is_empty() {
            return Err(malformed);
        }
        let mut fields = Cursor::new(area);
        let kind = fields.u16_be().ok_or(malformed)?;
        let name_hash = fields.u16_be().ok_or(malformed)?;
        let name_hash = Hash::from_id(name_hash).ok_or(Refusal::UnknownHash(name_hash))?;
        let attributes = Attributes(fields.u32_be().ok_or(malformed)?);
        fields.sized_u16_be().ok_or(malformed)?;
        // A key that does not decrypt has nothing to encrypt its children with.
        if fields.u16_be() != Some(NULL) {
            return Err(malformed);
        }
        let scheme = fields.u16_be().ok_or(malformed)?;
        let scheme = Scheme::from_ids(scheme, fields.u16_be().ok_or(malformed)?)?;
        let key = match kind {
            RSA => rsa(&mut fields).map(PublicKey::Rsa),
            ECC => elliptic(&mut fields).map(PublicKey::Ec),
            _ => return Err(Refusal::UnknownKey(kind)),
        };
        let key = key.filter(|_| fields.is_empty()).ok_or(malformed)?;
        let name = named(name_hash, &[area]);
        Ok(Self { key, attributes, scheme, name, name_hash })
    }

    /// What quotes by this key call their signer, if its parent has this qualified name, or is the hierarchy with this
    /// handle in 4 bytes.
    #[must_use]
    pub fn qualified_name(&self, parent: &[u8]) -> Vec<u8> {
        named(self.name_hash, &[parent, &self.name])
    }
}

/// Number of a hash and that hash of `parts` in a row.
fn named(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    let mut name = hash.id().to_be_bytes().to_vec();
    name.extend(hash.digest(&parts.concat()));
    name
}

fn rsa(fields: &mut Cursor<'_>) -> Option<RsaPublicKey> {
    let bits = fields.u16_be()?;
    let exponent = match fields.u32_be()? {
        0 => DEFAULT_EXPONENT,
        other => other,
    };
    let modulus = fields.sized_u16_be()?;
    let key = RsaPublicKey::from_numbers(modulus, &exponent.to_be_bytes()).ok()?;
    (key.bits() == usize::from(bits) && modulus.len() == key.bits().div_ceil(8)).then_some(key)
}

fn elliptic(fields: &mut Cursor<'_>) -> Option<EcPublicKey> {
    let curve = match fields.u16_be()? {
        3 => Curve::P256,
        4 => Curve::P384,
        5 => Curve::P521,
        _ => return None,
    };
    // Key derivation, which a key that signs has none of.
    if fields.u16_be()? != NULL {
        return None;
    }
    let (x, y) = (fields.sized_u16_be()?, fields.sized_u16_be()?);
    EcPublicKey::from_coordinates(curve, x, y).ok()
}
