//! Verification of a whole ledger, file by file, in constant memory.

mod beginning;

use coco_wire::{
    Seqno, TxId, View,
    chunk::{Chunk, ChunkDamage, ChunkError, ChunkMark, ChunkName, ChunkPhase},
    domain::Commitments,
    entry::{Entry, EntryFlags},
};
use serde::Deserialize;

use crate::{
    damage::{Damage, Reason},
    entry::{self, Row, Rows, SignatureValues},
    merkle::Frontier,
    nodes::Nodes,
    report::{Report, Tail, Weakness},
    service::Service,
    signature::{Context, EmbeddedCertificate},
};

pub use beginning::BeginningRefusal;

/// Verifies a ledger from its first entry on, or from a snapshot.
///
/// Feed it all files in order ([`in_order`](crate::in_order)), then take the report. Each entry is
/// hashed once; memory does not grow with the ledger, but for nodes and views. After the first
/// damage nothing more is accepted. A clone goes on from the same place.
#[derive(Clone)]
pub struct Verifier {
    report: Report,
    tree: Frontier,
    nodes: Nodes,
    service: Service,
    unsigned: u64,
    previous: Option<PreviousFile>,
    damage: Option<Damage>,
}

/// The last file read.
#[derive(Clone)]
struct PreviousFile {
    name: String,
    /// Where reading ended, in bytes.
    end: u64,
    complete: bool,
    torn: bool,
}

/// Damage whose place in the file is known.
struct Located {
    offset: u64,
    seqno: Option<Seqno>,
    reason: Reason,
}

