use super::*;

#[test]
fn known_answers() {
    // FIPS 180-4 examples.
    let cases = [
        (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(sha256(message).to_hex(), expected);
        assert_eq!(HashAlgorithm::Sha256.digest(message), sha256(message).0);
        let (head, tail) = message.split_at(message.len() / 2);
        assert_eq!(sha256_parts(&[head, b"", tail]).to_hex(), expected);
        let mut hash = Sha256::new();
        hash.update(head);
        let mut fork = hash.clone();
        hash.update(tail);
        fork.update(b"other");
        assert_eq!(hash.finish().to_hex(), expected);
        assert_ne!(fork.finish().to_hex(), expected);
    }
    assert_eq!(
        hex::encode(HashAlgorithm::Sha384.digest(b"abc")),
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
    );
    assert_eq!(
        hex::encode(HashAlgorithm::Sha512.digest(b"abc")),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

#[test]
fn a_pair_is_its_concatenation() {
    let (left, right) = (sha256(b"l"), sha256(b"r"));
    assert_eq!(sha256_pair(&left, &right), sha256_parts(&[&left.0, &right.0]));
    assert_ne!(sha256_pair(&left, &right), sha256_pair(&right, &left));
}
