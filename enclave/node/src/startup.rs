//! Beginning with a snapshot: from its bytes to where store, ledger and consensus go on.

pub mod fetch;

use coco_boundary::FileName;
use coco_crypto::{Certificate, Ecdsa, Scheme};
use coco_kv::{Restore, RestoreError, Store};
use coco_ledger::{
    LedgerSecrets, ResumeError, ResumePoint, SnapshotOpenError, SnapshotOpener, SnapshotSecrets, Tree,
};
use coco_raft::{Base, Configuration};
use coco_tables::{
    Tables,
    nodes::{self, NodeStatus},
};
use coco_wire::{
    Digest, Domain, Seqno, TxId, View as ViewNumber,
    chunk::ChunkPhase,
    snapshot::{SnapshotError, SnapshotHeader, SnapshotTables},
    tree::SerialisedTree,
};

/// Reads a snapshot from pieces, to begin with it: everything in it is checked before any of it is used.
pub struct Opening(SnapshotOpener<Restore>);

/// Reads a snapshot from pieces, to know whether it is one: needs no secrets and keeps no tables.
pub struct Inspection(SnapshotOpener<Ignored>);

/// What a node begins with.
pub struct Beginning {
    pub(crate) kv: Store,
    pub(crate) resume: ResumePoint,
    pub(crate) base: Base,
    /// Root under the signature that the snapshot ends with.
    pub(crate) root: Digest,
}

/// Why a node does not begin with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginningError {
    /// Its bytes.
    #[error(transparent)]
    Open(#[from] SnapshotOpenError<RestoreError>),
    /// Its tables.
    #[error(transparent)]
    Tables(#[from] RestoreError),
    /// No ledger goes on after it.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// It has no signature.
    #[error("the snapshot has no signature")]
    NoSignature,
    /// It does not say which nodes agree, or in which view.
    #[error("the snapshot describes no consensus")]
    Consensus,
}

impl Opening {
    /// At the beginning of the file.
    #[must_use]
    pub fn new(secrets: LedgerSecrets) -> Self {
        Self(SnapshotOpener::new(SnapshotSecrets::Known(secrets), Restore::new()))
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// On anything but a snapshot and its receipt.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), BeginningError> {
        Ok(self.0.push(piece)?)
    }

    /// The whole, if the receipt proves that `service` recorded it. `readable` is the first of the entries before it that
    /// can be read from the ledger files, none missing.
    ///
    /// # Errors
    /// If it is not complete, not proved, or no node can begin with it.
    pub fn finish(self, service: &Certificate, readable: Option<Seqno>) -> Result<Beginning, BeginningError> {
        self.finish_with(service, &Ecdsa, readable)
    }

    /// The same, of a ledger that is signed in another way.
    ///
    /// # Errors
    /// If it is not complete, not proved, or no node can begin with it.
    pub fn finish_with(
        self,
        service: &Certificate,
        scheme: &dyn Scheme,
        readable: Option<Seqno>,
    ) -> Result<Beginning, BeginningError> {
        let opened = self.0.finish_with(service, scheme)?;
        let kv = opened.tables.finish()?;
        let state = kv.latest();
        let tree = Tables::default().signatures.tree.get(&state).ok().flatten();
        let tree = tree.ok_or(BeginningError::NoSignature)?;
        let resume = ResumePoint::of_snapshot(&opened.header, &tree)?;
        let signed = SerialisedTree::decode(&tree).map_err(ResumeError::from)?;
        let root = Tree::restore(&signed).map_err(ResumeError::from)?.root();
        let unreadable = readable.map_or(opened.header.seqno, Seqno::previous);
        let base = base(&opened.header, &state, unreadable).ok_or(BeginningError::Consensus)?;
        Ok(Beginning { kv, resume, base, root })
    }
}

impl Beginning {
    /// The last entry of the snapshot.
    #[must_use]
    pub fn last(&self) -> TxId {
        self.base.last
    }
}

impl Default for Inspection {
    fn default() -> Self {
        Self(SnapshotOpener::new(SnapshotSecrets::Unknown, Ignored))
    }
}

impl Inspection {
    /// Takes the next piece.
    ///
    /// # Errors
    /// On anything but a snapshot and its receipt.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), SnapshotOpenError<SnapshotError>> {
        self.0.push(piece)
    }

    /// The last entry inside and the one that recorded it, if the receipt proves that `service` did.
    ///
    /// # Errors
    /// If it is not complete or not proved.
    pub fn finish(self, service: &Certificate) -> Result<(Seqno, TxId), SnapshotOpenError<SnapshotError>> {
        self.finish_with(service, &Ecdsa)
    }

    /// The same, of a ledger that is signed in another way.
    ///
    /// # Errors
    /// If it is not complete or not proved.
    pub fn finish_with(
        self,
        service: &Certificate,
        scheme: &dyn Scheme,
    ) -> Result<(Seqno, TxId), SnapshotOpenError<SnapshotError>> {
        let opened = self.0.finish_with(service, scheme)?;
        Ok((opened.header.seqno, opened.evidence))
    }
}

