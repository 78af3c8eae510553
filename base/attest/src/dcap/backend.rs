//! The cryptography that dcap-qvl calculates with: ours.

use coco_crypto::{
    Curve, EcPublicKey, SignatureForm, Verifier as _,
    hash::{HashAlgorithm, sha256},
};
use dcap_qvl::{
    config::{Config, CryptoProvider},
    signature::DerSigEncoder,
    x509::X509CertBackend,
};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// First byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// dcap-qvl's own reader of certificates with our signatures and digests.
pub(super) struct Backend;

impl Config for Backend {
    type X509 = X509CertBackend;
    type SigEncoder = DerSigEncoder;
    type Crypto = Self;
}

impl CryptoProvider for Backend {
    fn sig_algo() -> &'static dyn SignatureVerificationAlgorithm {
        &EcdsaP256
    }

    fn sha256(data: &[u8]) -> [u8; 32] {
        sha256(data).0
    }

    fn sha384(data: &[u8]) -> [u8; 48] {
        HashAlgorithm::Sha384.digest(data).try_into().expect("SHA-384 has 48 bytes")
    }
}

/// ECDSA on P-256 with SHA-256: the only algorithm of Intel's certificates, lists, documents and quotes.
#[derive(Debug)]
struct EcdsaP256;

impl SignatureVerificationAlgorithm for EcdsaP256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let coordinate_len = Curve::P256.coordinate_len();
        let Some((&UNCOMPRESSED, point)) = public_key.split_first() else { return Err(InvalidSignature) };
        if point.len() != 2 * coordinate_len {
            return Err(InvalidSignature);
        }
        let (x, y) = point.split_at(coordinate_len);
        let key = EcPublicKey::from_coordinates(Curve::P256, x, y).map_err(|_| InvalidSignature)?;
        key.verify(message, signature, SignatureForm::Der).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}
