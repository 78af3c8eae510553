//! Work that Core hands to other threads, and its results.

use std::sync::Arc;

use coco_crypto::{Certificate, Ecdsa, Scheme};
use coco_ledger::{OpenRequest, OpenedBatch, Signatories, SignatureCheck, SignatureRefusal, Signed};
use coco_raft::NodeId;
use coco_wire::{TxId, peer::AppendEntries};

use super::{
    Core, Output,
    send::{Traced, Tracing},
    sign::SigningJob,
    snapshots::{Proved, Proving, Sealed, Sealing},
};
use crate::{secrets::learn, view::Shared};

/// Something slow; its result goes back through [`Core::done`].
pub struct Job(Work);

enum Work {
    Sign(SigningJob),
    Open { from: NodeId, header: AppendEntries, request: OpenRequest, shared: Arc<Shared> },
    Check { check: Box<SignatureCheck>, node: Option<Box<Certificate>>, shared: Arc<Shared> },
    Seal(Sealing),
    Prove(Box<Proving>),
    Trace(Tracing),
}

/// The result of a [`Job`].
pub struct Done(pub(super) Found);

pub(super) enum Found {
    Signed(Signed),
    Opened { from: NodeId, header: AppendEntries, batch: OpenedBatch },
    Checked { txid: TxId, outcome: Result<(), SignatureRefusal> },
    Sealed(Sealed),
    Proved(Proved),
    Traced(Traced),
}

impl Job {
    pub(super) fn sign(job: SigningJob) -> Self {
        Self(Work::Sign(job))
    }

    pub(super) fn open(
        from: NodeId,
        header: AppendEntries,
        request: OpenRequest,
        shared: Arc<Shared>,
    ) -> Self {
        Self(Work::Open { from, header, request, shared })
    }

    pub(super) fn check(check: SignatureCheck, node: Option<Certificate>, shared: Arc<Shared>) -> Self {
        Self(Work::Check { check: Box::new(check), node: node.map(Box::new), shared })
    }

    pub(super) fn seal(sealing: Sealing) -> Self {
        Self(Work::Seal(sealing))
    }

    pub(super) fn prove(proving: Proving) -> Self {
        Self(Work::Prove(Box::new(proving)))
    }

    pub(super) fn trace(tracing: Tracing) -> Self {
        Self(Work::Trace(tracing))
    }

    /// Whether it takes time in proportion to the state, so that no other job should wait for it.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self.0, Work::Seal(_))
    }

    /// Does the work: 0.2 to 0.6 ms for a signature, about 2 µs for each entry that is opened and 1 ms if it sets a
    /// new secret, seconds for a snapshot of a gigabyte.
    #[must_use]
    pub fn run(self) -> Done {
        self.run_with(&Ecdsa)
    }

    /// The same, with signatures over the ledger made and checked in another way: nodes that are to agree use the same.
    #[must_use]
    pub fn run_with(self, scheme: &dyn Scheme) -> Done {
        Done(match self.0 {
            Work::Sign(job) => Found::Signed(job.run(scheme)),
            Work::Open { from, header, request, shared } => {
                let batch = request.run(&|writes| learn(&shared.keys, writes));
                Found::Opened { from, header, batch }
            }
            Work::Check { check, node, shared } => {
                let service =
                    shared.keys.service().expect("a backup belongs to a service").certificate.load();
                let by = Signatories { node: node.as_deref(), service: &service };
                Found::Checked { txid: check.txid(), outcome: check.run(by, scheme) }
            }
            Work::Seal(sealing) => Found::Sealed(sealing.run()),
            Work::Prove(proving) => Found::Proved(proving.run()),
            Work::Trace(tracing) => Found::Traced(tracing.run()),
        })
    }
}

impl Core {
    /// Takes in what a job found.
    pub fn done(&mut self, done: Done, out: &mut Output) {
        match done.0 {
            Found::Signed(signed) => self.signed(signed),
            Found::Opened { from, header, batch } => self.opened(from, header, batch, out),
            Found::Checked { txid, outcome } => self.checked(txid, outcome, out),
            Found::Sealed(sealed) => self.piece_sealed(sealed, out),
            Found::Proved(proved) => self.snapshot_proved(proved, out),
            Found::Traced(traced) => self.traced(traced, out),
        }
        self.flush(out);
    }
}
