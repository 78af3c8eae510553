//! `coco ledger show`.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use coco_wire::{
    Seqno,
    chunk::{Chunk, ChunkDamage, ChunkError, ChunkName, ChunkPhase},
    domain::{Commitments, DomainError, KeyOrder, PublicHeader, visit_public},
    entry::Entry,
    text::encode_hex,
};
use serde_json::{Value, json};

use super::{LedgerFile, Source, SourceError, read};
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  coco ledger show ledger/
  coco ledger show ledger/ --from 10 --to 20
  coco ledger show ledger/ --table public:ccf.gov.proposals
  coco ledger show ledger/ --json | jq .seqno

Nothing is verified: see coco ledger verify. Private tables are encrypted; only their size is shown.
With --json there is one object a line.
Exit status: 0 done, 1 a file is damaged, 2 files cannot be read.";

/// List entries of a ledger.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    source: Source,
    /// Only tables whose names begin so, and only entries that changed one of them
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// First entry
    #[arg(long, value_name = "SEQNO", default_value = "1")]
    from: u64,
    /// Last entry
    #[arg(long, value_name = "SEQNO")]
    to: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Entries that cannot be listed.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{file} at offset {}: {}", .error.offset, .error.reason)]
    Chunk { file: String, error: ChunkError },
    #[error("{file} at offset {offset}: {error}")]
    Entry { file: String, offset: u64, error: DomainError },
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// What a row was changed to.
struct Row<'a> {
    key: &'a [u8],
    /// None when it was removed.
    value: Option<&'a [u8]>,
}

/// An entry, taken apart.
struct Shown<'a> {
    entry: Entry<'a>,
    header: PublicHeader,
    tables: BTreeMap<&'a str, Vec<Row<'a>>>,
}

impl ShowArgs {
    pub(super) fn execute(&self) -> ExitCode {
        match exit::print(|out| self.show(out)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error @ (ShowError::Source(_) | ShowError::Output(_))) => exit::failed(error),
            Err(error) => {
                exit::failed(error);
                ExitCode::from(exit::REFUSED)
            }
        }
    }

    fn show(&self, out: &mut dyn Write) -> Result<(), ShowError> {
        for file in self.source.files()? {
            if self.may_hold(&file) {
                self.show_file(&file, out)?;
            }
        }
        Ok(())
    }

    /// Whether a file of this name may hold entries of the range.
    fn may_hold(&self, file: &LedgerFile) -> bool {
        let Ok(ChunkName { first, phase, .. }) = file.name.parse() else { return true };
        let after = self.to.is_some_and(|to| first.0 > to);
        let before = matches!(phase, ChunkPhase::Committed { last: Seqno(last) } if last < self.from);
        !after && !before
    }

    fn show_file(&self, file: &LedgerFile, out: &mut dyn Write) -> Result<(), ShowError> {
        let bytes = read(&file.path)?;
        let damaged = |error| ShowError::Chunk { file: file.name.clone(), error };
        for item in Chunk::decode(&bytes).map_err(damaged)?.entries() {
            let (offset, entry) = match item {
                Err(ChunkError { reason: ChunkDamage::Torn, .. }) => return Ok(()),
                item => item.map_err(damaged)?,
            };
            let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
            let header = visit_public(entry.public_domain(), KeyOrder::Any, |change| {
                if self.table.as_ref().is_none_or(|table| change.table.starts_with(table)) {
                    tables
                        .entry(change.table)
                        .or_default()
                        .push(Row { key: change.key, value: change.value });
                }
            });
            let header =
                header.map_err(|error| ShowError::Entry { file: file.name.clone(), offset, error })?;
            let seqno = header.seqno.0;
            let in_range = seqno >= self.from && self.to.is_none_or(|to| seqno <= to);
            if !in_range || (self.table.is_some() && tables.is_empty()) {
                continue;
            }
            let shown = Shown { entry, header, tables };
            if self.json { writeln!(out, "{}", shown.to_json())? } else { shown.write(out)? }
        }
        Ok(())
    }
}

impl Shown<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let private = self.entry.private_domain().len();
        write!(out, "{}  {} bytes", self.entry.iv().tx_id(), self.entry.bytes().len())?;
        if private > 0 {
            write!(out, ", {private} of them private")?;
        }
        writeln!(out)?;
        for (table, rows) in &self.tables {
            writeln!(out, "  {table}")?;
            for row in rows {
                if !is_only_key(row.key) {
                    writeln!(out, "    {}", Text(row.key))?;
                }
                match row.value {
                    None => writeln!(out, "      removed")?,
                    Some(value) => {
                        for line in pretty(value).lines() {
                            writeln!(out, "      {line}")?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let id = self.entry.iv().tx_id();
        let (claims, evidence) = match self.header.commitments {
            Commitments::None => (None, None),
            Commitments::Claims(claims) => (Some(claims), None),
            Commitments::Evidence(evidence) => (None, Some(evidence)),
            Commitments::EvidenceAndClaims { evidence, claims } => (Some(claims), Some(evidence)),
        };
        let row = |row: &Row<'_>| match row.value {
            None => json!({ "key": bytes_json(row.key), "removed": true }),
            Some(value) => json!({ "key": bytes_json(row.key), "value": value_json(value) }),
        };
        let tables: BTreeMap<_, Vec<_>> =
            self.tables.iter().map(|(table, rows)| (table, rows.iter().map(row).collect())).collect();
        json!({
            "view": id.view,
            "seqno": id.seqno,
            "size": self.entry.bytes().len(),
            "private_size": self.entry.private_domain().len(),
            "claims_digest": claims,
            "commit_evidence_digest": evidence,
            "tables": tables,
        })
    }
}

/// Key of a table that has one row: eight zero bytes.
fn is_only_key(key: &[u8]) -> bool {
    key == coco_wire::signature::SINGLETON_KEY
}

/// Text as it is, other bytes in hexadecimal.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match printable(self.0) {
            Some(text) => f.write_str(text),
            None => write!(f, "0x{}", encode_hex(self.0)),
        }
    }
}

/// The text that bytes are, if a terminal shows it without harm.
fn printable(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t').then_some(text)
}

/// JSON indented, a JSON text without its escapes, other values as [`Text`].
fn pretty(value: &[u8]) -> String {
    match serde_json::from_slice(value) {
        Ok(Value::String(text)) => Text(text.as_bytes()).to_string(),
        Ok(json) => format!("{json:#}"),
        Err(_) => Text(value).to_string(),
    }
}

fn value_json(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|_| bytes_json(value))
}

fn bytes_json(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => json!(text),
        _ => json!({ "hex": encode_hex(bytes) }),
    }
}

#[cfg(test)]
mod tests;
