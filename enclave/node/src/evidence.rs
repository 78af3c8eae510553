//! Evidence of what nodes run, and the service's policy of which of it is welcome.

use coco_app::ChannelBinding;
use coco_attest::{Claims, Evidence, Platform, Refusal, ReportData};
use coco_boundary::{Evidence as BoundaryEvidence, EvidenceFormat};
use coco_crypto::hash::sha256;
use coco_kv::Reader;
use coco_tables::{
    Tables,
    nodes::{QuoteFormat, QuoteInfo},
};
use coco_wire::{Digest, text::Base64};

/// Why a node is not to join. Texts are CCF's (`quote_verification_error` in `src/node/rpc/node_frontend.h`), which
/// operators and tests look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwelcome {
    /// Not evidence of a platform that this version knows, or forged.
    #[error("Quote could not be verified")]
    Evidence,
    /// Evidence for another key than the one shown in TLS.
    #[error("Quote report data does not contain node's public key hash")]
    Key,
    /// Code that the members did not admit.
    #[error("Quote does not contain known enclave measurement")]
    Measurement,
    /// A host configuration, such as an executable, that the members did not admit.
    #[error("Quote host data is not authorised")]
    HostData,
}

/// Evidence in the form that the ledger and the join request have.
pub(crate) fn quote_info(evidence: &BoundaryEvidence) -> QuoteInfo {
    let format = match evidence.format {
        EvidenceFormat::Virtual => QuoteFormat::InsecureVirtual,
    };
    QuoteInfo {
        format,
        quote: Base64(evidence.quote.clone()),
        endorsements: Base64(evidence.endorsements.clone()),
        uvm_endorsements: None,
        endorsed_tcb: None,
    }
}

/// What authentic evidence says that is bound to `expected`.
pub(crate) fn verify(quote: &QuoteInfo, expected: &ReportData) -> Result<Claims, Unwelcome> {
    let platform = match quote.format {
        QuoteFormat::InsecureVirtual => Platform::InsecureVirtual,
        QuoteFormat::OeSgxV1 | QuoteFormat::AmdSevSnpV1 => return Err(Unwelcome::Evidence),
    };
    let (quote, endorsements) = (quote.quote.0.clone(), quote.endorsements.0.clone());
    coco_attest::verify(&Evidence { platform, quote, endorsements }, expected).map_err(
        |refusal| match refusal {
            Refusal::ReportData => Unwelcome::Key,
            Refusal::TooLarge | Refusal::Malformed | Refusal::UnexpectedEndorsements => Unwelcome::Evidence,
        },
    )
}

/// What fresh evidence of a node that joins is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// Names the service that it joins.
    pub(crate) service: Digest,
    /// Names the node.
    pub(crate) node: Digest,
    /// From the service's last answer.
    pub(crate) challenge: Digest,
}

impl Proof {
    /// What the evidence has to contain that is shown in this TLS session. No other evidence of a node does: what was made
    /// for one session is worth nothing in another, whoever holds the node's key.
    #[must_use]
    pub fn report_data(&self, session: &ChannelBinding) -> Digest {
        const PURPOSE: &[u8] = b"coco join evidence v2";
        sha256(&[PURPOSE, &self.service.0, &self.node.0, &self.challenge.0, &session.0].concat())
    }
}

/// Whether the members admit what the claims say.
pub(crate) fn admit(tables: &Tables, state: &impl Reader, claims: &Claims) -> Result<(), Unwelcome> {
    let platforms = &tables.platforms;
    let measurement = claims.measurement.as_str().to_owned();
    match claims.platform {
        Platform::InsecureVirtual => {
            if !platforms.virtual_host_data.has(state, &claims.host_data) {
                return Err(Unwelcome::HostData);
            }
            // A row says that the code is allowed to join; there is nothing else that it could say.
            if !platforms.virtual_measurements.has(state, &measurement) {
                return Err(Unwelcome::Measurement);
            }
        }
    }
    Ok(())
}
