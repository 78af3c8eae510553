//! Rows that decisions rest on, as far as those need them: rows of all versions of CCF can be read.

use coco_crypto::Certificate;
use coco_kv::Reader;
use coco_tables::{
    Tables,
    nodes::{NodeStatus, QuoteInfo},
    service::ServiceStatus,
};
use coco_wire::{
    Digest, Key, TableName, Value as Row, WriteSet,
    domain::Change,
    signature::SINGLETON_KEY,
    snapshot::{SnapshotError, TablePart, TableReader},
    writes::Domain,
};
use serde::Deserialize;
use serde_json::Value;

/// Names of the tables of nodes, and of what members require of them, begin so.
const NODES: [&str; 2] = ["public:ccf.gov.nodes.", "public:coco.gov.nodes."];
const PROPOSALS: &str = "public:ccf.gov.proposals_info";

/// A row of `nodes.info`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    pub(super) status: NodeStatus,
    #[serde(default)]
    quote_info: Value,
    #[serde(default)]
    pub(super) code_digest: Option<String>,
}

impl Node {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Its evidence, if that has a form that this program knows.
    pub(super) fn quote(&self) -> Option<QuoteInfo> {
        QuoteInfo::deserialize(&self.quote_info).ok()
    }

    pub(super) fn same_evidence(&self, other: &Self) -> bool {
        self.quote_info == other.quote_info
    }

    /// What the platform is called.
    pub(super) fn platform(&self) -> String {
        platform(self.quote_info.get("format").and_then(Value::as_str).unwrap_or("an unknown platform"))
    }
}

/// The platform of a format of quotes.
pub(super) fn platform(format: &str) -> String {
    let known = coco_attest::Platform::from_quote_format(format);
    known.map_or_else(|| format.to_owned(), |platform| platform.name().to_owned())
}

/// The service of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// Digest of its key.
    pub(super) identity: Digest,
    pub(super) status: ServiceStatus,
}

impl Service {
    pub(super) fn read(tables: &Tables, state: &impl Reader) -> Option<Self> {
        #[derive(Deserialize)]
        struct Info {
            cert: String,
            status: ServiceStatus,
        }
        let row = state.get(tables.service.info.name(), &SINGLETON_KEY)?;
        let Info { cert, status } = serde_json::from_slice(&row).ok()?;
        let identity = Certificate::from_pem(&cert).ok()?.public_key().as_ec()?.id();
        Some(Self { identity, status })
    }
}

/// Whether a table is to be kept.
pub(super) fn matters(tables: &Tables, table: &str) -> bool {
    NODES.iter().any(|prefix| table.starts_with(prefix)) || table == tables.service.info.name().as_str()
}

/// The rows of a snapshot that are to be kept.
///
/// # Errors
/// On anything but tables.
pub(super) fn of_snapshot(tables: &Tables, public_tables: &[u8]) -> Result<WriteSet, SnapshotError> {
    let mut writes = WriteSet::default();
    let mut current = None;
    let mut reader = TableReader::new(Domain::Public);
    reader.push(public_tables, |part| {
        match part {
            TablePart::Table { name, .. } => {
                current = matters(tables, name).then(|| TableName::new(name));
            }
            TablePart::Row { key, value, .. } => {
                if let Some(table) = &current {
                    writes.table_mut(table).insert(Key::new(key), Some(Row::new(value)));
                }
            }
        }
        Ok::<(), SnapshotError>(())
    })?;
    reader.finish()?;
    Ok(writes)
}

/// The name of a table in which members say whom they let in, without what all names begin with.
pub(super) fn policy<'a>(tables: &Tables, table: &'a str) -> Option<&'a str> {
    let nodes = &tables.nodes;
    let others = [nodes.info.name(), nodes.endorsed_certificates.name(), nodes.appraisals.name()];
    let name = NODES.iter().find_map(|prefix| table.strip_prefix(prefix))?;
    (!others.iter().any(|other| other.as_str() == table)).then_some(name)
}

/// The proposal that was accepted by this change.
pub(super) fn accepted(change: &Change<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Info {
        state: String,
    }
    if change.table != PROPOSALS {
        return None;
    }
    let info: Info = serde_json::from_slice(change.value?).ok()?;
    (info.state == "Accepted").then(|| String::from_utf8_lossy(change.key).into_owned())
}
