//! Conversions between PEM and JSON Web Keys (RFC 7518 section 6, RFC 8037), as `ccf.crypto` has them.

use coco_crypto::{
    Curve, EcKey, EcPublicKey, PrivateKey, PublicKey, RsaKey, RsaPublicKey,
    ed25519::{Ed25519Key, Ed25519PublicKey},
    numbers::RsaNumbers,
    signature::Signer as _,
};
use coco_wire::text::{decode_base64url, encode_base64url};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What kind of key a conversion is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ec,
    Rsa,
    Ed25519,
}

/// Why a key is not converted; the script is told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unconvertible {
    /// The PEM is no such key.
    #[error(transparent)]
    Key(#[from] coco_crypto::InvalidKey),
    /// The key is of another kind than the function is for.
    #[error("the key is of another kind")]
    Kind,
    /// A member of the JSON Web Key is missing, or no base64url.
    #[error("missing or malformed member {0}")]
    Member(&'static str),
}

const RSA_NUMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
const CURVES: [(Curve, &str); 3] = [(Curve::P256, "P-256"), (Curve::P384, "P-384"), (Curve::P521, "P-521")];

/// The JSON Web Key of a public key in PEM.
pub(super) fn of_public(kind: Kind, pem: &str) -> Result<Value, Unconvertible> {
    match (kind, PublicKey::from_spki_pem(pem)?) {
        (Kind::Ec, PublicKey::Ec(key)) => Ok(ec_members(&key)),
        (Kind::Rsa, PublicKey::Rsa(key)) => {
            let (modulus, exponent) = key.numbers();
            Ok(json!({ "kty": "RSA", "n": encode_base64url(&modulus), "e": encode_base64url(&exponent) }))
        }
        (Kind::Ed25519, PublicKey::Ed25519(key)) => Ok(edwards_members(&key)),
        _ => Err(Unconvertible::Kind),
    }
}

/// The JSON Web Key of a private key in PEM.
pub(super) fn of_private(kind: Kind, pem: &str) -> Result<Value, Unconvertible> {
    match (kind, PrivateKey::from_pem(pem)?) {
        (Kind::Ec, PrivateKey::Ec(key)) => {
            let mut members = ec_members(key.public_key());
            members["d"] = encode_base64url(&key.secret()).into();
            Ok(members)
        }
        (Kind::Rsa, PrivateKey::Rsa(key)) => {
            let mut members = json!({ "kty": "RSA" });
            for (name, number) in RSA_NUMBERS.into_iter().zip(&key.numbers().numbers) {
                members[name] = encode_base64url(number).into();
            }
            Ok(members)
        }
        (Kind::Ed25519, PrivateKey::Ed25519(key)) => {
            let mut members = edwards_members(&key.public_key());
            members["d"] = encode_base64url(&key.seed()).into();
            Ok(members)
        }
        _ => Err(Unconvertible::Kind),
    }
}

fn ec_members(key: &EcPublicKey) -> Value {
    let name = CURVES.into_iter().find(|(curve, _)| *curve == key.curve()).map(|(_, name)| name);
    let (x, y) = key.point()[1..].split_at(key.curve().coordinate_len());
    json!({ "kty": "EC", "crv": name, "x": encode_base64url(x), "y": encode_base64url(y) })
}

fn edwards_members(key: &Ed25519PublicKey) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key.point()) })
}

/// The PEM of a public JSON Web Key.
pub(super) fn to_public(kind: Kind, jwk: &Value) -> Result<String, Unconvertible> {
    match kind {
        Kind::Ec => {
            kty(jwk, "EC")?;
            let key = EcPublicKey::from_coordinates(curve(jwk)?, &number(jwk, "x")?, &number(jwk, "y")?)?;
            Ok(key.to_pem())
        }
        Kind::Rsa => {
            kty(jwk, "RSA")?;
            Ok(RsaPublicKey::from_numbers(&number(jwk, "n")?, &number(jwk, "e")?)?.to_pem())
        }
        Kind::Ed25519 => {
            edwards(jwk)?;
            Ok(PublicKey::Ed25519(Ed25519PublicKey::from_point(&number(jwk, "x")?)?).to_pem())
        }
    }
}

/// The PEM of a private JSON Web Key.
pub(super) fn to_private(kind: Kind, jwk: &Value) -> Result<Zeroizing<String>, Unconvertible> {
    match kind {
        Kind::Ec => {
            kty(jwk, "EC")?;
            Ok(EcKey::from_secret(curve(jwk)?, &number(jwk, "d")?)?.to_pem())
        }
        Kind::Rsa => {
            kty(jwk, "RSA")?;
            let mut numbers = RsaNumbers { numbers: Default::default() };
            for (name, value) in RSA_NUMBERS.into_iter().zip(&mut numbers.numbers) {
                *value = number(jwk, name)?;
            }
            Ok(RsaKey::from_numbers(&numbers)?.to_pem())
        }
        Kind::Ed25519 => {
            edwards(jwk)?;
            Ok(Ed25519Key::from_seed(&number(jwk, "d")?)?.to_pem())
        }
    }
}

fn kty(jwk: &Value, expected: &str) -> Result<(), Unconvertible> {
    if jwk["kty"] == expected { Ok(()) } else { Err(Unconvertible::Member("kty")) }
}

fn edwards(jwk: &Value) -> Result<(), Unconvertible> {
    kty(jwk, "OKP")?;
    if jwk["crv"] == "Ed25519" { Ok(()) } else { Err(Unconvertible::Member("crv")) }
}

fn curve(jwk: &Value) -> Result<Curve, Unconvertible> {
    let named = CURVES.into_iter().find(|(_, name)| jwk["crv"] == *name);
    named.map(|(curve, _)| curve).ok_or(Unconvertible::Member("crv"))
}

fn number(jwk: &Value, name: &'static str) -> Result<Zeroizing<Vec<u8>>, Unconvertible> {
    let text = jwk[name].as_str().and_then(|text| decode_base64url(text).ok());
    text.map(Zeroizing::new).ok_or(Unconvertible::Member(name))
}
