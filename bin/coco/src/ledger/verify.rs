//! `coco ledger verify`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use coco_audit::{Coverage, Damage, Report, Tail, Verifier, Weakness};
use coco_crypto::{Certificate, x509::InvalidCertificate};
use coco_wire::TxId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Source, SourceError, read};
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  coco ledger verify ledger/
  coco ledger verify ledger/ backup/ --service-cert service_cert.pem
  coco ledger verify ledger/ --at-least 2.1043

Exit status: 0 verified to its end; 3 verified, but an unsigned or torn tail follows;
1 damaged, of another service, or shorter than asked; 2 files cannot be read.";

/// Verify a ledger.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    source: Source,
    /// Refuse a ledger that does not hold this transaction, such as 2.1043, under a verified signature
    #[arg(long, value_name = "TXID")]
    at_least: Option<TxId>,
    /// Refuse a ledger that does not end with the service of this certificate
    #[arg(long, value_name = "FILE")]
    service_cert: Option<PathBuf>,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// What was found, from best to worst.
enum Verdict {
    Verified(Report),
    Tail(Report),
    TooShort { report: Report, wanted: TxId, coverage: Coverage },
    OtherService(Report),
    Damaged { damage: Damage, verified: TxId },
}

/// A ledger that was not verified.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{}: {error}", .path.display())]
    Certificate { path: PathBuf, error: InvalidCertificate },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl VerifyArgs {
    pub(super) fn execute(&self) -> ExitCode {
        match self.verify().and_then(|verdict| self.tell(&verdict)) {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn verify(&self) -> Result<Verdict, VerifyError> {
        let service = self.service()?;
        let files = match self.source.files() {
            Err(SourceError::Name(damage)) => {
                return Ok(Verdict::Damaged { damage, verified: TxId::default() });
            }
            files => files?,
        };
        let bar = progress_bar(files.iter().map(|file| file.len).sum());
        let mut verifier = Verifier::new();
        for file in &files {
            let bytes = read(&file.path)?;
            if let Err(damage) = verifier.chunk(&file.name, &bytes) {
                bar.finish_and_clear();
                return Ok(Verdict::Damaged { damage, verified: verifier.progress().last_verified });
            }
            bar.inc(file.len);
        }
        bar.finish_and_clear();
        let verified = verifier.progress().last_verified;
        Ok(match verifier.finish() {
            Ok(report) => self.judge(report, service.as_ref()),
            Err(damage) => Verdict::Damaged { damage, verified },
        })
    }

    fn service(&self) -> Result<Option<Certificate>, VerifyError> {
        let Some(path) = &self.service_cert else { return Ok(None) };
        let certificate = Certificate::from_pem(&String::from_utf8_lossy(&read(path)?));
        let certificate =
            certificate.map_err(|error| VerifyError::Certificate { path: path.clone(), error })?;
        Ok(Some(certificate))
    }

    fn judge(&self, report: Report, service: Option<&Certificate>) -> Verdict {
        let identity = |certificate: &Certificate| certificate.public_key().id();
        if let Some(service) = service
            && report.service.as_ref().map(identity) != Some(identity(service))
        {
            return Verdict::OtherService(report);
        }
        if let Some(wanted) = self.at_least {
            let coverage = report.coverage(wanted);
            if coverage != Coverage::Verified {
                return Verdict::TooShort { report, wanted, coverage };
            }
        }
        if report.tail == Tail::None { Verdict::Verified(report) } else { Verdict::Tail(report) }
    }

    fn tell(&self, verdict: &Verdict) -> Result<u8, VerifyError> {
        exit::print(
            |out| {
                if self.json { writeln!(out, "{:#}", verdict.to_json()) } else { verdict.write(out) }
            },
        )?;
        Ok(verdict.status())
    }
}

/// Draws on a terminal only.
fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.expect("the template is well-formed"))
}

impl Verdict {
    fn status(&self) -> u8 {
        match self {
            Self::Verified(_) => 0,
            Self::Tail(_) => exit::TAIL,
            Self::TooShort { .. } | Self::OtherService(_) | Self::Damaged { .. } => exit::REFUSED,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Tail(_) => "verified_with_tail",
            Self::TooShort { .. } => "too_short",
            Self::OtherService(_) => "other_service",
            Self::Damaged { .. } => "damaged",
        }
    }

