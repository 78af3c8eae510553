use super::*;

#[test]
fn hmac_known_answers() {
    // RFC 4231, test cases 1, 2 and 6.
    let cases = [
        (
            vec![0x0b; 20],
            &b"Hi There"[..],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (key, message, expected) in cases {
        let key = HmacKey::new(&key);
        let tag = key.tag(message);
        assert_eq!(tag.to_hex(), expected);
        assert!(key.verify(message, &tag.0));
        assert!(!key.verify(message, &tag.0[..31]));
        assert!(!key.verify(b"other", &tag.0));
        assert_eq!(format!("{key:?}"), "HmacKey { .. }");
    }
}

#[test]
fn hkdf_known_answers() {
    // RFC 5869, test cases 1 and 3.
    let unhex = |text| hex::decode(text).unwrap();
    let cases = [
        (
            unhex("000102030405060708090a0b0c"),
            unhex("f0f1f2f3f4f5f6f7f8f9"),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            vec![],
            vec![],
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for (salt, info, expected) in cases {
        let mut out = [0; 42];
        hkdf_sha256(&[0x0b; 22], &salt, &info, &mut out);
        assert_eq!(hex::encode(out), expected);
    }
}

#[test]
fn comparison() {
    assert!(constant_time_eq(b"", b""));
    assert!(constant_time_eq(b"secret", b"secret"));
    for other in [&b"secreT"[..], b"secre", b"secrets", b""] {
        assert!(!constant_time_eq(b"secret", other));
    }
}
