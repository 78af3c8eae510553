//! A token taken apart: JWS compact serialisation (RFC 7515, section 7.1) of claims (RFC 7519).

use std::borrow::Cow;

use coco_crypto::{
    Curve, PublicKey, hash::HashAlgorithm, signature::SignatureForm, signature::SignatureScheme,
};
use coco_wire::text::decode_base64url;
use serde_json::{Map, Value};

/// Why it is refused.
type Reason = Cow<'static, str>;
type Object = Map<String, Value>;

/// A token whose form is right; whether its signature is remains to be seen.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: String,
    /// Text of a JSON object.
    pub(super) header: String,
    /// Text of a JSON object.
    pub(super) payload: String,
    pub(super) claims: Claims,
    pub(super) signature: Vec<u8>,
    /// What the signature is of.
    pub(super) signed: &'a str,
}

/// The header `alg`: the algorithms of CCF, and that of the other curve of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

/// The claims that count here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// `exp`: the last second, Unix time.
    pub(super) expires_s: u64,
    /// `iss`.
    pub(super) issuer: String,
    /// `nbf`: the first second, Unix time.
    pub(super) not_before_s: Option<u64>,
    /// `tid`.
    pub(super) tenant: Option<String>,
}

/// The credentials of a header `authorization` of the scheme `Bearer` (RFC 6750, section 2.1).
pub(super) fn of_bearer(credentials: &[u8]) -> Result<&str, Reason> {
    let text = str::from_utf8(credentials).map_err(|_| "Authorization header is not text")?;
    let (scheme, token) = text.split_once(' ').ok_or("Authorization header only contains one field")?;
    if scheme == "Bearer" {
        Ok(token)
    } else {
        Err("Authorization header does not have Bearer scheme".into())
    }
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Reason> {
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("Malformed JWT: must contain exactly 3 parts".into());
        };
        let signed = &text[..header.len() + 1 + payload.len()];
        let decode = |part| decode_base64url(part).map_err(|_| "Malformed JWT: its parts must be base64url");
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let (header, header_fields) = json(header)?;
        let (payload, payload_fields) = json(payload)?;
        let (Value::Object(header_fields), Value::Object(payload_fields)) = (header_fields, payload_fields)
        else {
            return Err("JWT header or payload is not an object".into());
        };
        let (algorithm, key_id) = read_header(&header_fields)
            .map_err(|wrong| format!("JWT header does not follow schema: {wrong}"))?;
        let claims = read_claims(&payload_fields)
            .map_err(|wrong| format!("JWT payload is missing required field: {wrong}"))?;
        Ok(Self { algorithm, key_id, header, payload, claims, signature, signed })
    }
}

impl Algorithm {
    /// The scheme by which `key` verifies signatures of this algorithm; none if they do not belong together.
    pub(super) fn scheme_for(self, key: &PublicKey) -> Option<SignatureScheme> {
        let ecdsa = |curve: Curve| Some(SignatureScheme::Ecdsa(curve.hash(), SignatureForm::Fixed));
        match (self, key) {
            (Self::Rs256, PublicKey::Rsa(_)) => Some(SignatureScheme::RsaPkcs1(HashAlgorithm::Sha256)),
            (Self::Es256, PublicKey::Ec(key)) if key.curve() == Curve::P256 => ecdsa(Curve::P256),
            (Self::Es384, PublicKey::Ec(key)) if key.curve() == Curve::P384 => ecdsa(Curve::P384),
            _ => None,
        }
    }
}

fn json(bytes: Vec<u8>) -> Result<(String, Value), Reason> {
    let invalid = "JWT header or payload is not valid JSON";
    let text = String::from_utf8(bytes).map_err(|_| invalid)?;
    let value = serde_json::from_str(&text).map_err(|error| format!("{invalid}: {error}"))?;
    Ok((text, value))
}

fn read_header(fields: &Object) -> Result<(Algorithm, String), String> {
    let algorithm = match required(fields, "alg")? {
        Value::String(name) if name == "RS256" => Algorithm::Rs256,
        Value::String(name) if name == "ES256" => Algorithm::Es256,
        Value::String(name) if name == "ES384" => Algorithm::Es384,
        other => return Err(format!("At #/alg: {other} is not convertible to JwtCryptoAlgorithm")),
    };
    let key_id = text("kid", required(fields, "kid")?)?;
    if fields.contains_key("crit") {
        // RFC 7515, section 4.1.11: none is understood.
        return Err("At #/crit: no extension is understood".into());
    }
    Ok((algorithm, key_id))
}

fn read_claims(fields: &Object) -> Result<Claims, String> {
    let given = |name| fields.get(name).filter(|value| !value.is_null());
    Ok(Claims {
        expires_s: seconds("exp", required(fields, "exp")?)?,
        issuer: text("iss", required(fields, "iss")?)?,
        not_before_s: given("nbf").map(|value| seconds("nbf", value)).transpose()?,
        tenant: given("tid").map(|value| text("tid", value)).transpose()?,
    })
}

fn required<'a>(fields: &'a Object, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| {
        let object = Value::Object(fields.clone());
        format!("At #/: Missing required field '{name}' in object: {object}")
    })
}

fn text(name: &str, value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("At #/{name}: {value} is not text"))
}

/// NumericDate (RFC 7519, section 2), which may have a fraction; that is dropped. No time before 1970 is one.
fn seconds(name: &str, value: &Value) -> Result<u64, String> {
    // A fraction leaves fewer than 2^53 whole seconds that could be told apart.
    let fraction = |number: &f64| (0.0..9e15).contains(number);
    let whole = |number: f64| format!("{:.0}", number.abs().floor()).parse().ok();
    let dropped = || value.as_f64().filter(fraction).and_then(whole);
    value.as_u64().or_else(dropped).ok_or_else(|| format!("At #/{name}: {value} is not a time"))
}

#[cfg(test)]
mod tests;
