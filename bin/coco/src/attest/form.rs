//! The forms in which evidence comes: bytes, text of them, and JSON of nodes and of other tools.

use std::path::Path;

use coco_attest::{
    Evidence, ReportData,
    ra_tls::{self, Shown},
};
use coco_crypto::Certificate;
use coco_wire::{
    Digest,
    text::{decode_base64, decode_hex},
};
use serde_json::Value;

use super::piece::{Piece, Platform, Quote};
use crate::input::{self, Unreadable};

/// Largest file, in bytes: an event log of the largest size in JSON has less.
pub(super) const MAX_LEN: u64 = 4 << 20;
/// Most pieces of evidence in a file.
const MAX_PIECES: usize = 1024;

/// A file without evidence.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEvidence {
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error(
        "{0}: no evidence that this program knows, as bytes, base64, hexadecimal or JSON; \
         --platform says what it is meant to be"
    )]
    Unknown(String),
    #[error("{0}: the quote has a format that this program does not read: {1}")]
    Format(String, String),
    #[error("{0}: no usable `{1}` in this JSON")]
    Field(String, &'static str),
    #[error("{0}: more than {MAX_PIECES} pieces of evidence")]
    TooMany(String),
}

/// All evidence of a file; `platform` is what it is said to be.
pub(super) fn read(path: &Path, platform: Option<Platform>) -> Result<Vec<Piece>, NoEvidence> {
    let bytes = input::read(path, MAX_LEN)?;
    let origin =
        if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    of_bytes(&origin, bytes, platform)
}

/// Bytes of a file that may be text of them.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let bytes = input::read(path, MAX_LEN)?;
    Ok(decode(&bytes).unwrap_or(bytes))
}

pub(super) fn of_bytes(
    origin: &str,
    bytes: Vec<u8>,
    platform: Option<Platform>,
) -> Result<Vec<Piece>, NoEvidence> {
    let unknown = || NoEvidence::Unknown(origin.to_owned());
    let bytes = match Platform::of(&bytes) {
        Some(_) => bytes,
        None => decode(&bytes).unwrap_or(bytes),
    };
    if matches!(bytes.trim_ascii().first(), Some(b'{' | b'[')) {
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| unknown())?;
        return of_json(origin, &bytes, &value, platform);
    }
    if platform.is_none()
        && let Some(piece) = of_certificate(origin, &bytes)
    {
        return Ok(vec![piece]);
    }
    let platform = platform.or_else(|| Platform::of(&bytes)).ok_or_else(unknown)?;
    Ok(vec![Piece::new(origin, platform, bytes)])
}

/// Evidence in the certificate of a node, which is then bound to the key of that.
fn of_certificate(origin: &str, bytes: &[u8]) -> Option<Piece> {
    let text = std::str::from_utf8(bytes).ok();
    let certificate = text.and_then(|text| Certificate::from_pem(text).ok());
    let certificate = certificate.or_else(|| Certificate::from_der(bytes).ok())?;
    let Shown::Node(evidence, ReportData(node)) = ra_tls::read(&certificate).ok()? else { return None };
    Piece::of_node(origin, Some(node), evidence)
}

/// Text in hexadecimal or base64, however it is broken into lines.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text: String = text.split_ascii_whitespace().collect();
    text_of_bytes(&text).filter(|bytes| !bytes.is_empty())
}

fn text_of_bytes(text: &str) -> Option<Vec<u8>> {
    decode_hex(&text.to_ascii_lowercase()).or_else(|_| decode_base64(text)).ok()
}

/// Evidence of all nodes, of one, or of a machine as other tools write it.
fn of_json(
    origin: &str,
    bytes: &[u8],
    value: &Value,
    platform: Option<Platform>,
) -> Result<Vec<Piece>, NoEvidence> {
    let list = ["attestations", "quotes"].iter().find_map(|name| value.get(name)).unwrap_or(value);
    if let Value::Array(nodes) = list {
        if nodes.len() > MAX_PIECES {
            return Err(NoEvidence::TooMany(origin.to_owned()));
        }
        let pieces = nodes.iter().enumerate().map(|(at, node)| of_node(&format!("{origin}[{at}]"), node));
        return pieces.collect();
    }
    let piece = if value.get("format").is_some() {
        of_node(origin, value)?
    } else if value.get("host_data").is_some() || platform == Some(Platform::Virtual) {
        Piece::new(origin, Platform::Virtual, bytes.to_vec())
    } else {
        of_machine(origin, value)?
    };
    Ok(vec![piece])
}

