//! From a written snapshot to a committed one: its digest is recorded, and the record proved.

use coco_boundary::{Effect, FileEffect};
use coco_kv::Tx;
use coco_wire::snapshot::{SnapshotEvidence, SnapshotName, SnapshotPhase};

use super::{Evidence, Making, Phase, Proof, Proved, Proving, Snapshots};
use crate::core::{Core, Output, jobs::Job};

impl Core {
    /// The last snapshot that the service recorded, unless this node is about to have it by itself.
    pub fn recorded_snapshot(&mut self) -> Option<SnapshotName> {
        let state = self.kv.committed();
        let table = &self.tables.signatures.snapshot_evidence;
        let SnapshotEvidence { version: seqno, .. } = table.get(&state).ok()??;
        let evidence_seqno = table.version_of_previous_write(&state)?;
        let is_made_here = self.snapshots.making.contains_key(&seqno);
        let name = SnapshotName { seqno, evidence_seqno, phase: SnapshotPhase::Committed };
        (!is_made_here).then_some(name)
    }

    /// The primary's part once a snapshot is written: its digest goes into the ledger, once.
    pub(in crate::core) fn record_snapshot(&mut self) {
        let newest = self.snapshots.making.iter().next_back();
        let Some((&version, &Making { phase: Phase::Written(hash), .. })) = newest else { return };
        if self.snapshots.has_evidence(version) {
            return;
        }
        let table = &self.tables.signatures.snapshot_evidence;
        let recorded = table.get(&self.kv.latest()).ok().flatten();
        if recorded.is_none_or(|recorded| recorded.version < version) {
            let mut tx = Tx::new(self.kv.latest());
            table.put(&mut tx, &SnapshotEvidence { hash, version });
            self.place_own(tx, hash);
        }
    }

    /// Has receipts made for what is written, recorded and signed, and drops what never will be.
    pub(in crate::core) fn settle_snapshots(&mut self, out: &mut Output) {
        let Snapshots { evidence, making, .. } = &mut self.snapshots;
        let signed = evidence.iter().filter(|(_, evidence)| evidence.signature.is_some());
        let settled: Vec<_> = signed.map(|(seqno, evidence)| (*seqno, evidence.snapshot)).collect();
        for (seqno, SnapshotEvidence { version, hash }) in settled {
            // Older ones are of no use to anybody, and no one records them any more.
            while let Some(oldest) = making.first_entry().filter(|oldest| *oldest.key() < version) {
                let (seqno, making) = oldest.remove_entry();
                if !matches!(making.phase, Phase::Proving) {
                    out.effects.push(Effect::Files(FileEffect::DropSnapshot { seqno }));
                }
            }
            let Some(Making { phase, .. }) = making.get_mut(&version) else {
                evidence.remove(&seqno);
                continue;
            };
            let Phase::Written(digest) = *phase else { continue };
            let Some(Evidence { entry, signature: Some((signature, writes)), .. }) = evidence.remove(&seqno)
            else {
                continue;
            };
            let signature = self.raft.log().at(signature);
            match (signature, self.view.shared.secrets.load()) {
                (Some(signature), Some(secrets)) if digest == hash => {
                    *phase = Phase::Proving;
                    out.jobs.push(Job::prove(Proving {
                        snapshot: version,
                        secrets,
                        entry,
                        signature,
                        writes,
                    }));
                }
                _ => {
                    let log = &self.view.shared.log;
                    log.fail(format_args!("The snapshot at {version} has digest {digest}, not {hash}"));
                    making.remove(&version);
                    out.effects.push(Effect::Files(FileEffect::DropSnapshot { seqno: version }));
                }
            }
        }
        self.seal_next(out);
    }

    /// The receipt was made.
    pub(in crate::core) fn snapshot_proved(&mut self, proved: Proved, out: &mut Output) {
        let Proved { snapshot: seqno, proof } = proved;
        if self.snapshots.making.remove(&seqno).is_none() {
            return;
        }
        out.effects.push(Effect::Files(match proof {
            Ok(Proof { evidence_seqno, receipt }) => {
                FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt }
            }
            Err(error) => {
                self.view.shared.log.fail(format_args!("The snapshot at {seqno} gets no receipt: {error}"));
                FileEffect::DropSnapshot { seqno }
            }
        }));
    }
}
