//! `ccf.crypto`: digests, signatures and certificates.

mod jwk;
mod keys;

use std::rc::Rc;

use coco_crypto::{
    Certificate, PublicKey, SignatureForm,
    hash::{HashAlgorithm, sha256},
    signature::SignatureScheme,
    x509::UnixTime,
};
use rquickjs::{Ctx, Exception, Object, Result, Value};

use crate::{
    realm::{boolean, buffer, bytes, define, text},
    state::State,
};

/// Longest chain that is followed, and most certificates of a bundle that are looked at.
const MAX_CERTIFICATES: usize = 64;
const NOT_A_BUFFER: &str = "Argument must be an ArrayBuffer";

/// Adds `ccf.crypto`.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    let crypto = Object::new(ccf.ctx().clone())?;
    define(&crypto, state, "digest", 2, |_, ctx, args| {
        if text(ctx, &args[0])? != "SHA-256" {
            let message = "unsupported digest algorithm, supported: SHA-256";
            return Err(Exception::throw_range(ctx, message));
        }
        buffer(ctx, &sha256(&bytes(ctx, &args[1], NOT_A_BUFFER)?).0)
    })?;
    define(&crypto, state, "isValidX509CertBundle", 1, |_, ctx, args| {
        Ok(boolean(ctx, bundle(&text(ctx, &args[0])?).is_some()))
    })?;
    define(&crypto, state, "isValidX509CertChain", 2, |state, ctx, args| {
        let chain = bundle(&text(ctx, &args[0])?);
        let trusted = bundle(&text(ctx, &args[1])?);
        let now = UnixTime(i64::try_from(state.clock.wall_ms() / 1000).unwrap_or(i64::MAX));
        let valid = chain.zip(trusted).is_some_and(|(chain, trusted)| is_valid_chain(chain, &trusted, now));
        Ok(boolean(ctx, valid))
    })?;
    define(&crypto, state, "verifySignature", 4, |_, ctx, args| verify_signature(ctx, args))?;
    keys::install(&crypto, state)?;
    ccf.set("crypto", crypto)
}

fn bundle(pem: &str) -> Option<Vec<Certificate>> {
    Certificate::bundle_from_pem(pem).ok()
}

/// Whether the first certificate leads to a trusted one over the others, in any order; the trusted one
/// need not be a root. All must be valid at `now`, and all that are trusted must be authorities, as in CCF
/// (`src/crypto/openssl/verifier.cpp`).
fn is_valid_chain(chain: Vec<Certificate>, trusted: &[Certificate], now: UnixTime) -> bool {
    if chain.len() > MAX_CERTIFICATES || trusted.len() > MAX_CERTIFICATES {
        return false;
    }
    if !trusted.iter().all(Certificate::is_authority) {
        return false;
    }
    let mut others = chain.into_iter();
    let Some(mut current) = others.next() else { return false };
    let mut others: Vec<_> = others.collect();
    let mut below = 0_u32;
    while current.validity().contains(now) {
        if trusted.contains(&current) {
            return true;
        }
        let issues = |issuer: &Certificate| {
            let deep_enough = issuer.path_length().is_none_or(|length| length >= below);
            issuer.is_authority() && deep_enough && current.verify_issued_by(issuer).is_ok()
        };
        if trusted.iter().any(|issuer| issuer.validity().contains(now) && issues(issuer)) {
            return true;
        }
        match others.iter().position(issues) {
            Some(at) => current = others.swap_remove(at),
            None => return false,
        }
        below += 1;
    }
    false
}

/// Arguments: algorithm, key or certificate in PEM, signature, data; modelled after `SubtleCrypto.verify`.
fn verify_signature<'js>(ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let signature = bytes(ctx, &args[2], NOT_A_BUFFER)?;
    let data = bytes(ctx, &args[3], NOT_A_BUFFER)?;
    let Some(algorithm) = args[0].as_object() else {
        return Err(Exception::throw_type(ctx, "Algorithm must be an object"));
    };
    let pem = text(ctx, &args[1])?;
    let scheme = scheme(ctx, algorithm)?;
    let fail =
        |reason: String| Exception::throw_internal(ctx, &format!("Failed to verify signature: {reason}"));
    let key = if pem.starts_with("-----BEGIN CERTIFICATE") {
        Certificate::from_pem(&pem).map_err(|error| fail(error.to_string()))?.public_key().clone()
    } else {
        PublicKey::from_spki_pem(&pem).map_err(|error| fail(error.to_string()))?
    };
    Ok(boolean(ctx, key.verify(scheme, &data, &signature).is_ok()))
}

fn scheme<'js>(ctx: &Ctx<'js>, algorithm: &Object<'js>) -> Result<SignatureScheme> {
    let property = |name| text(ctx, &algorithm.get::<_, Value<'js>>(name)?);
    let name = property("name")?;
    if name == "EdDSA" {
        return Ok(SignatureScheme::Ed25519);
    }
    if property("hash")? != "SHA-256" {
        return Err(Exception::throw_range(ctx, "Unsupported hash algorithm, supported: SHA-256"));
    }
    match name.as_str() {
        "ECDSA" => Ok(SignatureScheme::Ecdsa(HashAlgorithm::Sha256, SignatureForm::Fixed)),
        "RSA-PSS" if property("saltLength")? == "32" => Ok(SignatureScheme::RsaPss(HashAlgorithm::Sha256)),
        "RSA-PSS" => Err(Exception::throw_range(ctx, "Unsupported salt length, supported: 32")),
        _ => {
            let message = "Unsupported signing algorithm, supported: RSA-PSS, ECDSA, EdDSA";
            Err(Exception::throw_range(ctx, message))
        }
    }
}
