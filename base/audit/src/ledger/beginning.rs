//! Verification that begins behind a snapshot, where the files before it are not there.

use coco_crypto::Certificate;
use coco_wire::{
    Seqno, TxId, View,
    signature::{SINGLETON_KEY, TREE},
    snapshot::{SnapshotError, SnapshotFile, SnapshotHeader, TablePart, TableReader},
    tree::{SerialisedTree, TreeError},
    writes::Domain,
};

use super::Verifier;
use crate::{
    damage::{NodeDamage, ServiceDamage},
    entry::{NODES_CERTIFICATES, NODES_INFO, Row, SERVICE_INFO},
    merkle::Frontier,
    nodes::Nodes,
    report::{Report, ServiceEpoch},
    service::Service,
    snapshot::{SnapshotRefusal, verify},
};

/// Why verification cannot begin behind a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginningRefusal {
    /// It proves nothing.
    #[error(transparent)]
    Snapshot(#[from] SnapshotRefusal),
    /// The service in it.
    #[error("service: {0}")]
    Service(#[from] ServiceDamage),
    /// A node in it.
    #[error("node: {0}")]
    Node(#[from] NodeDamage),
    /// The stored tree does not decode.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// It does not end with a signature whose tree covers everything before.
    #[error("the snapshot does not end with a signature")]
    NotASignature,
}

impl From<SnapshotError> for BeginningRefusal {
    fn from(error: SnapshotError) -> Self {
        SnapshotRefusal::from(error).into()
    }
}

/// Rows of the tables that a verifier needs, owned.
#[derive(Default)]
struct Tables {
    service: Vec<OwnedRow>,
    nodes: Vec<OwnedRow>,
    certificates: Vec<OwnedRow>,
    tree: Vec<OwnedRow>,
}

type OwnedRow = (Vec<u8>, Vec<u8>);

impl Verifier {
    /// Behind the last transaction of a snapshot that `service` recorded: the next file begins there. Of what was before,
    /// nothing is verified but the tree, and which nodes may sign is taken from the tables inside.
    ///
    /// # Errors
    /// If the snapshot is not proved, or is none that nodes begin with.
    pub fn behind(snapshot: &[u8], service: &Certificate) -> Result<Self, BeginningRefusal> {
        verify(snapshot, service)?;
        let SnapshotFile { header, public_tables, .. } = SnapshotFile::decode(snapshot)?;
        let tables = Tables::read(public_tables)?;
        let id = header.tx_id();
        let (service, created) = Service::of_snapshot(&borrowed(&tables.service))?;
        let certificate = service.certificate().ok_or(ServiceDamage::Row)?;
        let nodes =
            Nodes::of_snapshot(&borrowed(&tables.nodes), &borrowed(&tables.certificates), certificate)?;
        let epoch = ServiceEpoch { identity: certificate.public_key().id(), from: created.unwrap_or(id) };
        let report = Report {
            last_verified: id,
            last_entry: id,
            services: vec![epoch],
            views: views(&header),
            ..Report::empty()
        };
        Ok(Self { report, tree: tree(&header, &tables.tree)?, nodes, service, ..Self::new() })
    }
}

impl Tables {
    fn read(public: &[u8]) -> Result<Self, SnapshotError> {
        let mut tables = Self::default();
        let mut current = String::new();
        let mut reader = TableReader::new(Domain::Public);
        reader.push(public, |part| {
            match part {
                TablePart::Table { name, .. } => name.clone_into(&mut current),
                TablePart::Row { key, value, .. } => {
                    let rows = match current.as_str() {
                        SERVICE_INFO => &mut tables.service,
                        NODES_INFO => &mut tables.nodes,
                        NODES_CERTIFICATES => &mut tables.certificates,
                        TREE => &mut tables.tree,
                        _ => return Ok(()),
                    };
                    rows.push((key.to_vec(), value.to_vec()));
                }
            }
            Ok::<(), SnapshotError>(())
        })?;
        reader.finish()?;
        Ok(tables)
    }
}

fn borrowed(rows: &[OwnedRow]) -> Vec<Row<'_>> {
    rows.iter().map(|(key, value)| (key.as_slice(), Some(value.as_slice()))).collect()
}

/// The tree of all transactions inside: the stored one covers those before the last, which is the signature that stored it.
fn tree(header: &SnapshotHeader, rows: &[OwnedRow]) -> Result<Frontier, BeginningRefusal> {
    let [(key, value)] = rows else { return Err(BeginningRefusal::NotASignature) };
    let stored = SerialisedTree::decode(value)?;
    let leaves = stored.flushed().checked_add(stored.leaves().len() as u64);
    if key.as_slice() != SINGLETON_KEY || leaves != Some(header.seqno.0) {
        return Err(BeginningRefusal::NotASignature);
    }
    let mut tree = Frontier::of_serialised(&stored);
    tree.append(header.leaf);
    Ok(tree)
}

/// Views that have transactions, and where they start.
fn views(header: &SnapshotHeader) -> Vec<(View, Seqno)> {
    let mut views: Vec<(View, Seqno)> = Vec::new();
    for (view, start) in (1..).map(View).zip(header.view_history.iter().copied()) {
        // A view without transactions starts where the next one does.
        views.pop_if(|(_, last)| *last == start);
        views.push((view, start));
    }
    let TxId { seqno, .. } = header.tx_id();
    views.retain(|(_, start)| *start <= seqno);
    views
}
