//! Certificates in words.

use coco_crypto::{Certificate, pem};

use super::facts::{Facts, date, printable};

/// Most certificates of a text that are described or put in order.
const MAX: usize = 32;

/// PEM of what is either that or DER of one certificate, one behind the other.
fn to_pem<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut text = Vec::new();
    for bytes in files {
        match Certificate::from_der(bytes) {
            Ok(certificate) => text.extend(pem::encode("CERTIFICATE", certificate.der()).into_bytes()),
            Err(_) => text.extend(bytes),
        }
        if text.last().is_some_and(|byte| *byte != b'\n') {
            text.push(b'\n');
        }
    }
    text
}

/// PEM of a chain out of the certificates of files: the first that is no authority, who signed that, and so on to one that
/// signs itself. Where there is none, everything as it is, for the verifier to refuse.
pub(super) fn chain_of<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let text = to_pem(files);
    let all = read(&text);
    if all.len() > MAX {
        return text;
    }
    let Some(end) = all.iter().find(|certificate| !certificate.is_authority()) else { return text };
    let mut chain = vec![end];
    while let Some(last) = chain.last().filter(|last| last.verify_issued_by(last).is_err()) {
        let is_new = |other: &&Certificate| chain.iter().all(|known| known.der() != other.der());
        let issuer = all.iter().filter(is_new).find(|other| last.verify_issued_by(other).is_ok());
        let Some(issuer) = issuer else { return text };
        chain.push(issuer);
    }
    chain.into_iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

/// Those of a PEM text that can be read.
pub(super) fn read(text: &[u8]) -> Vec<Certificate> {
    Certificate::bundle_from_pem(&String::from_utf8_lossy(text)).unwrap_or_default()
}

/// Whom a certificate is for.
pub(super) fn name(certificate: &Certificate) -> String {
    match certificate.common_name() {
        Some(name) => printable(name),
        None => printable(certificate.subject()),
    }
}

/// When it is valid.
fn dates(certificate: &Certificate) -> String {
    let validity = certificate.validity();
    format!("valid from {} to {}", date(validity.not_before()), date(validity.not_after()))
}

/// What a chain that was followed says, from the root down: `why` the root is believed, then who signed whom.
pub(super) fn followed(chain: &[Certificate], why: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(root) = chain.last() {
        lines.push(format!(
            "Root certificate `{}`: {why}. SHA-256 of its key {}, of itself {}; {}.",
            name(root),
            root.public_key().id(),
            root.fingerprint(),
            dates(root)
        ));
    }
    for pair in chain.windows(2).rev() {
        if let [certificate, issuer] = pair {
            lines.push(format!(
                "Certificate `{}`: signed by `{}`; {}.",
                name(certificate),
                name(issuer),
                dates(certificate)
            ));
        }
    }
    lines
}

/// Certificates that stand beside evidence and that nobody has looked at.
pub(super) fn describe(chain: &[Certificate]) -> Option<Facts> {
    if chain.is_empty() {
        return None;
    }
    let mut facts = Facts::new("certificates", "Certificates beside it");
    let shown = chain.iter().take(MAX);
    let lines: Vec<String> =
        shown.clone().map(|certificate| format!("{}, {}", name(certificate), dates(certificate))).collect();
    let list = shown.map(|certificate| {
        serde_json::json!({
            "subject": certificate.subject(),
            "sha256": certificate.fingerprint(),
            "key_sha256": certificate.public_key().id(),
            "not_before": certificate.validity().not_before().to_string(),
            "not_after": certificate.validity().not_after().to_string(),
        })
    });
    facts.add("chain", list.collect(), lines.join("\n"), "own first; who signed them is not checked here");
    Some(facts)
}
