//! A TPM in software, as the verifier takes it.

pub(crate) use coco_imitated::tpm::{
    ATTESTS, Certificates, NONCE, NOW, Shown, Tpm, event, header, keys, old_event, sign, sized,
};

use crate::tpm::Signature;

pub(crate) fn structure(shown: &Shown) -> Signature<'_> {
    Signature::Structure(&shown.signature)
}
