//! Keys in `ccf.crypto`.

use coco_tables::Context;

use super::{empty_tx, generous, run_in, summary};

const PRELUDE: &str = "
    const { crypto } = ccf;
    const text = ccf.strToBuf;
    const hex = (buffer) => Array.from(new Uint8Array(buffer), (it) => it.toString(16).padStart(2, '0')).join('');
    const caught = (f) => { try { return f() } catch (e) { return `${e.name}: ${e.message}` } };
    const signs = (algorithm, { privateKey, publicKey }) => {
        const data = text('data');
        const signature = crypto.sign(algorithm, privateKey, data);
        return [crypto.verifySignature(algorithm, publicKey, signature, data),
            crypto.verifySignature(algorithm, publicKey, signature, text('other'))].join();
    };";

/// Body of a function and what it returns.
const CASES: &[(&str, &str)] = &[
    ("return [128, 192, 256].map((bits) => crypto.generateAesKey(bits).byteLength)", "[16,24,32]"),
    (
        "return caught(() => crypto.generateAesKey(64))",
        "\"RangeError: invalid key size (not one of 128, 192, 256)\"",
    ),
    (
        "return signs({ name: 'ECDSA', hash: 'SHA-256' }, crypto.generateEcdsaKeyPair('secp256r1'))",
        "\"true,false\"",
    ),
    (
        "return signs({ name: 'ECDSA', hash: 'SHA-256' }, crypto.generateEcdsaKeyPair('secp384r1'))",
        "\"true,false\"",
    ),
    ("return signs({ name: 'EdDSA' }, crypto.generateEddsaKeyPair('curve25519'))", "\"true,false\""),
    (
        "return signs({ name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }, crypto.generateRsaKeyPair(2048, 65537))",
        "\"true,false\"",
    ),
    // RFC 4231, test case 2.
    (
        "return hex(crypto.sign({ name: 'HMAC', hash: 'SHA-256' }, 'Jefe', text('what do ya want for nothing?')))",
        "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateEddsaKeyPair('x25519'); \
          return [privateKey.split('\\n')[0], publicKey.split('\\n')[0]]",
        "[\"-----BEGIN PRIVATE KEY-----\",\"-----BEGIN PUBLIC KEY-----\"]",
    ),
    (
        "return caught(() => crypto.generateEcdsaKeyPair('secp521r1'))",
        "\"RangeError: Unsupported curve id, supported: secp256r1, secp384r1\"",
    ),
    (
        "return caught(() => crypto.generateRsaKeyPair(1024)).slice(0, 46)",
        "\"InternalError: Failed to generate RSA key pair\"",
    ),
    (
        "return caught(() => crypto.generateRsaKeyPair()) ",
        "\"TypeError: Passed 0 arguments, but expected 1 or 2\"",
    ),
    (
        "const kek = crypto.generateAesKey(256), key = text('a key'); \
          return ccf.bufToStr(crypto.unwrapKey(crypto.wrapKey(key, kek, { name: 'AES-KWP' }), kek, { name: 'AES-KWP' }))",
        "\"a key\"",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateRsaKeyPair(2048); \
          return [{ name: 'RSA-OAEP' }, { name: 'RSA-OAEP', label: text('l') }, { name: 'RSA-OAEP-AES-KWP', aesKeySize: 256 }].map( \
          (how) => ccf.bufToStr(crypto.unwrapKey(crypto.wrapKey(text('k'), text(publicKey), how), text(privateKey), how)))",
        "[\"k\",\"k\",\"k\"]",
    ),
    (
        "return caught(() => crypto.unwrapKey(text('x'), crypto.generateAesKey(128), { name: 'AES-KWP' }))",
        "\"InternalError: Failed to unwrap key: the wrapped key is not authentic\"",
    ),
    (
        "return caught(() => crypto.wrapKey(text('x'), text('y'), { name: 'XOR' }))",
        "\"RangeError: unsupported key wrapping algorithm, supported: RSA-OAEP, AES-KWP, RSA-OAEP-AES-KWP\"",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateEcdsaKeyPair('secp256r1'); \
          const jwk = crypto.pubPemToJwk(publicKey, 'id'), own = crypto.pemToJwk(privateKey); \
          return [jwk.kty, jwk.crv, jwk.kid, own.x === jwk.x, crypto.pubJwkToPem(jwk) === publicKey, crypto.jwkToPem(own) === privateKey]",
        "[\"EC\",\"P-256\",\"id\",true,true,true]",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateRsaKeyPair(2048); \
          const jwk = crypto.pubRsaPemToJwk(publicKey), own = crypto.rsaPemToJwk(privateKey, 'id'); \
          return [jwk.kty, jwk.e, own.kid, own.n === jwk.n, crypto.pubRsaJwkToPem(jwk) === publicKey, crypto.rsaJwkToPem(own) === privateKey]",
        "[\"RSA\",\"AQAB\",\"id\",true,true,true]",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateEddsaKeyPair('curve25519'); \
          const jwk = crypto.pubEddsaPemToJwk(publicKey), own = crypto.eddsaPemToJwk(privateKey); \
          return [jwk.kty, jwk.crv, own.x === jwk.x, crypto.pubEddsaJwkToPem(jwk) === publicKey, crypto.eddsaJwkToPem(own) === privateKey]",
        "[\"OKP\",\"Ed25519\",true,true,true]",
    ),
    (
        "const { privateKey, publicKey } = crypto.generateEddsaKeyPair('x25519'); \
          const jwk = crypto.pubEddsaPemToJwk(publicKey, 'id'), own = crypto.eddsaPemToJwk(privateKey); \
          return [jwk.kty, jwk.crv, jwk.kid, own.x === jwk.x, crypto.pubEddsaJwkToPem(jwk) === publicKey, crypto.eddsaJwkToPem(own) === privateKey]",
        "[\"OKP\",\"X25519\",\"id\",true,true,true]",
    ),
    (
        "return caught(() => crypto.pubEddsaJwkToPem({ kty: 'OKP', crv: 'X25519', x: 'AA' }))",
        "\"InternalError: Failed to convert jwk to pem missing or malformed member x\"",
    ),
    (
        "return caught(() => crypto.eddsaJwkToPem({ kty: 'OKP', crv: 'X448', d: 'AA' }))",
        "\"InternalError: Failed to convert jwk to pem missing or malformed member crv\"",
    ),
    (
        "return caught(() => crypto.pubPemToJwk('x')).slice(0, 45)",
        "\"InternalError: Failed to convert pem to jwk: \"",
    ),
    (
        "return caught(() => crypto.jwkToPem({ kty: 'EC', crv: 'P-256' }))",
        "\"InternalError: Failed to convert jwk to pem missing or malformed member d\"",
    ),
    (
        "return caught(() => crypto.pubRsaPemToJwk(crypto.generateEcdsaKeyPair('secp256r1').publicKey))",
        "\"InternalError: Failed to convert pem to jwk: the key is of another kind\"",
    ),
];

#[test]
fn keys_are_made_used_wrapped_and_converted() {
    for (body, expected) in CASES {
        let source = format!("{PRELUDE} export function f() {{ {body} }}");
        let finished = run_in(&generous(Context::Application), &source, empty_tx());
        assert_eq!(summary(&finished), *expected, "{body}");
    }
}
