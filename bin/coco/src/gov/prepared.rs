//! A message that waits for its signature, as a file.

use std::path::Path;

use coco_client::governance::Unsigned;
use coco_crypto::Certificate;
use coco_host::process::write_output;
use coco_wire::text::{Base64, encode_base64};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::GovError;
use crate::input::{Unreadable, read_text};

/// Content of the file.
#[derive(Serialize, Deserialize)]
struct Prepared {
    /// How it is to be signed, by the names of JOSE: `ES384` or `ES256`.
    alg: String,
    /// The digest that is to be signed.
    value: Base64,
    /// PEM of whoever is to sign.
    certificate: String,
    /// COSE_Sign1 with an empty signature.
    message: Base64,
}

/// What a key vault takes, and what CCF's `ccf_cose_sign1_prepare` prints: `alg` and `value`.
pub(super) fn to_sign(message: &Unsigned) -> Value {
    json!({ "alg": message.algorithm().name(), "value": encode_base64(&message.digest()) })
}

/// Writes a message for [`read`].
pub(super) fn write(path: &Path, message: &Unsigned, certificate: &Certificate) -> Result<(), Unreadable> {
    let prepared = Prepared {
        alg: message.algorithm().name().to_owned(),
        value: Base64(message.digest()),
        certificate: certificate.to_pem(),
        message: Base64(message.encode()),
    };
    let text = serde_json::to_vec_pretty(&prepared).expect("text and bytes are JSON");
    write_output(path, &text).map_err(Unreadable::at(path))
}

/// Reads a message that [`write`] wrote.
pub(super) fn read(path: &Path) -> Result<Unsigned, GovError> {
    fn wrong(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> GovError {
        GovError::NotPrepared { path: path.to_path_buf(), error: error.into() }
    }
    let text = read_text(path)?;
    let prepared: Prepared = serde_json::from_str(&text).map_err(|error| wrong(path, error))?;
    let certificate = Certificate::from_pem(&prepared.certificate).map_err(|error| wrong(path, error))?;
    Unsigned::decode(&certificate, &prepared.message.0).map_err(|error| wrong(path, error))
}
