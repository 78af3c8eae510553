//! Messages that are wrong in one way or another.

use coco_crypto::{EcKey, Signer as _};
use coco_wire::{
    cbor::Cbor,
    cose::{self, Headers},
};

use super::{Signed, World};
use crate::consortium::NOW_S;

/// Parts of a message, good until something is changed.
pub(crate) struct Forgery<'a> {
    pub(crate) protected: Vec<(Cbor<'a>, Cbor<'a>)>,
    pub(crate) unprotected: Vec<(Cbor<'a>, Cbor<'a>)>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) key: &'a EcKey,
}

impl<'a> Forgery<'a> {
    /// What a member would sign; `kid` is the member's name.
    pub(crate) fn good(world: &'a World, by: usize, kid: &'a str, request: &'a Signed) -> Self {
        let mut protected = vec![
            (Cbor::Int(cose::ALG), Cbor::Int(-35)),
            (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
            (Cbor::Text("ccf.gov.msg.created_at"), Cbor::Int(NOW_S)),
            (Cbor::Text("ccf.gov.msg.type"), Cbor::Text(request.message_type)),
        ];
        if let Some(id) = &request.proposal_id {
            protected.push((Cbor::Text("ccf.gov.msg.proposal_id"), Cbor::Text(id)));
        }
        Self {
            protected,
            unprotected: Vec::new(),
            payload: Some(request.payload.to_string().into_bytes()),
            key: &world.service.members[by].key,
        }
    }

    /// Changes the value of a parameter by its position.
    pub(crate) fn with(mut self, at: usize, value: Cbor<'a>) -> Self {
        self.protected[at].1 = value;
        self
    }

    /// Leaves a parameter out.
    pub(crate) fn without(mut self, at: usize) -> Self {
        self.protected.remove(at);
        self
    }

    /// The message with a signature over what it is now.
    pub(crate) fn sign(&self) -> Vec<u8> {
        let protected = Headers::new(self.protected.clone()).encode();
        let payload = self.payload.as_deref();
        let signature = self.key.sign(&cose::to_be_signed(&protected, payload.unwrap_or_default()));
        cose::encode(&protected, &Headers::new(self.unprotected.clone()), payload, signature.as_fixed())
    }
}
