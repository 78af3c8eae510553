//! JSON Web Tokens (RFC 7519) as bearer credentials: whose they are, and which keys the members trust.
//!
//! Rules and words are those of CCF (`src/endpoints/authentication/jwt_auth.cpp`, `src/http/http_jwt.h`), with less
//! leeway: the text of a token has one form, its algorithm must be that of the key, and extensions that a token calls
//! critical are refused.

mod issuer;
mod key_set;
mod keys;
mod token;

use std::borrow::Cow;

use coco_crypto::{PublicKey, hash::sha256};
use coco_kv::{Decode as _, Reader as _, Snapshot, Tx};
use coco_tables::jwt::{SigningKey, SigningKeys};
use coco_wire::{Digest, TableName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::token::Token;
use crate::request::Request;

pub use self::{
    key_set::{JsonWebKey, JsonWebKeySet},
    keys::{InvalidKeySet, remove_signing_keys, set_signing_keys},
};

/// Who holds a token, as its issuer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwtIdentity {
    /// Issuer that the members set the key for, which verified the token.
    pub key_issuer: String,
    /// Header of the token: text of a JSON object.
    pub header: String,
    /// Claims of the token: text of a JSON object.
    pub payload: String,
    key_id: String,
    /// Of the row with all keys of that ID.
    keys: Digest,
}

impl JwtIdentity {
    /// The header as JSON.
    #[must_use]
    pub fn header_json(&self) -> Value {
        serde_json::from_str(&self.header).unwrap_or_default()
    }

    /// The claims as JSON.
    #[must_use]
    pub fn payload_json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or_default()
    }
}

/// What verifies tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    keys: TableName,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { keys: coco_tables::jwt::Jwt::default().signing_keys.name().clone() }
    }
}

impl Tokens {
    /// Whom the token in the header `authorization` is about, or why it is not believed.
    pub(crate) fn authenticate(
        &self,
        request: &Request,
        state: &Snapshot,
        now_s: u64,
    ) -> Result<JwtIdentity, Cow<'static, str>> {
        let credentials = request.headers.get("authorization").ok_or("Missing authorization header")?;
        let token = Token::parse(token::of_bearer(credentials)?)?;
        let key_id = token.key_id.as_str();
        let unknown = || format!("JWT signing key not found for kid {key_id}");
        let row = state.get(&self.keys, key_id.as_bytes()).ok_or_else(unknown)?;
        let keys = SigningKeys::decode(&row)
            .ok_or_else(|| format!("JWT signing keys of kid {key_id} cannot be read"))?;
        let mut reason = Cow::from(unknown());
        for key in &keys.0 {
            match check(&token, key, now_s) {
                Ok(()) => {
                    return Ok(JwtIdentity {
                        key_issuer: key.issuer.clone(),
                        header: token.header,
                        payload: token.payload,
                        key_id: token.key_id,
                        keys: sha256(&row),
                    });
                }
                Err(refused) => reason = refused,
            }
        }
        Err(reason)
    }

    /// Whether the keys that verified `identity` are still those of the service.
    pub(crate) fn knows(&self, identity: &JwtIdentity, tx: &mut Tx) -> bool {
        tx.get(&self.keys, identity.key_id.as_bytes()).is_some_and(|row| sha256(&row) == identity.keys)
    }
}

fn check(token: &Token<'_>, key: &SigningKey, now_s: u64) -> Result<(), Cow<'static, str>> {
    let scheme = |key: &PublicKey| token.algorithm.scheme_for(key);
    PublicKey::from_spki_der(&key.public_key.0)
        .ok()
        .and_then(|key| key.verify(scheme(&key)?, token.signed.as_bytes(), &token.signature).ok())
        .ok_or("Signature verification failed")?;
    let claims = &token.claims;
    if let Some(from_s) = claims.not_before_s.filter(|from_s| now_s < *from_s) {
        return Err(format!("Current time {now_s} is before token's Not Before (nbf) claim {from_s}").into());
    }
    let to_s = claims.expires_s;
    if now_s > to_s {
        return Err(
            format!("Current time {now_s} is after token's Expiration Time (exp) claim {to_s}").into()
        );
    }
    match &key.constraint {
        Some(constraint) if !issuer::admits(constraint, &claims.issuer, claims.tenant.as_deref()) => {
            Err(format!("Kid {} failed issuer constraint validation {constraint}", token.key_id).into())
        }
        _ => Ok(()),
    }
}
