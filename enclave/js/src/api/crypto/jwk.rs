//! Conversions between PEM and JSON Web Keys (RFC 7518 section 6, RFC 8037), as `ccf.crypto` has them.

use coco_crypto::{
    Curve, EcKey, EcPublicKey, EphemeralKey, PrivateKey, PublicKey, RsaKey, RsaPublicKey,
    ed25519::{Ed25519Key, Ed25519PublicKey},
    exchange::{Share, share_from_pem, share_pem},
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
    /// Ed25519, and X25519, which agrees on secrets instead of signing.
    Edwards,
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

const ED25519: &str = "Ed25519";
const X25519: &str = "X25519";
const RSA_NUMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
const CURVES: [(Curve, &str); 3] = [(Curve::P256, "P-256"), (Curve::P384, "P-384"), (Curve::P521, "P-521")];

/// The JSON Web Key of a public key in PEM.
pub(super) fn of_public(kind: Kind, pem: &str) -> Result<Value, Unconvertible> {
    if kind == Kind::Edwards
        && let Ok(share) = share_from_pem(pem)
    {
        return Ok(montgomery_members(&share));
    }
    match (kind, PublicKey::from_spki_pem(pem)?) {
        (Kind::Ec, PublicKey::Ec(key)) => Ok(ec_members(&key)),
        (Kind::Rsa, PublicKey::Rsa(key)) => {
            let (modulus, exponent) = key.numbers();
            Ok(json!({ "kty": "RSA", "n": encode_base64url(&modulus), "e": encode_base64url(&exponent) }))
        }
        (Kind::Edwards, PublicKey::Ed25519(key)) => Ok(edwards_members(&key)),
        _ => Err(Unconvertible::Kind),
    }
}

/// The JSON Web Key of a private key in PEM.
pub(super) fn of_private(kind: Kind, pem: &str) -> Result<Value, Unconvertible> {
    if kind == Kind::Edwards
        && let Ok(secret) = EphemeralKey::secret_from_pem(pem)
    {
        let mut members = montgomery_members(EphemeralKey::from_secret(&secret).share());
        members["d"] = encode_base64url(&*secret).into();
        return Ok(members);
    }
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
        (Kind::Edwards, PrivateKey::Ed25519(key)) => {
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
    json!({ "kty": "OKP", "crv": ED25519, "x": encode_base64url(key.point()) })
}

fn montgomery_members(share: &Share) -> Value {
    json!({ "kty": "OKP", "crv": X25519, "x": encode_base64url(share) })
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
        Kind::Edwards => {
            kty(jwk, "OKP")?;
            let point = number(jwk, "x")?;
            match jwk["crv"].as_str() {
                Some(ED25519) => Ok(PublicKey::Ed25519(Ed25519PublicKey::from_point(&point)?).to_pem()),
                Some(X25519) => Ok(share_pem(&share(&point, "x")?)),
                _ => Err(Unconvertible::Member("crv")),
            }
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
        Kind::Edwards => {
            kty(jwk, "OKP")?;
            let secret = number(jwk, "d")?;
            match jwk["crv"].as_str() {
                Some(ED25519) => Ok(Ed25519Key::from_seed(&secret)?.to_pem()),
                Some(X25519) => Ok(EphemeralKey::secret_pem(&share(&secret, "d")?)),
                _ => Err(Unconvertible::Member("crv")),
            }
        }
    }
}

fn kty(jwk: &Value, expected: &str) -> Result<(), Unconvertible> {
    if jwk["kty"] == expected { Ok(()) } else { Err(Unconvertible::Member("kty")) }
}

fn share(bytes: &[u8], name: &'static str) -> Result<Share, Unconvertible> {
    bytes.try_into().map_err(|_| Unconvertible::Member(name))
}

fn curve(jwk: &Value) -> Result<Curve, Unconvertible> {
    let named = CURVES.into_iter().find(|(_, name)| jwk["crv"] == *name);
    named.map(|(curve, _)| curve).ok_or(Unconvertible::Member("crv"))
}

fn number(jwk: &Value, name: &'static str) -> Result<Zeroizing<Vec<u8>>, Unconvertible> {
    let text = jwk[name].as_str().and_then(|text| decode_base64url(text).ok());
    text.map(Zeroizing::new).ok_or(Unconvertible::Member(name))
}
