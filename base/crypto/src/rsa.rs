//! RSA keys: encryption of recovery shares and ledger secrets, verification of tokens.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{
        KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey, PublicEncryptingKey,
    },
    signature::{self, RsaEncoding, RsaKeyPair, RsaParameters, UnparsedPublicKey},
};
use zeroize::Zeroizing;

use crate::{InvalidKey, NotAuthentic, der, hash::HashAlgorithm, pem};

/// AlgorithmIdentifier content of an RSA key: the object identifier rsaEncryption.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// Public RSA key of 2048 to 8192 bits; clones share it.
#[derive(Clone)]
pub struct RsaPublicKey(Arc<PublicParts>);

struct PublicParts {
    key: PublicEncryptingKey,
    spki: Vec<u8>,
}

/// The plaintext is longer than the key can encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plaintext too long for the RSA key")]
pub struct TooLong;

impl RsaPublicKey {
    /// Reads DER of SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] when the bytes are of another kind or size,
    /// [`InvalidKey::Malformed`] when they are not the one DER encoding of the key.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, InvalidKey> {
        let key = PublicEncryptingKey::from_der(spki).map_err(|_| InvalidKey::Unsupported)?;
        let public = Self::new(key);
        if public.spki_der() == spki { Ok(public) } else { Err(InvalidKey::Malformed) }
    }

    /// The key of a modulus and an exponent, both as big-endian bytes; zeros in front change nothing.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] when the numbers are no key, or one of another size.
    pub fn from_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        let numbers = der::sequence(&[&der::unsigned(modulus), &der::unsigned(exponent)]);
        let algorithm = der::sequence(&[RSA_ENCRYPTION, der::NULL]);
        Self::from_spki_der(&der::sequence(&[&algorithm, &der::bit_string(&numbers)]))
    }

    /// Reads a PEM block `PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`RsaPublicKey::from_spki_der`], and when the text is not one such block.
    pub fn from_spki_pem(text: &str) -> Result<Self, InvalidKey> {
        Self::from_spki_der(&pem::decode(text, "PUBLIC KEY")?)
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

    /// Length of the modulus in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.key.key_size_bits()
    }

    /// Encrypts with RSA-OAEP, SHA-256 and MGF1 with SHA-256 (RFC 8017), no label.
    ///
    /// # Errors
    /// When `plaintext` is longer than the modulus less 66 bytes.
    pub fn encrypt_oaep(&self, plaintext: &[u8]) -> Result<Vec<u8>, TooLong> {
        self.encrypt_oaep_labelled(plaintext, None)
    }

    /// The same with a label.
    ///
    /// # Errors
    /// As [`RsaPublicKey::encrypt_oaep`].
    pub fn encrypt_oaep_labelled(&self, plaintext: &[u8], label: Option<&[u8]>) -> Result<Vec<u8>, TooLong> {
        let key = OaepPublicEncryptingKey::new(self.0.key.clone()).expect("a valid key encrypts");
        if plaintext.len() > key.max_plaintext_size(&OAEP_SHA256_MGF1SHA256) {
            return Err(TooLong);
        }
        let mut ciphertext = vec![0; key.ciphertext_size()];
        let written = key
            .encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut ciphertext, label)
            .expect("a plaintext that fits is encrypted")
            .len();
        ciphertext.truncate(written);
        Ok(ciphertext)
    }

    pub(crate) fn verify_pkcs1(
        &self,
        hash: HashAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotAuthentic> {
        let parameters = match hash {
            HashAlgorithm::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            HashAlgorithm::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            HashAlgorithm::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        };
        self.verify(parameters, message, signature)
    }

    pub(crate) fn verify_pss(
        &self,
        hash: HashAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotAuthentic> {
        let parameters = match hash {
            HashAlgorithm::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
            HashAlgorithm::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
            HashAlgorithm::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
        };
        self.verify(parameters, message, signature)
    }

    fn verify(
        &self,
        parameters: &'static RsaParameters,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotAuthentic> {
        let key = UnparsedPublicKey::new(parameters, self.spki_der());
        key.verify(message, signature).map_err(|_| NotAuthentic)
    }

    fn new(key: PublicEncryptingKey) -> Self {
        let spki = key.as_der().expect("a valid key can be written").as_ref().to_vec();
        Self(Arc::new(PublicParts { key, spki }))
    }
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for RsaPublicKey {}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({} bits)", self.bits())
    }
}

