//! `coco attest show`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    describe::describe,
    facts::Facts,
    form::{self, NoEvidence},
    piece::{Piece, Platform},
    verify::Refused,
};
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  coco attest show report.bin
  curl -s --cacert service_cert.pem https://127.0.0.1:8000/node/attestations | coco attest show -
  coco attest show quote.dat --json | jq -r '.evidence[].fields.tdx.measurement'

Evidence is bytes, base64, hexadecimal, or JSON of a node, and is recognised by itself. Nothing is
verified: whoever wrote the file can have written anything. See coco attest verify.
Exit status: 0 shown, 1 it is malformed, 2 files cannot be read or have no known evidence.";

/// Show evidence.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Evidence; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are meant to be
    #[arg(long, value_enum)]
    platform: Option<Platform>,
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
}

/// Evidence that was not shown.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error(transparent)]
    Evidence(#[from] NoEvidence),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// A piece, and what it says if it can be read.
type Shown = (Piece, Result<Vec<Facts>, Refused>);

impl ShowArgs {
    pub(super) fn execute(&self) -> ExitCode {
        match self.show() {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn show(&self) -> Result<u8, ShowError> {
        let mut shown: Vec<Shown> = Vec::new();
        for file in &self.files {
            let pieces = form::read(file, self.platform)?;
            shown.extend(pieces.into_iter().map(|piece| {
                let facts = describe(&piece);
                (piece, facts)
            }));
        }
        exit::print(|out| if self.json { write_json(&shown, out) } else { write_text(&shown, out) })?;
        let all = shown.iter().all(|(_, facts)| facts.is_ok());
        Ok(if all { 0 } else { exit::REFUSED })
    }
}

fn write_json(shown: &[Shown], out: &mut dyn Write) -> Result<(), ShowError> {
    let one = |(piece, facts): &Shown| {
        let mut value = head(piece);
        match facts {
            Ok(facts) => {
                value["fields"] = fields(facts);
                value["not_checked"] = json!(not_checked(piece.platform));
            }
            Err(refused) => value["malformed"] = json!(refused.to_string()),
        }
        value
    };
    let all: Vec<Value> = shown.iter().map(one).collect();
    Ok(writeln!(out, "{:#}", json!({ "evidence": all }))?)
}

/// What stands in front of everything that is said of a piece.
pub(super) fn head(piece: &Piece) -> Value {
    let mut value = json!({ "file": piece.origin, "platform": piece.platform.key() });
    if let Some(node) = piece.node {
        value["node_id"] = json!(node);
    }
    value
}

/// Structure by structure.
pub(super) fn fields(facts: &[Facts]) -> Value {
    let fields = facts.iter().map(|facts| (facts.key().to_owned(), facts.to_json()));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn write_text(shown: &[Shown], out: &mut dyn Write) -> Result<(), ShowError> {
    for (at, (piece, facts)) in shown.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write!(out, "{}: evidence of {}", piece.origin, piece.platform.name())?;
        match piece.node {
            Some(node) => writeln!(out, ", of node {node}")?,
            None => writeln!(out)?,
        }
        match facts {
            Ok(facts) => {
                for facts in facts {
                    writeln!(out)?;
                    facts.write(out)?;
                }
                writeln!(out, "\nNOT CHECKED")?;
                for line in not_checked(piece.platform) {
                    writeln!(out, "  - {line}")?;
                }
            }
            Err(refused) => writeln!(out, "MALFORMED: {refused}.")?,
        }
    }
    Ok(())
}

/// What has not been looked at.
fn not_checked(platform: Platform) -> Vec<&'static str> {
    let signed = match platform {
        Platform::Virtual => {
            "who wrote it: nobody signs evidence of this platform, so that it proves nothing"
        }
        Platform::SevSnp => "that a processor of AMD signed it, and that the key is that of the chip",
        Platform::Sgx | Platform::Tdx => "that a machine of Intel signed it, and what its versions are worth",
        Platform::Tpm => "that a TPM signed it, and that the values of PCRs are the quoted ones",
        Platform::AzureCvm => {
            "that hardware signed it, and that it names the TPM whose quote stands beside it"
        }
        Platform::Vbs => "that a secure kernel signed it, and how Windows was started",
        Platform::Nitro => "that a hypervisor of AWS signed it",
        Platform::EventLog => "that it leads to the values of PCRs which a TPM quoted",
    };
    vec![
        signed,
        "that it is fresh, and made for the key of the node or the nonce that you think of",
        "that what was measured is what you think of",
    ]
}
