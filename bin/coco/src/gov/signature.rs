//! Signatures that were made elsewhere, in the forms in which signers write them.

use coco_client::governance::Unsigned;
use coco_crypto::FixedSignature;
use coco_wire::text::{decode_base64, decode_base64url};
use serde_json::Value;

/// Largest answer of a signer, in bytes.
pub(super) const MAX_BYTES: u64 = 64 << 10;
/// Where signers that answer in JSON have it: Azure Key Vault, AWS KMS, Google Cloud KMS.
const FIELDS: [&str; 3] = ["value", "Signature", "signature"];

/// What cannot complete a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSignature {
    #[error(
        "no signature: expected JSON with base64 in `value`, base64, or the bytes themselves, as r and s in a row or in \
         DER"
    )]
    Form,
    #[error("the signature is not one of the member's key over this message: nothing is sent")]
    NotTheMembers,
}

/// The message with a signature in any of the forms.
pub(super) fn finish(message: &Unsigned, signature: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
    let half_len = message.key().curve().coordinate_len();
    let signature = read(signature, half_len).ok_or(InvalidSignature::Form)?;
    message.finish(&signature).map_err(|_| InvalidSignature::NotTheMembers)
}

fn read(bytes: &[u8], half_len: usize) -> Option<FixedSignature> {
    if let Some(signature) = of_bytes(bytes, half_len) {
        return Some(signature);
    }
    let text = str::from_utf8(bytes).ok()?.trim();
    let json: Option<Value> = serde_json::from_str(text).ok();
    let text = match &json {
        Some(Value::Object(fields)) => FIELDS.iter().find_map(|name| fields.get(*name))?.as_str()?,
        Some(Value::String(text)) => text,
        _ => text,
    };
    let decoded = decode_base64(text).or_else(|_| decode_base64url(text.trim_end_matches('='))).ok()?;
    of_bytes(&decoded, half_len)
}

fn of_bytes(bytes: &[u8], half_len: usize) -> Option<FixedSignature> {
    if bytes.len() == 2 * half_len {
        return FixedSignature::new(bytes.to_vec());
    }
    FixedSignature::from_der(bytes, half_len)
}

#[cfg(test)]
mod tests;
