//! What a node with a TPM shows, as one piece of evidence: JSON with bytes in base64, by the names that tools of Azure's
//! have for them.

use coco_wire::text::Base64;
use serde::{Deserialize, Serialize};

use super::{Quoted, Signature};

/// Most bytes of the JSON; a log of Windows has less than 100,000 bytes.
pub const MAX_LEN: usize = 1 << 20;

/// The report of whoever is behind the TPM, a quote, and the log that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Of an enclave or a paravisor.
    pub report: Base64,
    /// `TPMS_ATTEST`.
    pub message: Base64,
    /// `TPMT_SIGNATURE`.
    pub signature: Base64,
    /// The values of the quoted PCRs, one behind the other.
    pub pcrs: Base64,
    /// What was measured, if that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_log: Option<Base64>,
}

impl Form {
    /// Reads it, if it is not too long.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= MAX_LEN).then(|| serde_json::from_slice(bytes).ok()).flatten()
    }

    /// That of a node, which shows nothing else beside its endorsements.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn of_node(evidence: &crate::Evidence) -> Result<Self, crate::Refusal> {
        if evidence.uvm_endorsements.is_some() {
            return Err(crate::Refusal::UnexpectedEndorsements);
        }
        Self::from_json(&evidence.quote).ok_or(crate::Refusal::Malformed)
    }

    /// Writes it.
    ///
    /// # Panics
    /// Never: it has only texts.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it has only texts")
    }

    /// The quote.
    #[must_use]
    pub fn quoted(&self) -> Quoted<'_> {
        let signature = Signature::Structure(&self.signature.0);
        Quoted { message: &self.message.0, signature, pcrs: &self.pcrs.0 }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> Option<&[u8]> {
        self.event_log.as_ref().map(|log| log.0.as_slice())
    }
}

#[cfg(test)]
mod tests;
