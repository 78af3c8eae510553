//! `coco attest audit`: every decision to let a node in, made again from the ledger alone.

mod event;
mod examine;
mod fault;
mod replay;
mod rows;
mod told;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use coco_audit::{BeginningRefusal, Damage, Report, Verifier};
use coco_crypto::{Certificate, x509::UnixTime};
use coco_wire::{
    Seqno, TxId,
    chunk::{Chunk, ChunkName, ChunkPhase, HEADER_LEN},
    domain::{KeyOrder, visit_public},
    snapshot::SnapshotFile,
};

use crate::{
    exit,
    input::{self, Unreadable},
    ledger::{Source, SourceError, read},
};
use event::Event;
use examine::Examiner;
use replay::Replay;
use told::{Count, Ending, Told};

const EXAMPLES: &str = "\
Examples:
  coco attest audit ledger/
  coco attest audit ledger/ --service-cert service_cert.pem
  coco attest audit ledger/ --snapshot snapshots/snapshot_61_62.committed --service-cert service_cert.pem
  coco attest audit ledger/ --json | jq 'select(.holds == false)'

The ledger is verified as by coco ledger verify. Evidence of each node is then judged again: at the
time that the ledger names, by the tables as they were. Nothing but the files is asked.
With --json there is one object a line; the last is the result.
Exit status: 0 all decisions hold; 1 one does not, or the ledger is damaged, of another service or not
whole; 2 wrong arguments, or files cannot be read.";