/// Where an entry stands in its file.
#[derive(Clone, Copy)]
struct Place {
    first: bool,
    last: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotEvidence {
    hash: coco_wire::Digest,
    version: Seqno,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// Before the first file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            report: Report::empty(),
            tree: Frontier::new(),
            nodes: Nodes::default(),
            service: Service::default(),
            unsigned: 0,
            previous: None,
            damage: None,
        }
    }

    /// Verifies the next file: its name without directory, and its content.
    ///
    /// # Errors
    /// The first damage; later calls repeat it.
    pub fn chunk(&mut self, name: &str, bytes: &[u8]) -> Result<(), Damage> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        self.end_of_previous().and_then(|()| self.read(name, bytes)).inspect_err(|damage| {
            self.damage = Some(damage.clone());
        })
    }

    /// What has been verified so far, also after damage.
    #[must_use]
    pub fn progress(&self) -> &Report {
        &self.report
    }

    /// The report on all files fed.
    ///
    /// # Errors
    /// The damage found, if any.
    pub fn finish(mut self) -> Result<Report, Damage> {
        if let Some(damage) = self.damage {
            return Err(damage);
        }
        self.report.tail = match self.previous {
            Some(previous) if previous.torn => {
                Tail::Torn { file: previous.name, offset: previous.end, entries: self.unsigned }
            }
            _ if self.unsigned > 0 => Tail::Unsigned { entries: self.unsigned },
            _ => Tail::None,
        };
        self.report.service = self.service.certificate().cloned();
        self.report.status = self.service.status();
        Ok(self.report)
    }

    /// A file that is followed by another must be complete and signed to its end.
    fn end_of_previous(&self) -> Result<(), Damage> {
        let Some(previous) = &self.previous else { return Ok(()) };
        let reason = if previous.torn || !previous.complete {
            Reason::Incomplete
        } else if self.unsigned > 0 {
            Reason::UnsignedEnd
        } else {
            return Ok(());
        };
        let file = previous.name.clone();
        Err(Damage { file, offset: previous.end, seqno: Some(self.report.last_entry.seqno), reason })
    }

    fn read(&mut self, name: &str, bytes: &[u8]) -> Result<(), Damage> {
        self.read_entries(name, bytes).map_err(|Located { offset, seqno, reason }| Damage {
            file: name.to_owned(),
            offset,
            seqno,
            reason,
        })
    }

    fn read_entries(&mut self, file: &str, bytes: &[u8]) -> Result<(), Located> {
        let at_start = |reason| Located { offset: 0, seqno: None, reason };
        let name: ChunkName = file.parse().map_err(|_| at_start(Reason::Name))?;
        if name.mark == ChunkMark::Ignored {
            return Err(at_start(Reason::Name));
        }
        let expected = self.report.last_entry.seqno.next();
        if name.first != expected {
            return Err(at_start(Reason::Order { expected, found: name.first }));
        }
        let is_open = name.phase == ChunkPhase::Open;
        if is_open && bytes.len() < coco_wire::chunk::HEADER_LEN {
            // Created, and nothing more.
            self.report.chunks += 1;
            self.previous = Some(PreviousFile { name: file.to_owned(), end: 0, complete: false, torn: true });
            return Ok(());
        }
        let chunk = Chunk::decode(bytes).map_err(Located::from)?;
        let may_be_torn = is_open && !chunk.is_complete();
        let mut entries = chunk.entries().peekable();
        let (mut end, mut torn) = (coco_wire::chunk::HEADER_LEN as u64, false);
        let mut ends_chunk = false;
        while let Some(item) = entries.next() {
            let seqno = self.report.last_entry.seqno.next();
            let (offset, entry) = match item {
                // The positions behind the last entry, while the header does not tell of them.
                Err(ChunkError { offset, .. }) if may_be_torn && ends_chunk => {
                    (end, torn) = (offset, true);
                    break;
                }
                Err(ChunkError { offset, reason: ChunkDamage::Torn }) if may_be_torn => {
                    let rest =
                        usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                    if is_followed(rest, seqno) {
                        return Err(Located { offset, seqno: Some(seqno), reason: Reason::Overlong });
                    }
                    (end, torn) = (offset, true);
                    break;
                }
                item => item?,
            };
            let last = match entries.peek() {
                None => true,
                Some(next) => may_be_torn && next.is_err(),
            };
            let place = Place { first: seqno == name.first, last };
            self.entry(&entry, place).map_err(|reason| Located { offset, seqno: Some(seqno), reason })?;
            ends_chunk = entry.header().flags().contains(EntryFlags::FORCE_CHUNK_AFTER);
            end = offset + entry.header().entry_len();
        }
        self.report.chunks += 1;
        let previous = PreviousFile { name: file.to_owned(), end, complete: chunk.is_complete(), torn };
        self.check_end(&previous, name.phase)?;
        self.previous = Some(previous);
        Ok(())
    }

    /// A committed file ends on a signature, where its name says.
    fn check_end(&self, file: &PreviousFile, phase: ChunkPhase) -> Result<(), Located> {
        let ChunkPhase::Committed { last } = phase else { return Ok(()) };
        let found = self.report.last_entry.seqno;
        let reason = if !file.complete {
            Reason::Incomplete
        } else if found != last {
            Reason::Last { named: last, found }
        } else if self.unsigned > 0 {
            Reason::UnsignedEnd
        } else {
            return Ok(());
        };
        Err(Located { offset: file.end, seqno: Some(found), reason })
    }

    fn entry(&mut self, entry: &Entry<'_>, place: Place) -> Result<(), Reason> {
        let id = self.position(entry)?;
        let (header, rows) = Rows::read(entry)?;
        if header.seqno != id.seqno {
            return Err(Reason::Seqno { expected: id.seqno, found: header.seqno });
        }
        let signature = rows.signature(entry)?;
        let flags = entry.header().flags();
        let misplaced = flags.contains(EntryFlags::FORCE_CHUNK_BEFORE) && !place.first
            || flags.contains(EntryFlags::FORCE_CHUNK_AFTER) && !(place.last && signature.is_some());
        if misplaced {
            return Err(Reason::ChunkBoundary);
        }

        self.governance(&rows, id)?;
        check_snapshot_evidence(&rows.snapshot_evidence, header.commitments, id)?;
        match signature {
            Some(values) => self.signature(values, header.commitments, id)?,
            None => self.unsigned += 1,
        }
        self.tree.append(entry::leaf(entry, header.commitments)?);

        match header.commitments {
            Commitments::None => self.report.weakness(Weakness::NoCommitEvidence, id),
            Commitments::Evidence(_) => self.report.weakness(Weakness::NoClaims, id),
            Commitments::Claims(_) | Commitments::EvidenceAndClaims { .. } => {}
        }
        if self.report.last_entry.view != id.view {
            self.report.views.push((id.view, id.seqno));
        }
        self.report.last_entry = id;
        self.report.entries += 1;
        self.report.bytes += entry.bytes().len() as u64;
        Ok(())
    }

    /// Transaction ID of the entry: seqnos have no gap, and views change only after a signature.
    fn position(&self, entry: &Entry<'_>) -> Result<TxId, Reason> {
        if entry.iv().is_snapshot() {
            return Err(Reason::Iv);
        }
        let id = entry.iv().tx_id();
        let previous = self.report.last_entry;
        let expected = previous.seqno.next();
        if id.seqno != expected {
            return Err(Reason::Seqno { expected, found: id.seqno });
        }
        let changes = id.view != previous.view;
        if id.view == View(0) || id.view < previous.view || (changes && self.unsigned > 0) {
            return Err(Reason::View { previous: previous.view, found: id.view });
        }
        Ok(id)
    }

    fn governance(&mut self, rows: &Rows<'_>, id: TxId) -> Result<(), Reason> {
        let epoch = self.service.apply(&rows.service, id, self.report.last_entry.view)?;
        if let Some(epoch) = epoch {
            self.report.services.push(epoch);
            self.nodes.forget_embedded();
        }
        self.nodes.apply(&rows.nodes, &rows.certificates, self.service.certificate())?;
        Ok(())
    }

    fn signature(
        &mut self,
        values: SignatureValues<'_>,
        commitments: Commitments,
        id: TxId,
    ) -> Result<(), Reason> {
        let mut context = Context {
            id,
            commitments,
            tree: &self.tree,
            nodes: &mut self.nodes,
            service: &self.service,
            report: &self.report,
        };
        let signers = context.verify(values)?;
        let report = &mut self.report;
        match signers.node {
            None => report.weakness(Weakness::NoNodeSignature, id),
            Some(EmbeddedCertificate::Absent) => report.weakness(Weakness::NoEmbeddedCertificate, id),
            Some(EmbeddedCertificate::Present) => {}
        }
        if !signers.service {
            report.weakness(Weakness::NoServiceSignature, id);
        }
        report.node_signatures += u64::from(signers.node.is_some());
        report.service_signatures += u64::from(signers.service);
        report.signatures += 1;
        report.last_verified = id;
        self.unsigned = 0;
        Ok(())
    }
}

