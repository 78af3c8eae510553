//! Signatures over the ledger: reserved here, made beside, put in place here.

use std::sync::Arc;

use coco_boundary::Monotonic;
use coco_crypto::Signer;
use coco_ledger::{
    NodeSigner, PreviousSignature, ServiceSigner, SignatureRequest, Signed, SigningDecision, SigningState,
};
use coco_wire::TxId;

use super::{Changed, Core, Output};
use crate::view::Shared;

/// A signature to be made: about 0.2 ms of work for another thread.
pub struct SigningJob {
    request: SignatureRequest,
    shared: Arc<Shared>,
    issued_at_s: u64,
}

impl SigningJob {
    /// Makes the signature; its result goes back through [`Core::signed`].
    #[must_use]
    pub fn run(self) -> Signed {
        let keys = &self.shared.keys;
        let certificate = keys.endorsed.load().to_pem();
        let node: &dyn Signer = &*keys.node;
        let service: &dyn Signer = &*keys.service;
        self.request.sign(
            NodeSigner { key: node, certificate: &certificate },
            ServiceSigner {
                key: service,
                issuer: &keys.cose.issuer,
                subject: &keys.cose.subject,
                issued_at: self.issued_at_s,
            },
        )
    }
}

impl Core {
    /// Puts a signature in its reserved place and lets go what waited behind it.
    pub fn signed(&mut self, signed: Signed, out: &mut Output) {
        let (txid, root) = (signed.txid(), signed.root());
        let Some(writes) = self.ledger.complete_signature(signed) else { return };
        self.kv.fill(txid.seqno, Arc::new(writes));
        self.signing.state = PreviousSignature::Appended;
        self.signing.last = txid;
        self.signing.root = root;
        self.changed = self.changed.max(Changed::Standing);
        self.flush(out);
    }

    pub(super) fn consider_signing(&mut self, out: &mut Output) {
        if self.ledger.is_signing() {
            return;
        }
        let now = self.view.shared.clock.now();
        let decision = self.settings.signing.decide(&SigningState {
            now_ms: now.0,
            unsigned: self.ledger.unsigned(),
            previous: self.signing.state,
            previous_ms: self.signing.reserved_at.0,
        });
        match decision {
            SigningDecision::Sign => self.reserve_signature(now, out),
            SigningDecision::At(at_ms) => out.wake_at = Some(Monotonic(at_ms)),
            SigningDecision::Wait => {}
        }
    }

    pub(super) fn reserve_signature(&mut self, now: Monotonic, out: &mut Output) {
        let txid = TxId { view: self.raft.view(), seqno: self.kv.reserve() };
        let request = self.ledger.reserve_signature(txid, false);
        self.signing.state = PreviousSignature::Signing;
        self.signing.reserved_at = now;
        self.changed = self.changed.max(Changed::Standing);
        out.jobs.push(SigningJob {
            request,
            shared: Arc::clone(&self.view.shared),
            issued_at_s: self.view.shared.clock.wall_ms() / 1000,
        });
    }
}