/// Audit who was let in.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    source: Source,
    /// Refuse a ledger that does not end with the service of this certificate
    #[arg(long, alias = "service-certificate", value_name = "FILE")]
    service_cert: Option<PathBuf>,
    /// A snapshot behind which the ledger begins, if it lacks what was before; needs the certificate of the service
    #[arg(long, value_name = "FILE", requires = "service_cert")]
    snapshot: Option<PathBuf>,
    /// Certificate of a root that you trust instead of the makers', for hardware that was never built
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// When evidence is looked at that has no recorded time, such as 2026-11-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// Tell it as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// A ledger that was not audited.
#[derive(Debug, thiserror::Error)]
enum AuditError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Certificate(#[from] Unreadable),
    #[error("{}: {error}", .path.display())]
    Snapshot { path: PathBuf, error: BeginningRefusal },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl AuditArgs {
    pub(super) fn execute(&self) -> ExitCode {
        let mut status = exit::REFUSED;
        let result = exit::print(|out| {
            status = self.audit(out)?;
            Ok::<_, AuditError>(())
        });
        match result {
            Ok(()) => ExitCode::from(status),
            Err(error @ AuditError::Snapshot { .. }) => {
                exit::failed(error);
                ExitCode::from(exit::REFUSED)
            }
            Err(error) => exit::failed(error),
        }
    }

    fn audit(&self, out: &mut dyn Write) -> Result<u8, AuditError> {
        let service = self.service_cert.as_deref().map(certificate).transpose()?;
        let root = self.root.as_deref().map(certificate).transpose()?;
        let mut audit = Audit {
            verifier: Verifier::new(),
            replay: Replay::new(Examiner { root, at: self.at }),
            to: TxId::default(),
            count: Count::default(),
            json: self.json,
        };
        if let Some((path, service)) = self.snapshot.as_deref().zip(service.as_ref()) {
            audit.begin(path, service, out)?;
        }
        let ending = audit.read(&self.source, service.as_ref(), out)?;
        let told = Told { ending, count: audit.count, to: audit.to };
        if self.json {
            writeln!(out, "{}", told.to_json())?;
        } else {
            told.write(out)?;
        }
        Ok(told.status())
    }
}

/// An audit that is under way.
struct Audit {
    verifier: Verifier,
    replay: Replay,
    /// The last transaction that was looked at.
    to: TxId,
    count: Count,
    json: bool,
}

impl Audit {
    /// Begins behind a snapshot, whose nodes are not judged.
    fn begin(&mut self, path: &Path, service: &Certificate, out: &mut dyn Write) -> Result<(), AuditError> {
        let bytes = read(path)?;
        let failed = |error| AuditError::Snapshot { path: path.to_path_buf(), error };
        self.verifier = Verifier::behind(&bytes, service).map_err(failed)?;
        let file = SnapshotFile::decode(&bytes).map_err(|error| failed(error.into()))?;
        let id = self.verifier.progress().last_verified;
        let events = self.replay.begin(id, file.public_tables).map_err(|error| failed(error.into()))?;
        self.to = id;
        self.tell(events, out)
    }

    fn tell(&mut self, events: Vec<Event>, out: &mut dyn Write) -> Result<(), AuditError> {
        for event in events {
            self.count.add(&event);
            if self.json {
                writeln!(out, "{}", event.to_json())?;
            } else {
                event.write(out)?;
            }
        }
        Ok(())
    }

    /// Reads one file after the other. Each is verified, and then looked at as far as signatures cover it.
    fn read(
        &mut self,
        source: &Source,
        service: Option<&Certificate>,
        out: &mut dyn Write,
    ) -> Result<Ending, AuditError> {
        let files = match source.files() {
            Err(SourceError::Name(damage)) => return Ok(Ending::Damaged(damage)),
            files => files?,
        };
        let begun = self.verifier.progress().last_verified.seqno;
        let first = files.first().and_then(|file| file.name.parse::<ChunkName>().ok());
        if let Some(ChunkName { first, .. }) = first.filter(|name| name.first > begun.next()) {
            return Ok(Ending::NoBeginning { begun, first });
        }
        for file in files.iter().filter(|file| !ends_by(&file.name, begun)) {
            let bytes = read(&file.path)?;
            if let Err(damage) = self.verifier.chunk(&file.name, &bytes) {
                return Ok(Ending::Damaged(damage));
            }
            self.look_at(&bytes, out)?;
        }
        let identity = |certificate: &Certificate| certificate.public_key().id();
        Ok(match self.verifier.clone().finish() {
            Err(damage) => Ending::Damaged(damage),
            Ok(report)
                if service.is_some_and(|it| report.service.as_ref().map(identity) != Some(identity(it))) =>
            {
                Ending::OtherService
            }
            Ok(report) => Ending::Whole { unsigned: unsigned(&report) },
        })
    }

    /// The entries of a verified file up to its last signature.
    fn look_at(&mut self, bytes: &[u8], out: &mut dyn Write) -> Result<(), AuditError> {
        let signed = self.verifier.progress().last_verified.seqno;
        if bytes.len() < HEADER_LEN {
            return Ok(());
        }
        let Ok(chunk) = Chunk::decode(bytes) else { return Ok(()) };
        for item in chunk.entries() {
            // What is torn lies behind the last signature.
            let Ok((_, entry)) = item else { break };
            let id = entry.iv().tx_id();
            if id.seqno > signed {
                break;
            }
            let mut changes = Vec::new();
            if visit_public(entry.public_domain(), KeyOrder::Any, |change| changes.push(change)).is_err() {
                break;
            }
            let events = self.replay.transaction(id, &changes);
            self.tell(events, out)?;
            self.to = id;
        }
        Ok(())
    }
}

/// Whether a file ends before or with this entry, by its name.
fn ends_by(name: &str, seqno: Seqno) -> bool {
    let name = name.parse::<ChunkName>().ok();
    name.is_some_and(|name| matches!(name.phase, ChunkPhase::Committed { last } if last <= seqno))
}

fn certificate(path: &Path) -> Result<Certificate, Unreadable> {
    let bytes = input::read(path, input::MAX_BYTES)?;
    let read =
        Certificate::from_der(&bytes).or_else(|_| Certificate::from_pem(&String::from_utf8_lossy(&bytes)));
    read.map_err(|error| Unreadable::content(path, error))
}

/// Entries that no signature covers.
fn unsigned(report: &Report) -> u64 {
    report.last_entry.seqno.0.saturating_sub(report.last_verified.seqno.0)
}
