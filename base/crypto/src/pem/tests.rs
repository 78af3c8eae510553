use super::*;

#[test]
fn round_trips() {
    for length in [0, 1, 47, 48, 49, 200] {
        let der: Vec<u8> = (0..=255).cycle().take(length).collect();
        let text = encode("CERTIFICATE", &der);
        assert!(text.lines().all(|line| line.len() <= 64));
        assert_eq!(*decode(&text, "CERTIFICATE").unwrap(), der);
        assert_eq!(*decode(&text.replace('\n', "\r\n"), "CERTIFICATE").unwrap(), der);
        assert_eq!(*decode(text.trim_end(), "CERTIFICATE").unwrap(), der);
        assert_eq!(decode(&text, "PUBLIC KEY"), Err(InvalidPem::NotOne));
    }
    assert_eq!(encode("X", b"\x00\x01"), "-----BEGIN X-----\nAAE=\n-----END X-----\n");
}

#[test]
fn refusals() {
    let good = encode("X", b"some bytes");
    let cases = [
        (String::new(), InvalidPem::NotOne),
        (good.repeat(2), InvalidPem::NotOne),
        (format!("text\n{good}"), InvalidPem::Surrounded),
        (format!("{good}text"), InvalidPem::Surrounded),
        (good.replace("END X", "END Y"), InvalidPem::Malformed),
        (good.replace("-----END X-----", ""), InvalidPem::Malformed),
        (good.replace("c29t", "c29"), InvalidPem::Malformed),
        (good.replace("c29t", "c2 t"), InvalidPem::Malformed),
        (good.replace("c29t", "c29t "), InvalidPem::Malformed),
        (good.replace("==", ""), InvalidPem::Malformed),
        (good.replace("cw==", "cx=="), InvalidPem::Malformed),
        (good.replace("-----BEGIN", "----BEGIN"), InvalidPem::Surrounded),
        ("-----BEGIN X-----\n".to_owned(), InvalidPem::Malformed),
        ("x".repeat(MAX_LEN + 1), InvalidPem::TooLarge),
    ];
    for (text, expected) in cases {
        let result = decode(&text, "X").map(|_| ()).unwrap_err();
        assert_eq!(result, expected, "{}", &text[..text.len().min(200)]);
    }
    let many = encode("X", b"").repeat(MAX_BLOCKS + 1);
    assert_eq!(blocks(&many).map(|_| ()), Err(InvalidPem::TooLarge));
}

#[test]
fn bundles_may_have_remarks() {
    let text = format!("# first\n{}\nremark\n{}", encode("A", b"1"), encode("B", b"2"));
    let blocks = blocks(&text).unwrap();
    let found: Vec<_> = blocks.iter().map(|block| (block.label.as_str(), block.der.as_slice())).collect();
    assert_eq!(found, [("A", &b"1"[..]), ("B", b"2")]);
}
