//! ECDSA keys on the NIST curves.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
    },
};
use coco_wire::Digest;
use zeroize::Zeroizing;

use crate::{
    Entropy, FixedSignature, InvalidKey, NotAuthentic, SignatureForm, Signer, Verifier, der,
    hash::{HashAlgorithm, sha256},
    pem,
};

/// Draws of a random private number before the source of entropy is held to be broken.
const MAX_DRAWS: usize = 32;
/// What stands in front of a point whose coordinates are both given (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

/// The curves in use, by CCF's names in configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256 with SHA-256.
    P256,
    /// NIST P-384 with SHA-384.
    P384,
    /// NIST P-521 with SHA-512.
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The hash that goes with the curve.
    #[must_use]
    pub fn hash(self) -> HashAlgorithm {
        match self {
            Self::P256 => HashAlgorithm::Sha256,
            Self::P384 => HashAlgorithm::Sha384,
            Self::P521 => HashAlgorithm::Sha512,
        }
    }

    /// The name in CCF's configuration: `Secp256R1`, `Secp384R1` or `Secp521R1`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "Secp256R1",
            Self::P384 => "Secp384R1",
            Self::P521 => "Secp521R1",
        }
    }

    /// Bytes of a coordinate, and of each half of a signature.
    #[must_use]
    pub fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// DER of SubjectPublicKeyInfo (RFC 5480) up to the uncompressed point.
    fn spki_prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
            Self::P384 => b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
            Self::P521 => b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00",
        }
    }

    fn object_id(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x2b\x81\x04\x00\x22",
            Self::P521 => b"\x2b\x81\x04\x00\x23",
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA384_ASN1,
            Self::P521 => &ECDSA_P521_SHA512_ASN1,
        }
    }

    /// Makes a digest of another length look like one of the curve's own hash, keeping the number
    /// that ECDSA signs. FIPS 186-5 section 6.4.1 reads the leftmost bits of the digest, at most as
    /// many as the order has, as an integer: zeros in front change nothing, and what is beyond the
    /// length of the order (P-256 and P-384: that of their hash) is not read.
    fn adapt(self, digest: &[u8]) -> digest::Digest {
        let algorithm = self.hash().algorithm();
        let mut bytes = [0; digest::MAX_OUTPUT_LEN];
        let bytes = &mut bytes[..algorithm.output_len()];
        let used = &digest[..digest.len().min(bytes.len())];
        let zeros = bytes.len() - used.len();
        bytes[zeros..].copy_from_slice(used);
        digest::Digest::import_less_safe(bytes, algorithm).expect("the length is that of the hash")
    }
}

/// Public ECDSA key; clones share it.
#[derive(Clone)]
pub struct EcPublicKey(Arc<PublicParts>);

struct PublicParts {
    curve: Curve,
    key: ParsedPublicKey,
    spki: Vec<u8>,
    id: Digest,
}

impl EcPublicKey {
    /// Reads DER of SubjectPublicKeyInfo with a named curve and an uncompressed point.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] for any other encoding, [`InvalidKey::Malformed`] when the point is
    /// not on the curve.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, InvalidKey> {
        let curve = Curve::ALL
            .into_iter()
            .find(|curve| {
                spki.starts_with(curve.spki_prefix())
                    && spki.len() == curve.spki_prefix().len() + 1 + 2 * curve.coordinate_len()
            })
            .ok_or(InvalidKey::Unsupported)?;
        let key = ParsedPublicKey::new(curve.verification(), spki).map_err(|_| InvalidKey::Malformed)?;
        let spki = spki.to_vec();
        let id = sha256(&spki);
        Ok(Self(Arc::new(PublicParts { curve, key, spki, id })))
    }

    /// The key of a point, whose coordinates are big-endian bytes; zeros in front may be left out.
    ///
    /// # Errors
    /// [`InvalidKey::Malformed`] when a coordinate is too long, or the point is not on the curve.
    pub fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, InvalidKey> {
        let mut spki = curve.spki_prefix().to_vec();
        spki.push(UNCOMPRESSED);
        for coordinate in [x, y] {
            let zeros = curve.coordinate_len().checked_sub(coordinate.len()).ok_or(InvalidKey::Malformed)?;
            spki.resize(spki.len() + zeros, 0);
            spki.extend_from_slice(coordinate);
        }
        Self::from_spki_der(&spki)
    }

    /// Reads a PEM block `PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`EcPublicKey::from_spki_der`], and when the text is not one such block.
    pub fn from_spki_pem(text: &str) -> Result<Self, InvalidKey> {
        Self::from_spki_der(&pem::decode(text, "PUBLIC KEY")?)
    }

    /// Its curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.0.curve
    }

    /// DER of SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// PEM block `PUBLIC KEY`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", self.spki_der())
    }

    /// The uncompressed point: 0x04 ‖ x ‖ y.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        &self.0.spki[self.0.curve.spki_prefix().len()..]
    }

    /// SHA-256 of the DER of SubjectPublicKeyInfo: the name of a node, and of a service in COSE `kid`.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.0.id
    }

    /// Checks a signature over `digest`, which need not be made by the hash of the curve.
    pub(crate) fn verify_any_digest(
        &self,
        digest: &[u8],
        signature: &[u8],
        form: SignatureForm,
    ) -> Result<(), NotAuthentic> {
        let digest = self.0.curve.adapt(digest);
        let signature = self.to_der(signature, form)?;
        self.0.key.verify_digest_sig(&digest, &signature).map_err(|_| NotAuthentic)
    }

    fn to_der<'a>(
        &self,
        signature: &'a [u8],
        form: SignatureForm,
    ) -> Result<std::borrow::Cow<'a, [u8]>, NotAuthentic> {
        match form {
            SignatureForm::Der => Ok(signature.into()),
            SignatureForm::Fixed if signature.len() != 2 * self.0.curve.coordinate_len() => Err(NotAuthentic),
            SignatureForm::Fixed => {
                let signature = FixedSignature::new(signature.to_vec()).ok_or(NotAuthentic)?;
                Ok(signature.to_der().into())
            }
        }
    }
}

