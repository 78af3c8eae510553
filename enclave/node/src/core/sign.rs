//! Signatures over the ledger: reserved here, made beside, put in place here.

use std::sync::{Arc, atomic::Ordering};

use coco_boundary::Monotonic;
use coco_crypto::Scheme;
use coco_ledger::{
    NodeSigner, PreviousSignature, ServiceSigner, SignatureRequest, Signed, SigningDecision, SigningState,
};
use coco_wire::TxId;

use super::{Changed, Core, Output, jobs::Job};
use crate::view::Shared;

/// A signature to be made: about 0.2 ms of work for another thread.
pub(super) struct SigningJob {
    request: SignatureRequest,
    shared: Arc<Shared>,
    issued_at_s: u64,
}

impl SigningJob {
    /// Makes the signature; its result goes back through [`Core::signed`].
    pub(super) fn run(self, scheme: &dyn Scheme) -> Signed {
        let keys = &self.shared.keys;
        let service = keys.service().expect("only nodes of a service sign");
        let certificate = service.endorsed.load().to_pem();
        let (node_key, service_key) = (scheme.signer(&keys.node), scheme.signer(&service.key));
        self.request.sign(
            NodeSigner { key: &*node_key, certificate: &certificate },
            ServiceSigner {
                key: &*service_key,
                issuer: &service.cose.issuer,
                subject: &service.cose.subject,
                issued_at: self.issued_at_s,
            },
        )
    }
}

impl Core {
    /// Puts a signature in its reserved place and lets go what waited behind it.
    pub(super) fn signed(&mut self, signed: Signed) {
        let (txid, root) = (signed.txid(), signed.root());
        let Some(writes) = self.ledger.complete_signature(signed) else { return };
        self.kv.fill(txid.seqno, Arc::new(writes));
        // Whoever reads the latest state is to find the signature in it.
        self.view.shared.stale.store(true, Ordering::Release);
        self.signing.state = PreviousSignature::Appended;
        self.signing.made.made(txid, root);
        self.changed = self.changed.max(Changed::Standing);
    }

    pub(super) fn consider_signing(&mut self, out: &mut Output) {
        if self.ledger.is_signing() {
            return;
        }
        let now = self.view.shared.clock.now();
        if self.signing.at_once {
            return self.reserve_signature(now, out);
        }
        let decision = self.settings.signing.decide(&SigningState {
            now_ms: now.0,
            unsigned: self.ledger.unsigned(),
            previous: self.signing.state,
            previous_ms: self.signing.reserved_at.0,
        });
        match decision {
            SigningDecision::Sign => match self.window_closes_at() {
                Some(at) if at > now => out.wake_at = Some(at),
                _ => self.reserve_signature(now, out),
            },
            SigningDecision::At(at_ms) => out.wake_at = Some(Monotonic(at_ms)),
            SigningDecision::Wait => {}
        }
    }

    pub(super) fn reserve_signature(&mut self, now: Monotonic, out: &mut Output) {
        self.close_window_to_sign(now);
        self.request_snapshot_if_due(now);
        let ends_chunk = self.is_snapshot_due();
        let txid = TxId { view: self.raft.view(), seqno: self.kv.reserve() };
        let request = self.ledger.reserve_signature(txid, ends_chunk);
        self.signing.state = PreviousSignature::Signing;
        self.signing.at_once = false;
        self.signing.reserved_at = now;
        self.changed = self.changed.max(Changed::Standing);
        out.jobs.push(Job::sign(SigningJob {
            request,
            shared: Arc::clone(&self.view.shared),
            issued_at_s: self.view.shared.clock.wall_ms() / 1000,
        }));
    }
}
