//! Certificates of a processor in the two forms in which its guests are given them.

use coco_crypto::pem;
use serde::Deserialize;

use super::{Refusal, Report};

/// Most entries of a table.
const MAX_ENTRIES: usize = 32;
/// Bytes of an entry: what it is, then offset and length of its content (AMD publication 56421, section 4.1.8.1).
const ENTRY_LEN: usize = 24;
/// Bytes of what an entry is.
const ID_LEN: usize = 16;
/// `SIGNING_KEY` of a report that a key of the provider (VLEK) signed.
const PROVIDER: u32 = 1;

/// Identifiers of contents of a table, as the bytes of a UUID.
pub(super) const VCEK: [u8; ID_LEN] = *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";
const VLEK: [u8; ID_LEN] = *b"\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1";
pub(super) const ASK: [u8; ID_LEN] = *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82";
pub(super) const ARK: [u8; ID_LEN] = *b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae";

/// Certificates of a processor that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndorsements {
    /// The host gives none.
    #[error("the host gives none")]
    Missing,
    /// A table without end, or with contents beyond it.
    #[error("the host's table of certificates is malformed")]
    Table,
    /// Certificates are missing in the host's table.
    #[error("the host's table lacks the certificate of the {0}")]
    Lacks(&'static str),
    /// Not the JSON that Azure writes.
    #[error("not the JSON with `vcekCert`, `certificateChain` and `tcbm` that Azure writes")]
    Json,
    /// Of another version of the trusted computing base than the report.
    #[error("they are for the TCB version {endorsed:016x}, and the report is of {reported:016x}")]
    Tcb {
        /// That of the certificates, packed.
        endorsed: u64,
        /// That of the report.
        reported: u64,
    },
    /// They do not go with the report.
    #[error("they do not go with the report: {0}")]
    Report(#[from] Refusal),
}

/// PEM of the certificates that go with a report (signing key, intermediate, root), out of the table that the host gave
/// with it.
///
/// # Errors
/// See [`InvalidEndorsements`].
pub fn of_table(table: &[u8], report: &Report) -> Result<Vec<u8>, InvalidEndorsements> {
    if table.iter().all(|byte| *byte == 0) {
        return Err(InvalidEndorsements::Missing);
    }
    let signing_key = if report.flags.signing_key() == PROVIDER { VLEK } else { VCEK };
    let mut found = [(signing_key, None, "signing key"), (ASK, None, "intermediate"), (ARK, None, "root")];
    for entry in table.chunks_exact(ENTRY_LEN).take(MAX_ENTRIES) {
        let (id, place) = entry.split_at(ID_LEN);
        if id.iter().all(|byte| *byte == 0) {
            return text(found);
        }
        let (offset, len) = place.split_at(size_of::<u32>());
        let content = table.get(number(offset)..).and_then(|rest| rest.get(..number(len)));
        let content = content.ok_or(InvalidEndorsements::Table)?;
        if let Some((_, certificate, _)) = found.iter_mut().find(|(kind, ..)| kind == id) {
            *certificate = Some(content);
        }
    }
    Err(InvalidEndorsements::Table)
}

type Wanted<'a> = ([u8; ID_LEN], Option<&'a [u8]>, &'static str);

fn text(found: [Wanted<'_>; 3]) -> Result<Vec<u8>, InvalidEndorsements> {
    let mut text = String::new();
    for (_, certificate, name) in found {
        let der = certificate.ok_or(InvalidEndorsements::Lacks(name))?;
        text.push_str(&pem::encode("CERTIFICATE", der));
    }
    Ok(text.into_bytes())
}

/// The number of four bytes, little-endian.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// What Azure writes, among others (CCF `include/ccf/pal/attestation_sev_snp_endorsements.h`, `ACIReportEndorsements`).
#[derive(Deserialize)]
struct OfAzure {
    #[serde(flatten)]
    texts: Texts,
    /// In hexadecimal.
    tcbm: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Texts {
    vcek_cert: String,
    certificate_chain: String,
}

impl Texts {
    fn join(self) -> Vec<u8> {
        let mut text = self.vcek_cert;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&self.certificate_chain);
        text.into_bytes()
    }
}

/// The same out of JSON that Azure's host writes into containers.
///
/// # Errors
/// See [`InvalidEndorsements`].
pub fn of_azure(json: &[u8], report: &Report) -> Result<Vec<u8>, InvalidEndorsements> {
    let OfAzure { texts, tcbm } = serde_json::from_slice(json).map_err(|_| InvalidEndorsements::Json)?;
    let endorsed = u64::from_str_radix(&tcbm, 16).map_err(|_| InvalidEndorsements::Json)?;
    let reported = report.reported_tcb;
    if endorsed != reported {
        return Err(InvalidEndorsements::Tcb { endorsed, reported });
    }
    Ok(texts.join())
}

/// The same out of JSON of a service that was asked for one version of the trusted computing base. None if it is none.
pub(super) fn of_thim(json: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice(json).ok().map(Texts::join)
}

#[cfg(test)]
mod tests;
