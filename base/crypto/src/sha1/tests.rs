use super::*;

#[test]
fn known_answers() {
    // FIPS 180-4 examples.
    assert_eq!(hex::encode(sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_eq!(hex::encode(sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/// Made by OpenSSL 3.0 (`openssl dgst -sha1 -sign`).
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApCItNLVwZtUQTtPrDzl7\n\
    tzYiTargQH1ot6fNDdjcWsKN20lQ4T9rqImf2omJFmJbZQSjL/p6kzYJoSK7w9oR\n\
    M+jlYfmaHQO0WVund5rSVsO/9TQ/58kxnqbSWXnJLtU4hW4JrKohsPsKGq4EoGXF\n\
    fkre7uVG0c9A1Rg5S5BVsb96bTiMW7u9clcm/mPYN0mRnzX+pmXfHCDB/zmP3mHd\n\
    DPW6sWdpWOuVKS5WEp39XckwQavZsUFrYLwr7k3RsY1L34BmSMko6FN7uqO34Tg1\n\
    abSvOZy/l+KzMv38N6Uuk+MUjyE3bUpE96ZgtXDyEk3MEZr4jEzkA2gyHd+tMlgJ\n\
    SQIDAQAB\n\
    -----END PUBLIC KEY-----\n\
";
const SIGNATURE: &str = "\
        06ba702eade5ad6a33e731473e860aa1e34027e9426124bd7b7e935ad8a3376696b283ea99da64697bc3eb5b4d10af76\
        5b0301126eaa4dc31e28e62c5c96efed423132cf59afb638e3c24a2491e9a142ba3cc52600df78dddee287aae960ddb1\
        d5e856614232825a42fdee5b6e23f25bb8477bdb019f7f3f2dc3fa9d3d856cb56ed4716bf9ce5e2cd6b00d490ed0630a\
        a2f3084ac8105e0641ffd9d5552401f2a03dc81cbc0d6e75c0e16377f65cc466f2f12eb7014ee38012c2143e5df946ea\
        4f0febc06db4e9f1c3b2e7607998b6105ee4402223650defd5ed8102a6f140522687456f1ef8c81e28ee47d7a4da0ff8\
        a8792a234dfb1a8d57dd7afa3b9a316a";

#[test]
fn signatures() {
    let key = RsaPublicKey::from_spki_pem(KEY).unwrap();
    let signature = hex::decode(SIGNATURE).unwrap();
    assert_eq!(verify_rsa_pkcs1(&key, b"abc", &signature), Ok(()));
    assert_eq!(verify_rsa_pkcs1(&key, b"abd", &signature), Err(NotAuthentic));
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert_eq!(verify_rsa_pkcs1(&key, b"abc", &changed), Err(NotAuthentic));
        assert_eq!(verify_rsa_pkcs1(&key, b"abc", &signature[..at]), Err(NotAuthentic));
    }
}