/// An answer of `/node/quotes/self`, or one of `/node/attestations`.
fn of_node(origin: &str, value: &Value) -> Result<Piece, NoEvidence> {
    let field = |name: &'static str| {
        let found = value.get(name).and_then(Value::as_str).map(decode_base64);
        found.transpose().map_err(|_| NoEvidence::Field(origin.to_owned(), name))
    };
    let missing = |name| NoEvidence::Field(origin.to_owned(), name);
    let format = value.get("format").and_then(Value::as_str).ok_or_else(|| missing("format"))?;
    let platform = coco_attest::Platform::from_quote_format(format);
    let unknown = || NoEvidence::Format(origin.to_owned(), format.escape_debug().to_string());
    let platform = platform.ok_or_else(unknown)?;
    let node = value.get("node_id").map(|id| id.as_str().and_then(|id| id.parse::<Digest>().ok()));
    let node = node.map(|id| id.ok_or_else(|| missing("node_id"))).transpose()?;
    let shown = Evidence {
        platform,
        quote: field("raw")?.ok_or_else(|| missing("raw"))?,
        endorsements: field("endorsements")?.unwrap_or_default(),
        uvm_endorsements: field("uvm_endorsements")?.filter(|message| !message.is_empty()),
    };
    Piece::of_node(origin, node, shown).ok_or_else(|| missing("raw"))
}

/// A report and what a TPM quoted, by the names that Azure's tools have for them.
fn of_machine(origin: &str, value: &Value) -> Result<Piece, NoEvidence> {
    let unusable = |name| NoEvidence::Field(origin.to_owned(), name);
    let field = |value: &Value, names: &[&'static str]| {
        let found = names.iter().find_map(|name| Some((*name, value.get(name)?)));
        found.map(|(name, value)| bytes_of(value).ok_or_else(|| unusable(name))).transpose()
    };
    let report = field(value, &["report", "hcl_report"])?;
    let quote = ["quote", "tpm_quote"].iter().find_map(|name| value.get(name)).unwrap_or(value);
    let quote = match field(quote, &["message"])? {
        Some(message) => {
            let log = match field(quote, &["event_log"])? {
                None => field(value, &["event_log"])?,
                found => found,
            };
            Some(Quote {
                message,
                signature: field(quote, &["signature"])?.ok_or_else(|| unusable("signature"))?,
                pcrs: field(quote, &["pcrs"])?.ok_or_else(|| unusable("pcrs"))?,
                log,
            })
        }
        None => None,
    };
    let (platform, evidence) = match (report, &quote) {
        (Some(report), _) => {
            let known = Platform::of(&report);
            let known = known.filter(|platform| matches!(platform, Platform::AzureCvm | Platform::Vbs));
            (known.ok_or_else(|| unusable("report"))?, report)
        }
        (None, Some(quote)) => (Platform::Tpm, quote.message.clone()),
        (None, None) => return Err(NoEvidence::Unknown(origin.to_owned())),
    };
    let names = ["vcek", "certificates", "endorsements"];
    let certificates = names.iter().find_map(|name| value.get(name)).and_then(Value::as_str);
    let certificates = certificates.map(str::as_bytes).map(|text| decode(text).unwrap_or(text.to_vec()));
    Ok(Piece {
        quote,
        td_quote: field(value, &["td_quote"])?,
        certificates: certificates.unwrap_or_default(),
        ..Piece::new(origin, platform, evidence)
    })
}

/// Bytes as text, as numbers, or in several pieces.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => text_of_bytes(text),
        Value::Array(items) if items.iter().all(Value::is_number) => {
            items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect()
        }
        Value::Array(items) => {
            let pieces: Option<Vec<Vec<u8>>> = items
                .iter()
                .map(|item| match item {
                    Value::Array(numbers) if !numbers.iter().all(Value::is_number) => None,
                    item => bytes_of(item),
                })
                .collect();
            pieces.map(|pieces| pieces.concat())
        }
        _ => None,
    }
}
