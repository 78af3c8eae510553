//! `coco attest verify`.

mod asked;
mod azure_cvm;
mod dcap;
mod insecure_virtual;
mod nitro;
mod refused;
mod sev_snp;
mod tpm;
mod vbs;
mod verdict;

use std::{io, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{
    form::{self, NoEvidence},
    piece::{Piece, Platform},
};
use crate::{exit, input::Unreadable};
use asked::{Hex, Misuse};
use verdict::Verdict;

pub(super) use asked::{Asked, WantedArgs};
pub(super) use refused::Refused;
pub(super) use sev_snp::roots as sev_snp_roots;
pub(super) use verdict::{NotShown, Outcome};

const EXAMPLES: &str = "\
Examples:
  curl -s --cacert service_cert.pem https://127.0.0.1:8000/node/attestations | coco attest verify -
  coco attest verify report.bin --endorsements vcek.der --endorsements ask_ark.pem \\
    --measurement 3e3e... --host-data 4040... --minimum-tcb db18000000000104
  coco attest verify quote.dat --collateral collateral.json --accept SWHardeningNeeded
  coco attest verify document.cose --at 2026-11-30T12:00:00Z --register 8=5ef0...
  coco attest verify evidence.json --nonce 6368616c --key ak.pem

What was not asked for is named as not checked. Which options go with which evidence, and what --accept
takes, is in the chapter `Attestation` of the book.
Exit status: 0 verified, and all that was asked for holds; 1 refused, and why; 2 wrong arguments, files
cannot be read or have no known evidence.";

/// Verify evidence.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// Evidence; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are meant to be
    #[arg(long, value_enum)]
    platform: Option<Platform>,
    #[command(flatten)]
    wanted: WantedArgs,
    /// What it must be bound to; zeros follow. Evidence of a node must be bound to its key without this
    #[arg(long, value_name = "HEX")]
    report_data: Option<Hex>,
    /// What it must answer
    #[arg(long, value_name = "HEX")]
    nonce: Option<Hex>,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// Evidence that was not judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerifyError {
    #[error(transparent)]
    Evidence(#[from] NoEvidence),
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error(transparent)]
    Misuse(#[from] Misuse),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl VerifyArgs {
    pub(super) fn execute(&self) -> ExitCode {
        match self.verify() {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn verify(&self) -> Result<u8, VerifyError> {
        let asked = self.asked()?;
        let mut outcomes = Vec::new();
        for file in &self.files {
            for piece in form::read(file, self.platform)? {
                let found = match judge(&piece, &asked) {
                    Ok(verdict) => Ok(verdict),
                    Err(NotShown::Refused(refused)) => Err(*refused),
                    Err(NotShown::Misuse(misuse)) => return Err(misuse.into()),
                };
                outcomes.push(Outcome { piece, found });
            }
        }
        self.tell(&asked, &outcomes)?;
        let all = !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.found.is_ok());
        Ok(if all { 0 } else { exit::REFUSED })
    }

    fn asked(&self) -> Result<Asked, VerifyError> {
        Ok(Asked {
            report_data: self.report_data.as_ref().map(|hex| hex.0.clone()),
            nonce: self.nonce.as_ref().map(|hex| hex.0.clone()),
            ..Asked::of(&self.wanted)?
        })
    }

    fn tell(&self, asked: &Asked, outcomes: &[Outcome]) -> Result<(), VerifyError> {
        exit::print(|out| {
            if self.json {
                let all: Vec<_> = outcomes.iter().map(Outcome::to_json).collect();
                writeln!(out, "{:#}", json!({ "at": asked.now.to_string(), "evidence": all }))?;
                return Ok(());
            }
            if outcomes.is_empty() {
                writeln!(out, "NOTHING VERIFIED: there is no evidence.")?;
            }
            for (at, outcome) in outcomes.iter().enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                outcome.write(asked.now, out)?;
            }
            Ok(())
        })
    }
}

/// What comes of a piece of evidence by the rules of its platform.
pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    match piece.platform {
        Platform::Virtual => insecure_virtual::judge(piece, asked),
        Platform::SevSnp => sev_snp::judge(piece, asked),
        Platform::Sgx => dcap::judge_sgx(piece, asked),
        Platform::Tdx => dcap::judge_tdx(piece, asked),
        Platform::Tpm => tpm::judge(piece, asked),
        Platform::AzureCvm => azure_cvm::judge(piece, asked),
        Platform::Vbs => vbs::judge(piece, asked),
        Platform::Nitro => nitro::judge(piece, asked),
        Platform::EventLog => Err(Misuse::LogAlone.into()),
    }
}

#[cfg(test)]
mod tests;
