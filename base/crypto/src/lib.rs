//! The cryptography of a Coco service; no other crate of the ledger names a cryptography library.
//!
//! Primitives come from aws-lc, but for the hash of GCM over streams. Signing, verifying and
//! randomness are capabilities ([`Signer`], [`Verifier`], [`Entropy`]), so that a simulation can
//! bring deterministic ones. Keys are parsed and prepared once, are shared between threads, and
//! never show in `Debug`. Modules in reading order.

pub mod entropy;
pub mod hash;
pub mod mac;

pub mod aead;
pub mod gcm_stream;

pub mod ec;
pub mod ed25519;
pub mod exchange;
pub mod keys;
pub mod numbers;
pub mod pem;
pub mod private;
pub mod rsa;
pub mod sha1;
pub mod signature;

pub mod cose;
pub mod x509;

pub mod ledger_secret;
pub mod receipt;
pub mod sharing;
pub mod wrap;

mod der;

pub use aead::GcmKey;
pub use ec::{Curve, EcKey, EcPublicKey};
pub use entropy::{Entropy, SystemEntropy};
pub use exchange::EphemeralKey;
pub use keys::{InvalidKey, PublicKey};
pub use ledger_secret::LedgerSecret;
pub use mac::{HmacKey, constant_time_eq};
pub use private::PrivateKey;
pub use rsa::{RsaKey, RsaPublicKey};
pub use signature::{Ecdsa, FixedSignature, NotAuthentic, Scheme, SignatureForm, Signer, Verifier};
pub use x509::Certificate;