impl Verifier for EcPublicKey {
    fn verify(&self, message: &[u8], signature: &[u8], form: SignatureForm) -> Result<(), NotAuthentic> {
        let signature = self.to_der(signature, form)?;
        self.0.key.verify_sig(message, &signature).map_err(|_| NotAuthentic)
    }

    fn verify_digest(
        &self,
        digest: &Digest,
        signature: &[u8],
        form: SignatureForm,
    ) -> Result<(), NotAuthentic> {
        self.verify_any_digest(&digest.0, signature, form)
    }
}

impl PartialEq for EcPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for EcPublicKey {}

impl fmt::Debug for EcPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcPublicKey({:?}, {})", self.0.curve, self.0.id)
    }
}

/// Private ECDSA key.
pub struct EcKey {
    curve: Curve,
    key: EcdsaKeyPair,
    public: EcPublicKey,
}

impl EcKey {
    /// A new key whose secret number comes from `entropy` alone.
    ///
    /// # Panics
    /// When `entropy` is constant.
    #[must_use]
    pub fn generate(curve: Curve, entropy: &dyn Entropy) -> Self {
        let mut number = Zeroizing::new(vec![0; curve.coordinate_len()]);
        let mut draw = || {
            entropy.fill(&mut number);
            if curve == Curve::P521 {
                number[0] &= 1;
            }
            Self::from_number(curve, &number)
        };
        // A number that is zero or not below the order is drawn again: less than one in 2^31.
        (0..MAX_DRAWS).find_map(|_| draw()).expect("random bytes are below the order of the curve")
    }

    /// Reads the first private key of a PEM text: PKCS#8 (RFC 5208) or SEC1 (RFC 5915), not encrypted.
    ///
    /// # Errors
    /// When there is none, or it is not an ECDSA key on one of the curves.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let blocks = pem::blocks(text)?;
        let private = |block: &&pem::Block| ["PRIVATE KEY", "EC PRIVATE KEY"].contains(&block.label.as_str());
        let block = blocks.iter().find(private).ok_or(pem::InvalidPem::NotOne)?;
        Self::from_der(&block.der)
    }

    /// Reads DER of PKCS#8 or SEC1.
    ///
    /// # Errors
    /// When the bytes are not an ECDSA key on one of the curves.
    pub fn from_der(bytes: &[u8]) -> Result<Self, InvalidKey> {
        if !der::is_one_sequence(bytes) {
            return Err(InvalidKey::Malformed);
        }
        let key = |curve: Curve| {
            let key = EcdsaKeyPair::from_private_key_der(curve.signing(), bytes).ok()?;
            Some(Self::new(curve, key))
        };
        Curve::ALL.into_iter().find_map(key).ok_or(InvalidKey::Unsupported)
    }

    /// DER of PKCS#8.
    #[must_use]
    pub fn pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let document = self.key.to_pkcs8v1().expect("a valid key can be written");
        Zeroizing::new(document.as_ref().to_vec())
    }

    /// PEM block `PRIVATE KEY` (PKCS#8).
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8_der()))
    }

    pub(crate) fn from_number(curve: Curve, number: &[u8]) -> Option<Self> {
        let curve_id = der::element(der::OBJECT_ID, &[curve.object_id()]);
        let private = Zeroizing::new(der::sequence(&[
            &der::unsigned(&[1]),
            &Zeroizing::new(der::element(der::OCTET_STRING, &[number])),
            &der::element(der::context(0), &[&curve_id]),
        ]));
        let key = EcdsaKeyPair::from_private_key_der(curve.signing(), &private).ok()?;
        // Reading the number again beside its point makes later PKCS#8 carry the public key.
        let point = key.public_key().as_ref();
        let key = EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), number, point).ok()?;
        Some(Self::new(curve, key))
    }

    /// Its curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// Signs `digest`, which need not be made by the hash of the curve.
    pub(crate) fn sign_any_digest(&self, digest: &[u8]) -> FixedSignature {
        let signature = self.key.sign_digest(&self.curve.adapt(digest)).expect("a valid key signs");
        FixedSignature::new(signature.as_ref().to_vec()).expect("r and s have one length")
    }

    fn new(curve: Curve, key: EcdsaKeyPair) -> Self {
        let spki = [curve.spki_prefix(), key.public_key().as_ref()].concat();
        let public = EcPublicKey::from_spki_der(&spki).expect("the public half of a valid key is valid");
        Self { curve, key, public }
    }
}

impl Signer for EcKey {
    fn public_key(&self) -> &EcPublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> FixedSignature {
        let signature = self.key.sign(&SystemRandom::new(), message).expect("a valid key signs");
        FixedSignature::new(signature.as_ref().to_vec()).expect("r and s have one length")
    }

    fn sign_digest(&self, digest: &Digest) -> FixedSignature {
        self.sign_any_digest(&digest.0)
    }
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
