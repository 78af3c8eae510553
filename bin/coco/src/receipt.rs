//! `coco receipt`: looks at receipts offline.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};
use coco_audit::receipt::{Proven, ProvenTransaction, Refusal, verify_cose, verify_json};
use coco_crypto::{Certificate, hash::sha256, x509::InvalidCertificate};
use coco_wire::{Digest, TxId};
use serde_json::{Value, json};

use crate::{
    exit,
    input::{self, Unreadable},
};

const EXAMPLES: &str = "\
Examples:
  coco receipt verify receipt.json --service-cert service_cert.pem
  coco receipt verify receipt.cose --service-cert service_cert.pem --claims claims.bin
  curl ... | coco receipt verify - --service-cert service_cert.pem --transaction 2.14

A receipt proves that the service committed one transaction: the digest of what it wrote and the
digest of what the application claims of it. JSON and COSE receipts are told apart by themselves.
Exit status: 0 valid, 1 not valid or not what was asked for, 2 files cannot be read.";

/// Largest receipt, in bytes.
const MAX_LEN: u64 = 16 << 20;

/// Look at receipts offline.
#[derive(Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Verify a receipt against the certificate of its service
    Verify(VerifyArgs),
}

impl ReceiptCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        let Self::Verify(args) = self;
        args.execute()
    }
}

/// Verify a receipt.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The receipt; - reads standard input
    file: PathBuf,
    /// PEM certificate of the service
    #[arg(long, value_name = "FILE")]
    service_cert: PathBuf,
    /// Refuse a receipt for another transaction
    #[arg(long, value_name = "TXID")]
    transaction: Option<TxId>,
    /// What the application claims: refuse a receipt with another digest than that of this file
    #[arg(long, value_name = "FILE", conflicts_with = "claims_digest")]
    claims: Option<PathBuf>,
    /// Refuse a receipt with another claims digest, in hexadecimal
    #[arg(long, value_name = "SHA256")]
    claims_digest: Option<Digest>,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// Form of a receipt.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Cose,
}

/// Why a receipt is refused.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    #[error(transparent)]
    Invalid(#[from] Refusal),
    #[error("it is for another transaction than {0}")]
    Transaction(TxId),
    #[error("its claims digest is not {0}")]
    Claims(Digest),
}

/// A receipt that was not verified.
#[derive(Debug, thiserror::Error)]
enum ReceiptError {
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error("{}: {error}", .path.display())]
    Certificate { path: PathBuf, error: InvalidCertificate },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl VerifyArgs {
    fn execute(&self) -> ExitCode {
        match self.read_and_verify() {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn read_and_verify(&self) -> Result<u8, ReceiptError> {
        let receipt = input::read(&self.file, MAX_LEN)?;
        let pem = input::read(&self.service_cert, MAX_LEN)?;
        let service = Certificate::from_pem(&String::from_utf8_lossy(&pem))
            .map_err(|error| ReceiptError::Certificate { path: self.service_cert.clone(), error })?;
        let claims = match &self.claims {
            Some(path) => Some(sha256(&input::read(path, MAX_LEN)?)),
            None => self.claims_digest,
        };
        let format = if receipt.first() == Some(&b'{') { Format::Json } else { Format::Cose };
        let shown = self.verify(&receipt, format, &service, claims);
        exit::print(|out| match &shown {
            Ok(proven) if self.json => writeln!(out, "{:#}", valid_json(proven, format)),
            Ok(proven) => write_valid(proven, format, out),
            Err(why) if self.json => {
                writeln!(out, "{:#}", json!({ "valid": false, "reason": why.to_string() }))
            }
            Err(why) => writeln!(out, "NOT VALID: {why}."),
        })?;
        Ok(if shown.is_ok() { 0 } else { exit::REFUSED })
    }

    fn verify(
        &self,
        receipt: &[u8],
        format: Format,
        service: &Certificate,
        claims: Option<Digest>,
    ) -> Result<Vec<Proven>, NotShown> {
        let proven = match format {
            Format::Json => vec![verify_json(receipt, service)?],
            Format::Cose => verify_cose(receipt, service)?,
        };
        let all = |fits: &dyn Fn(&ProvenTransaction) -> bool| {
            proven.iter().all(|proven| proven.transaction.as_ref().is_some_and(fits))
        };
        if let Some(id) = self.transaction
            && !all(&|transaction| transaction.id == id)
        {
            return Err(NotShown::Transaction(id));
        }
        if let Some(claims) = claims
            && !all(&|transaction| transaction.claims_digest == Some(claims))
        {
            return Err(NotShown::Claims(claims));
        }
        Ok(proven)
    }
}

fn write_valid(proven: &[Proven], format: Format, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "VALID: the service committed what this receipt describes.")?;
    for proven in proven {
        match &proven.transaction {
            Some(transaction) => {
                writeln!(out, "  transaction       {}", transaction.id)?;
                writeln!(out, "  write set digest  {}", transaction.write_set_digest)?;
                match transaction.claims_digest {
                    Some(claims) if claims != Digest::default() => {
                        writeln!(out, "  claims digest     {claims}")?;
                    }
                    _ => writeln!(out, "  claims            none")?,
                }
            }
            None => writeln!(out, "  transaction       not named: the receipt of a signature")?,
        }
        let signer = match format {
            Format::Json => "node",
            Format::Cose => "service",
        };
        writeln!(out, "  signed by {signer:<7} {}", proven.signer)?;
        writeln!(out, "  Merkle root       {}", proven.root)?;
    }
    Ok(())
}

fn valid_json(proven: &[Proven], format: Format) -> Value {
    let proof = |proven: &Proven| {
        let transaction = proven.transaction.as_ref();
        json!({
            "transaction_id": transaction.map(|transaction| transaction.id),
            "write_set_digest": transaction.map(|transaction| transaction.write_set_digest),
            "claims_digest": transaction.and_then(|transaction| transaction.claims_digest),
            "root": proven.root,
            "signer": proven.signer,
        })
    };
    let format = match format {
        Format::Json => "JSON",
        Format::Cose => "COSE",
    };
    json!({ "valid": true, "format": format, "proofs": proven.iter().map(proof).collect::<Vec<_>>() })
}