    fn report(&self) -> Option<&Report> {
        match self {
            Self::Verified(report) | Self::Tail(report) | Self::OtherService(report) => Some(report),
            Self::TooShort { report, .. } => Some(report),
            Self::Damaged { .. } => None,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Verified(report) => {
                writeln!(out, "Verified to {}, the end of the ledger.", report.last_verified)?;
            }
            Self::Tail(report) => writeln!(out, "Verified to {}.", report.last_verified)?,
            Self::TooShort { report, wanted, coverage } => {
                let why = match coverage {
                    Coverage::OtherView(view) => format!("in its place is {view}.{}", wanted.seqno),
                    Coverage::Beyond | Coverage::Verified => format!("verified to {}", report.last_verified),
                };
                writeln!(out, "REFUSED: the ledger does not hold {wanted}: {why}.")?;
            }
            Self::OtherService(_) => {
                writeln!(out, "REFUSED: the ledger does not end with the service of the certificate.")?;
            }
            Self::Damaged { damage, verified } => {
                write!(out, "DAMAGED: {} at offset {}", damage.file, damage.offset)?;
                if let Some(seqno) = damage.seqno {
                    write!(out, ", entry {seqno}")?;
                }
                writeln!(out, ": {}.", damage.reason)?;
                writeln!(out, "Before it, the last verified signature is {verified}.")?;
            }
        }
        self.report().map_or(Ok(()), |report| write_report(report, out))
    }

    fn to_json(&self) -> Value {
        let mut value = json!({ "result": self.name() });
        if let Some(report) = self.report() {
            value["report"] = report_json(report);
        }
        match self {
            Self::TooShort { wanted, .. } => value["wanted"] = json!(wanted),
            Self::Damaged { damage, verified } => {
                value["verified_to"] = json!(verified);
                value["damage"] = json!({
                    "file": damage.file,
                    "offset": damage.offset,
                    "seqno": damage.seqno,
                    "reason": damage.reason.to_string(),
                });
            }
            Self::Verified(_) | Self::Tail(_) | Self::OtherService(_) => {}
        }
        value
    }
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    match &report.tail {
        Tail::None => {}
        Tail::Unsigned { entries } => {
            writeln!(
                out,
                "  tail        {entries} entries that no signature covers, to {}",
                report.last_entry
            )?;
        }
        Tail::Torn { file, offset, entries } => {
            writeln!(
                out,
                "  tail        {entries} entries that no signature covers, to {}",
                report.last_entry
            )?;
            writeln!(out, "              and an incomplete one in {file} at offset {offset}")?;
        }
    }
    writeln!(out, "  entries     {} ({} bytes in {} files)", report.entries, report.bytes, report.chunks)?;
    writeln!(
        out,
        "  signatures  {} ({} by nodes, {} by the service)",
        report.signatures, report.node_signatures, report.service_signatures
    )?;
    for epoch in &report.services {
        writeln!(out, "  service     {} since {}", epoch.identity, epoch.from)?;
    }
    if let Some(status) = report.status {
        writeln!(out, "  status      {status:?}")?;
    }
    for (weakness, span) in &report.weaknesses {
        let (count, first, last) = (span.count, span.first, span.last);
        writeln!(out, "  not proven  {}: {count} transactions from {first} to {last}", describe(*weakness))?;
    }
    Ok(())
}

fn describe(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::NoServiceSignature => "signed by a node only",
        Weakness::NoNodeSignature => "signed by the service only",
        Weakness::NoEmbeddedCertificate => "signature without certificate (CCF 1.x)",
        Weakness::NoCommitEvidence => "no commit evidence (CCF 1.x)",
        Weakness::NoClaims => "no claims",
    }
}

fn report_json(report: &Report) -> Value {
    let tail = match &report.tail {
        Tail::None => Value::Null,
        Tail::Unsigned { entries } => json!({ "unsigned_entries": entries }),
        Tail::Torn { file, offset, entries } => {
            json!({ "unsigned_entries": entries, "torn": { "file": file, "offset": offset } })
        }
    };
    let service = |epoch: &coco_audit::ServiceEpoch| json!({ "id": epoch.identity, "since": epoch.from });
    let weakness = |(weakness, span): (&Weakness, &coco_audit::report::Span)| {
        let (count, first, last) = (span.count, span.first, span.last);
        json!({ "what": describe(*weakness), "count": count, "first": first, "last": last })
    };
    json!({
        "verified_to": report.last_verified,
        "last_entry": report.last_entry,
        "tail": tail,
        "files": report.chunks,
        "entries": report.entries,
        "bytes": report.bytes,
        "signatures": report.signatures,
        "node_signatures": report.node_signatures,
        "service_signatures": report.service_signatures,
        "services": report.services.iter().map(service).collect::<Vec<_>>(),
        "status": report.status.map(|status| format!("{status:?}")),
        "not_proven": report.weaknesses.iter().map(weakness).collect::<Vec<_>>(),
    })
}
