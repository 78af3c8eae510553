//! What the paravisor says of the machine, in JSON whose digest is in the hardware's report.

use coco_crypto::RsaPublicKey;
use coco_wire::text::{decode_base64url, decode_hex};
use serde::Deserialize;

use super::{Malformed, Refusal};

/// The name of the TPM's key that attests.
const ATTESTATION_KEY: &str = "HCLAkPub";

/// What the paravisor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The TPM's key that attests.
    pub key: RsaPublicKey,
    /// How the machine was started.
    pub configuration: Configuration,
    /// What the machine had it say beside.
    pub user_data: Option<[u8; 64]>,
}

/// How the machine was started, as far as is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Configuration {
    /// Whether the firmware starts only what somebody signed whom it knows.
    #[serde(rename = "secure-boot")]
    pub secure_boot: Option<bool>,
    /// Whether the host has a console of the machine.
    #[serde(rename = "console-enabled")]
    pub console: Option<bool>,
    /// The machine's name among all, in upper-case hexadecimal with hyphens.
    #[serde(rename = "vmUniqueId")]
    pub machine: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Key>,
    #[serde(rename = "vm-configuration")]
    configuration: Configuration,
    #[serde(rename = "user-data")]
    user_data: Option<String>,
}

/// A JSON Web Key (RFC 7517). What it says of its use is not heeded: Azure has called this one a key for encryption.
#[derive(Deserialize)]
struct Key {
    kid: String,
    kty: String,
    n: Option<String>,
    e: Option<String>,
}

impl Runtime {
    /// Reads what a paravisor says.
    ///
    /// # Errors
    /// When it is something else, or names no key of a TPM.
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        let malformed = || Refusal::Malformed(Malformed::Runtime);
        let document: Document = serde_json::from_slice(json).map_err(|_| malformed())?;
        let mut keys = document.keys.iter().filter(|key| key.kid == ATTESTATION_KEY);
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(Refusal::Key) };
        let user_data = document.user_data.map(|text| user_data(&text).ok_or_else(malformed));
        Ok(Self {
            key: rsa(key).ok_or(Refusal::Key)?,
            configuration: document.configuration,
            user_data: user_data.transpose()?,
        })
    }
}

fn rsa(key: &Key) -> Option<RsaPublicKey> {
    let number = |text: &Option<String>| decode_base64url(text.as_deref()?).ok();
    let (modulus, exponent) = (number(&key.n)?, number(&key.e)?);
    (key.kty == "RSA").then(|| RsaPublicKey::from_numbers(&modulus, &exponent).ok())?
}

fn user_data(text: &str) -> Option<[u8; 64]> {
    decode_hex(&text.to_ascii_lowercase()).ok()?.try_into().ok()
}
