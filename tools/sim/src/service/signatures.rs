//! Signatures that cost next to nothing, with the same lengths in every run.

use std::sync::Arc;

use coco_crypto::{
    EcKey, EcPublicKey, FixedSignature, NotAuthentic, Scheme, SignatureForm, Signer, Verifier, hash::sha256,
};
use coco_wire::Digest;

/// In place of ECDSA: digests of the key's name and what is signed. Anybody could make them, but nobody in a simulation
/// does; signatures of other bytes, or of another key, are refused as ever.
pub(super) struct Cheap;

struct Key(EcPublicKey);

impl Scheme for Cheap {
    fn signer(&self, key: &Arc<EcKey>) -> Arc<dyn Signer> {
        Arc::new(Key(key.public_key().clone()))
    }

    fn verifier(&self, key: &EcPublicKey) -> Arc<dyn Verifier> {
        Arc::new(Key(key.clone()))
    }
}

impl Key {
    fn signature(&self, of: &[u8]) -> FixedSignature {
        let r = sha256(&[&self.0.id().0, of].concat());
        let s = sha256(&r.0);
        let halves = [r.0, s.0].map(|mut half| {
            // DER of both is as long in every run.
            half[0] = half[0] & 0x7f | 0x40;
            half
        });
        FixedSignature::new(halves.concat()).expect("halves have one length")
    }

    fn check(&self, of: &[u8], signature: &[u8], form: SignatureForm) -> Result<(), NotAuthentic> {
        let expected = self.signature(of);
        let expected = match form {
            SignatureForm::Der => expected.to_der(),
            SignatureForm::Fixed => expected.into_fixed(),
        };
        if expected == signature { Ok(()) } else { Err(NotAuthentic) }
    }
}

impl Signer for Key {
    fn public_key(&self) -> &EcPublicKey {
        &self.0
    }

    fn sign(&self, message: &[u8]) -> FixedSignature {
        self.signature(message)
    }

    fn sign_digest(&self, digest: &Digest) -> FixedSignature {
        self.signature(&digest.0)
    }
}

impl Verifier for Key {
    fn verify(&self, message: &[u8], signature: &[u8], form: SignatureForm) -> Result<(), NotAuthentic> {
        self.check(message, signature, form)
    }

    fn verify_digest(
        &self,
        digest: &Digest,
        signature: &[u8],
        form: SignatureForm,
    ) -> Result<(), NotAuthentic> {
        self.check(&digest.0, signature, form)
    }
}
