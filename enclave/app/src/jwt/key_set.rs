//! Keys as issuers publish them: JSON Web Key Set (RFC 7517).

use coco_crypto::{Certificate, Curve, EcPublicKey, InvalidKey, PublicKey, RsaPublicKey};
use coco_wire::text::{decode_base64, decode_base64url};
use serde::{Deserialize, Serialize};

/// A set of keys. Members that are not named here are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonWebKeySet {
    /// The keys.
    pub keys: Vec<JsonWebKey>,
}

/// A public key, as CCF reads it (`include/ccf/crypto/jwk.h`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonWebKey {
    /// Its kind.
    pub kty: KeyType,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Certificates, the first of which is of the key: base64 of DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x5c: Option<Vec<String>>,
    /// RSA modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Coordinate of a point, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Coordinate of a point, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// What the claim `iss` of tokens is to be, if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// Kinds of public keys. A symmetric key among them makes the set unreadable: whoever could read it could make tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyType {
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa,
    /// On a NIST curve.
    #[serde(rename = "EC")]
    Ec,
    /// On an Edwards or Montgomery curve; of no use here.
    #[serde(rename = "OKP")]
    Okp,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwk {
    /// Numbers that are no RSA key of 2048 to 8192 bits.
    #[error("Failed to construct RSA public key: {0}")]
    Rsa(InvalidKey),
    /// No point of P-256 or P-384.
    #[error("Failed to construct EC public key: {0}")]
    Ec(InvalidKey),
    /// Certificates that are not base64.
    #[error("Could not parse x5c of key id {0}")]
    X5cEncoding(String),
    /// No certificate with a key of a supported kind.
    #[error("JWKS kid {0} has an invalid X.509 certificate")]
    X5c(String),
    /// No key at all.
    #[error("JWKS kid {0} has neither RSA/EC public key or x5c")]
    NoKey(String),
}

impl JsonWebKey {
    /// The key: that of the numbers if there are any, else that of the certificate.
    pub(super) fn public_key(&self, kid: &str) -> Result<PublicKey, InvalidJwk> {
        let given = |field: &'_ Option<String>| field.clone().filter(|text| !text.is_empty());
        if let (Some(n), Some(e)) = (given(&self.n), given(&self.e)) {
            return rsa(&n, &e).map_err(InvalidJwk::Rsa);
        }
        if let (Some(x), Some(y), Some(curve)) = (given(&self.x), given(&self.y), &self.crv) {
            return ec(curve, &x, &y).map_err(InvalidJwk::Ec);
        }
        let Some(first) = self.x5c.as_ref().and_then(|chain| chain.first()) else {
            return Err(InvalidJwk::NoKey(kid.to_owned()));
        };
        let der = decode_base64(first).map_err(|_| InvalidJwk::X5cEncoding(kid.to_owned()))?;
        let certificate = Certificate::from_der(&der).map_err(|_| InvalidJwk::X5c(kid.to_owned()))?;
        Ok(certificate.public_key().clone())
    }
}

fn rsa(n: &str, e: &str) -> Result<PublicKey, InvalidKey> {
    RsaPublicKey::from_numbers(&number(n)?, &number(e)?).map(PublicKey::Rsa)
}

fn ec(curve: &str, x: &str, y: &str) -> Result<PublicKey, InvalidKey> {
    let curve = match curve {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        _ => return Err(InvalidKey::Unsupported),
    };
    EcPublicKey::from_coordinates(curve, &number(x)?, &number(y)?).map(PublicKey::Ec)
}

/// Numbers are base64url; CCF also takes the standard alphabet and padding, which some issuers write.
fn number(text: &str) -> Result<Vec<u8>, InvalidKey> {
    let standard = |c| match c {
        '+' => '-',
        '/' => '_',
        other => other,
    };
    let text: String = text.trim_end_matches('=').chars().map(standard).collect();
    decode_base64url(&text).map_err(|_| InvalidKey::Malformed)
}