/// Sizes of new RSA keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048 bits: recovery keys of members, as CCF's `keygenerator.sh` makes them.
    B2048,
    /// 3072 bits.
    B3072,
    /// 4096 bits.
    B4096,
}

/// Private RSA key for decryption.
pub struct RsaKey {
    key: PrivateDecryptingKey,
    public: RsaPublicKey,
}

impl RsaKey {
    /// A new key, drawn by the cryptography library's own generator. Takes some 100 ms at 2048 bits.
    #[must_use]
    pub fn generate(bits: RsaBits) -> Self {
        let size = match bits {
            RsaBits::B2048 => KeySize::Rsa2048,
            RsaBits::B3072 => KeySize::Rsa3072,
            RsaBits::B4096 => KeySize::Rsa4096,
        };
        Self::new(PrivateDecryptingKey::generate(size).expect("the generator finds primes"))
    }

    /// Reads the first private key of a PEM text: PKCS#8 or PKCS#1, not encrypted.
    ///
    /// # Errors
    /// When there is none, or it is not an RSA key of 2048 to 8192 bits.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let blocks = pem::blocks(text)?;
        let private =
            |block: &&pem::Block| ["PRIVATE KEY", "RSA PRIVATE KEY"].contains(&block.label.as_str());
        let block = blocks.iter().find(private).ok_or(pem::InvalidPem::NotOne)?;
        if !der::is_one_sequence(&block.der) {
            return Err(InvalidKey::Malformed);
        }
        let wrapped;
        let pkcs8 = if block.label == "PRIVATE KEY" {
            &block.der
        } else {
            let pkcs1 = Zeroizing::new(der::element(der::OCTET_STRING, &[&block.der]));
            let algorithm = der::sequence(&[RSA_ENCRYPTION, der::NULL]);
            wrapped = Zeroizing::new(der::sequence(&[&der::unsigned(&[]), &algorithm, &pkcs1]));
            &wrapped
        };
        PrivateDecryptingKey::from_pkcs8(pkcs8).map(Self::new).map_err(|_| InvalidKey::Unsupported)
    }

    /// PEM block `PRIVATE KEY` (PKCS#8).
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let document = self.key.as_der().expect("a valid key can be written");
        Zeroizing::new(pem::encode("PRIVATE KEY", document.as_ref()))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &RsaPublicKey {
        &self.public
    }

    /// Reverses [`RsaPublicKey::encrypt_oaep`].
    ///
    /// # Errors
    /// When the ciphertext is not one made for this key.
    pub fn decrypt_oaep(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        self.decrypt_oaep_labelled(ciphertext, None)
    }

    /// Reverses [`RsaPublicKey::encrypt_oaep_labelled`].
    ///
    /// # Errors
    /// When the ciphertext is not one made for this key and label.
    pub fn decrypt_oaep_labelled(
        &self,
        ciphertext: &[u8],
        label: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let key = OaepPrivateDecryptingKey::new(self.key.clone()).expect("a valid key decrypts");
        let mut plaintext = Zeroizing::new(vec![0; key.min_output_size()]);
        let written = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut plaintext, label)
            .map_err(|_| NotAuthentic)?
            .len();
        plaintext.truncate(written);
        Ok(plaintext)
    }

    /// Signs with RSA-PSS and a salt as long as the hash.
    pub(crate) fn sign_pss(&self, hash: HashAlgorithm, message: &[u8]) -> Vec<u8> {
        let encoding: &dyn RsaEncoding = match hash {
            HashAlgorithm::Sha256 => &signature::RSA_PSS_SHA256,
            HashAlgorithm::Sha384 => &signature::RSA_PSS_SHA384,
            HashAlgorithm::Sha512 => &signature::RSA_PSS_SHA512,
        };
        let document = self.key.as_der().expect("a valid key can be written");
        let key = RsaKeyPair::from_pkcs8(document.as_ref()).expect("a valid key can be read again");
        let mut signed = vec![0; key.public_modulus_len()];
        key.sign(encoding, &SystemRandom::new(), message, &mut signed).expect("a valid key signs");
        signed
    }

    fn new(key: PrivateDecryptingKey) -> Self {
        let public = RsaPublicKey::new(key.public_key());
        Self { key, public }
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