/// Whether the entry after the one at `seqno`, which is cut, is inside of what is left: a crash leaves no such thing.
fn is_followed(rest: &[u8], seqno: Seqno) -> bool {
    (1..rest.len()).any(|at| {
        Entry::decode_first(&rest[at..]).is_ok_and(|(entry, _)| entry.iv().tx_id().seqno == seqno.next())
    })
}

/// The digest of a snapshot is also the claim of the transaction that records it.
fn check_snapshot_evidence(rows: &[Row<'_>], commitments: Commitments, id: TxId) -> Result<(), Reason> {
    let value = match rows {
        [] => return Ok(()),
        [(key, Some(value))] if *key == coco_wire::signature::SINGLETON_KEY => value,
        _ => return Err(Reason::SnapshotEvidence),
    };
    let evidence: SnapshotEvidence = serde_json::from_slice(value).map_err(|_| Reason::SnapshotEvidence)?;
    let claimed = match commitments {
        Commitments::EvidenceAndClaims { claims, .. } => claims == evidence.hash,
        Commitments::None | Commitments::Claims(_) | Commitments::Evidence(_) => true,
    };
    if claimed && evidence.version < id.seqno { Ok(()) } else { Err(Reason::SnapshotEvidence) }
}

impl From<ChunkError> for Located {
    fn from(error: ChunkError) -> Self {
        Self { offset: error.offset, seqno: None, reason: error.reason.into() }
    }
}
