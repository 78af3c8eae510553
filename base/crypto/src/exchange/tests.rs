use super::*;

fn bytes(text: &str) -> [u8; SHARE_LEN] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn known_answer() {
    // RFC 7748 section 6.1, Bob's side.
    let bob =
        EphemeralKey::from_secret(&bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    let public = bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert_eq!(*bob.share(), public);
    let alice = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    let secret = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(*bob.agree(&alice).unwrap(), secret);
}

#[test]
fn both_sides_agree_and_nothing_shows() {
    let [a, b] = [[1; 32], [0xff; 32]].map(|secret| EphemeralKey::from_secret(&secret));
    assert_eq!(format!("{a:?}"), "EphemeralKey { .. }");
    let (share_a, share_b) = (*a.share(), *b.share());
    assert_eq!(a.agree(&share_b).unwrap(), b.agree(&share_a).unwrap());
}

#[test]
fn points_of_low_order_are_refused() {
    // RFC 7748 section 6.1: the result would be all zeros.
    let mut one = [0; SHARE_LEN];
    one[0] = 1;
    let order_eight = bytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    for point in [[0; SHARE_LEN], one, order_eight] {
        assert_eq!(EphemeralKey::from_secret(&[7; 32]).agree(&point).unwrap_err(), NotAuthentic);
    }
}

#[test]
fn keys_as_text() {
    let secret = [3; SHARE_LEN];
    let key = EphemeralKey::from_secret(&secret);
    let (private, public) = (EphemeralKey::secret_pem(&secret), key.share_pem());
    assert_eq!(*EphemeralKey::secret_from_pem(&private).unwrap(), secret);
    assert_eq!(share_from_pem(&public).unwrap(), *key.share());
    assert_eq!(share_pem(key.share()), public);
    assert!(matches!(share_from_pem(&private), Err(InvalidKey::Pem(_))));
    let of_another_kind = pem::encode("PUBLIC KEY", b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00");
    assert_eq!(share_from_pem(&of_another_kind), Err(InvalidKey::Unsupported));
    let longer = pem::encode("PRIVATE KEY", &[PKCS8_PREFIX, &[3; 33]].concat());
    assert_eq!(EphemeralKey::secret_from_pem(&longer), Err(InvalidKey::Unsupported));
}
