//! The twin of a signature is one.

use coco_crypto::{Curve, EcKey, SignatureForm, Signer as _, SystemEntropy, Verifier as _};

use super::*;

#[test]
fn twins_verify_and_are_twins_of_each_other() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let key = EcKey::generate(curve, &SystemEntropy);
        let signature = key.sign(b"propose").into_fixed();
        let other = twin(&signature).unwrap();
        assert_ne!(other, signature, "{curve:?}");
        assert_eq!(key.public_key().verify(b"propose", &other, SignatureForm::Fixed), Ok(()), "{curve:?}");
        assert_eq!(twin(&other).unwrap(), signature, "{curve:?}");
    }
    assert_eq!(twin(&[1; 64 + 2]), None);
    assert_eq!(twin(&[]), None);
}