/// Takes tables and keeps nothing: the digest of their bytes is proved, so they need not be read.
struct Ignored;

impl SnapshotTables for Ignored {
    type Error = SnapshotError;

    fn begin(&mut self, _: Seqno) {}

    fn push(&mut self, _: Domain, _: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// The first of the entries up to `last` that these chunks have without a gap; none if they lack the last one.
#[must_use]
pub fn readable_from(chunks: impl Iterator<Item = FileName>, last: Seqno) -> Option<Seqno> {
    let committed = |name| match name {
        FileName::Chunk(chunk) => match chunk.phase {
            ChunkPhase::Committed { last } => Some((last, chunk.first)),
            ChunkPhase::Open => None,
        },
        FileName::Snapshot(_) => None,
    };
    let mut chunks: Vec<_> = chunks.filter_map(committed).collect();
    chunks.sort_unstable_by(|one, other| other.cmp(one));
    let mut readable = last.next();
    for (chunk_last, chunk_first) in chunks {
        if chunk_last.next() >= readable && chunk_first < readable {
            readable = chunk_first;
        }
    }
    (readable <= last).then_some(readable)
}

/// Consensus as of the snapshot; none if it cannot be.
fn base(header: &SnapshotHeader, state: &coco_kv::Snapshot, unreadable: Seqno) -> Option<Base> {
    let table = Tables::default().nodes.info;
    let (mut changed, mut trusted, mut leaving) = (Seqno::ZERO, Vec::new(), Vec::new());
    for row in table.iter(state) {
        let (node, info) = row.ok()?;
        changed = changed.max(table.version_of_previous_write(state, &node)?);
        match info.status {
            NodeStatus::Trusted => trusted.push(node),
            NodeStatus::Retired if !info.is_removable() => leaving.push(node),
            NodeStatus::Retired | NodeStatus::Pending => {}
        }
    }
    debug_assert_eq!(nodes::trusted(state).ok()?.len(), trusted.len(), "trusted nodes agree");
    let views = views(&header.view_history);
    let known = views.last().is_some_and(|first| first.view == header.tx_id().view);
    (known && !trusted.is_empty()).then(|| Base {
        last: header.tx_id(),
        views,
        configuration: (changed, Configuration::from_iter(trusted)),
        leaving: leaving.into_iter().collect(),
        unreadable,
    })
}

/// First entry of each view that has any.
fn views(history: &[Seqno]) -> Vec<TxId> {
    let mut views: Vec<TxId> = Vec::new();
    for (view, seqno) in (1..).map(ViewNumber).zip(history.iter().copied()) {
        // A view without transactions begins where the next one does.
        views.pop_if(|last| last.seqno == seqno);
        views.push(TxId { view, seqno });
    }
    views
}

#[cfg(test)]
mod tests;
