//! The table of keys that verify tokens, changed an issuer at a time (CCF `src/node/rpc/jwt_management.h`).

use std::collections::BTreeMap;

use coco_kv::{Malformed, Tx};
use coco_tables::jwt::{Jwt, SigningKey, SigningKeys};
use coco_wire::text::Base64;

use super::{
    issuer::may_constrain,
    key_set::{InvalidJwk, JsonWebKeySet},
};

/// Most keys of an issuer.
const MAX_KEYS: usize = 1000;

/// Why keys were not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// There are none, and an issuer without keys is one to be removed.
    #[error("JWKS has no keys")]
    Empty,
    /// More than 1000.
    #[error("JWKS has more than {MAX_KEYS} keys")]
    TooMany,
    /// Tokens name the key that verifies them.
    #[error("Missing kid for JWT signing key")]
    NoKid,
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] InvalidJwk),
    /// A key would verify tokens of an issuer of another domain.
    #[error("JWKS kid {kid} with issuer constraint {constraint} fails validation against issuer {issuer}")]
    Constraint {
        /// Name of the key.
        kid: String,
        /// Whose tokens it would verify.
        constraint: String,
        /// Whose key it is.
        issuer: String,
    },
    /// What is stored cannot be read.
    #[error(transparent)]
    Stored(#[from] Malformed),
}

/// Makes `set` the keys of `issuer`: those that it lacks are removed, and those that are the same are not written
/// again. Keys of other issuers stay, also under the same name.
///
/// # Errors
/// When a key of the set is wrong; nothing is written then.
pub fn set_signing_keys(
    tables: &Jwt,
    tx: &mut Tx,
    issuer: &str,
    set: &JsonWebKeySet,
) -> Result<(), InvalidKeySet> {
    let new = read(issuer, set)?;
    for kid in kids_of(tables, tx, issuer)? {
        if !new.contains_key(&kid) {
            remove_key(tables, tx, &kid, issuer)?;
        }
    }
    for (kid, key) in new {
        let mut keys = tables.signing_keys.get(tx, &kid)?.unwrap_or_default();
        match keys.0.iter_mut().find(|key| key.issuer == issuer) {
            Some(known) if *known == key => continue,
            Some(known) => *known = key,
            None => keys.0.push(key),
        }
        tables.signing_keys.put(tx, &kid, &keys);
    }
    Ok(())
}

/// Removes all keys of `issuer`.
///
/// # Errors
/// If what is stored cannot be read.
pub fn remove_signing_keys(tables: &Jwt, tx: &mut Tx, issuer: &str) -> Result<(), Malformed> {
    kids_of(tables, tx, issuer)?.iter().try_for_each(|kid| remove_key(tables, tx, kid, issuer))
}

/// The keys of a set by their names, of which the first counts.
fn read(issuer: &str, set: &JsonWebKeySet) -> Result<BTreeMap<String, SigningKey>, InvalidKeySet> {
    if set.keys.is_empty() {
        return Err(InvalidKeySet::Empty);
    }
    if set.keys.len() > MAX_KEYS {
        return Err(InvalidKeySet::TooMany);
    }
    let mut keys = BTreeMap::new();
    for jwk in &set.keys {
        let kid = jwk.kid.as_ref().ok_or(InvalidKeySet::NoKid)?;
        let public_key = jwk.public_key(kid)?;
        if let Some(constraint) = jwk.issuer.as_ref().filter(|constraint| !may_constrain(issuer, constraint))
        {
            return Err(InvalidKeySet::Constraint {
                kid: kid.clone(),
                constraint: constraint.clone(),
                issuer: issuer.to_owned(),
            });
        }
        keys.entry(kid.clone()).or_insert_with(|| SigningKey {
            issuer: issuer.to_owned(),
            public_key: Base64(public_key.spki_der().to_vec()),
            constraint: jwk.issuer.clone(),
        });
    }
    Ok(keys)
}

fn kids_of(tables: &Jwt, tx: &Tx, issuer: &str) -> Result<Vec<String>, Malformed> {
    let mut kids = Vec::new();
    for row in tables.signing_keys.iter(tx) {
        let (kid, keys) = row?;
        if keys.0.iter().any(|key| key.issuer == issuer) {
            kids.push(kid);
        }
    }
    Ok(kids)
}

fn remove_key(tables: &Jwt, tx: &mut Tx, kid: &str, issuer: &str) -> Result<(), Malformed> {
    let SigningKeys(mut keys) = tables.signing_keys.get(tx, kid)?.unwrap_or_default();
    keys.retain(|key| key.issuer != issuer);
    if keys.is_empty() {
        tables.signing_keys.remove(tx, kid);
    } else {
        tables.signing_keys.put(tx, kid, &SigningKeys(keys));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
