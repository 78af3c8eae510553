use super::*;

#[test]
fn known_answers() {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
    let key16 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    let zero = "0000000000000000000000000000000000000000000000000000000000000000";
    let plain16 = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                   1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    let sealed16 = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                    8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
    let cases = [
        (zero, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            zero,
            "000000000000000000000000",
            "",
            "00000000000000000000000000000000",
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            key16,
            "cafebabefacedbaddecaf888",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plain16,
            sealed16,
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ];
    for (key, iv, aad, plain, sealed, tag) in cases {
        let unhex = |text: &str| hex::decode(text).unwrap();
        let key = GcmKey::new(unhex(key).as_slice().try_into().unwrap());
        let iv: Iv = unhex(iv).try_into().unwrap();
        let mut buffer = unhex(plain);
        let made = key.seal_in_place(&iv, &unhex(aad), &mut buffer);
        assert_eq!((hex::encode(&buffer), hex::encode(made)), (sealed.to_owned(), tag.to_owned()));
        key.open_in_place(&iv, &unhex(aad), &mut buffer, &made).unwrap();
        assert_eq!(hex::encode(&buffer), plain);
    }
}

#[test]
fn any_changed_bit_is_refused() {
    let key = GcmKey::new(&[7; KEY_LEN]);
    let packed = key.seal_packed(&[3; 12], b"aad", b"some plaintext");
    assert_eq!(packed.len(), PACKED_OVERHEAD + 14);
    assert_eq!(packed[16..28], [3; 12]);
    assert_eq!(key.open_packed(b"aad", &packed).unwrap().as_slice(), b"some plaintext");
    for bit in 0..8 * packed.len() {
        let mut changed = packed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open_packed(b"aad", &changed), Err(NotAuthentic), "bit {bit}");
    }
    for length in 0..packed.len() {
        assert_eq!(key.open_packed(b"aad", &packed[..length]), Err(NotAuthentic), "length {length}");
    }
    assert_eq!(key.open_packed(b"", &packed), Err(NotAuthentic));
    assert_eq!(GcmKey::new(&[8; KEY_LEN]).open_packed(b"aad", &packed), Err(NotAuthentic));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", GcmKey::new(&[0x41; KEY_LEN])), "GcmKey { .. }");
}
