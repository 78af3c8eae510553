//! Keys in `ccf.crypto`: made, used to sign, wrapped, and converted.

use std::rc::Rc;

use coco_crypto::{
    Curve, EcKey, EphemeralKey, PrivateKey, PublicKey, RsaKey, RsaPublicKey, SignatureForm,
    ed25519::Ed25519Key,
    hash::HashAlgorithm,
    mac,
    rsa::RsaBits,
    signature::SignatureScheme,
    wrap::{unwrap, unwrap_with_rsa, wrap, wrap_with_rsa},
};
use rquickjs::{Coerced, Ctx, Exception, FromJs, Object, Result, Value};
use zeroize::Zeroizing;

use super::jwk::{self, Kind, Unconvertible};
use crate::{
    realm::{buffer, bytes, define, define_between, string, text, to_json},
    state::State,
};

const NOT_A_BUFFER: &str = "Argument must be an ArrayBuffer";

/// Adds them to `ccf.crypto`.
pub(super) fn install(crypto: &Object<'_>, state: &Rc<State>) -> Result<()> {
    define(crypto, state, "sign", 3, |_, ctx, args| sign(ctx, args))?;
    install_generators(crypto, state)?;
    install_conversions(crypto, state)?;
    define(crypto, state, "wrapKey", 3, wrap_key)?;
    define(crypto, state, "unwrapKey", 3, |_, ctx, args| unwrap_key(ctx, args))
}

fn install_generators(crypto: &Object<'_>, state: &Rc<State>) -> Result<()> {
    define(crypto, state, "generateAesKey", 1, |state, ctx, args| {
        let bits = integer(ctx, &args[0])?;
        if ![128.0, 192.0, 256.0].contains(&bits) {
            return Err(Exception::throw_range(ctx, "invalid key size (not one of 128, 192, 256)"));
        }
        let mut key = Zeroizing::new([0; 32]);
        state.entropy().fill(&mut *key);
        let len = if bits == 128.0 {
            16
        } else if bits == 192.0 {
            24
        } else {
            32
        };
        buffer(ctx, &key[..len])
    })?;
    define_between(crypto, state, "generateRsaKeyPair", 1..=2, |_, ctx, args| {
        let failed =
            |reason| Exception::throw_internal(ctx, &format!("Failed to generate RSA key pair: {reason}"));
        let exponent = args.get(1).map_or(Ok(65_537.0), |exponent| integer(ctx, exponent))?;
        if exponent != 65_537.0 {
            return Err(failed("the only exponent supported is 65537"));
        }
        let bits = match integer(ctx, &args[0])? {
            2048.0 => RsaBits::B2048,
            3072.0 => RsaBits::B3072,
            4096.0 => RsaBits::B4096,
            _ => return Err(failed("sizes supported are 2048, 3072 and 4096")),
        };
        pair(ctx, &PrivateKey::Rsa(RsaKey::generate(bits)))
    })?;
    define(crypto, state, "generateEcdsaKeyPair", 1, |state, ctx, args| {
        let curve = match &*text(ctx, &args[0])? {
            "secp256r1" => Curve::P256,
            "secp384r1" => Curve::P384,
            _ => {
                let message = "Unsupported curve id, supported: secp256r1, secp384r1";
                return Err(Exception::throw_range(ctx, message));
            }
        };
        pair(ctx, &PrivateKey::Ec(EcKey::generate(curve, state.entropy())))
    })?;
    define(crypto, state, "generateEddsaKeyPair", 1, |state, ctx, args| match &*text(ctx, &args[0])? {
        "curve25519" => pair(ctx, &PrivateKey::Ed25519(Ed25519Key::generate(state.entropy()))),
        "x25519" => {
            let mut secret = Zeroizing::new([0; 32]);
            state.entropy().fill(&mut *secret);
            let key = EphemeralKey::from_secret(&secret);
            pems(ctx, &EphemeralKey::secret_pem(&secret), &key.share_pem())
        }
        _ => Err(Exception::throw_range(ctx, "Unsupported curve id, supported: curve25519, x25519")),
    })
}

fn pair<'js>(ctx: &Ctx<'js>, key: &PrivateKey) -> Result<Value<'js>> {
    pems(ctx, &key.to_pem(), &key.public_key().to_pem())
}

fn pems<'js>(ctx: &Ctx<'js>, private: &str, public: &str) -> Result<Value<'js>> {
    let pair = Object::new(ctx.clone())?;
    pair.set("privateKey", private)?;
    pair.set("publicKey", public)?;
    Ok(pair.into_value())
}

fn install_conversions(crypto: &Object<'_>, state: &Rc<State>) -> Result<()> {
    type ToJwk = fn(Kind, &str) -> std::result::Result<serde_json::Value, Unconvertible>;
    let to_jwk: [(&'static str, Kind, ToJwk); 6] = [
        ("pubPemToJwk", Kind::Ec, jwk::of_public),
        ("pemToJwk", Kind::Ec, jwk::of_private),
        ("pubRsaPemToJwk", Kind::Rsa, jwk::of_public),
        ("rsaPemToJwk", Kind::Rsa, jwk::of_private),
        ("pubEddsaPemToJwk", Kind::Edwards, jwk::of_public),
        ("eddsaPemToJwk", Kind::Edwards, jwk::of_private),
    ];
    for (name, kind, convert) in to_jwk {
        define_between(crypto, state, name, 1..=2, move |_, ctx, args| {
            let converted = convert(kind, &text(ctx, &args[0])?);
            let mut jwk = converted.map_err(|reason| {
                Exception::throw_internal(ctx, &format!("Failed to convert pem to jwk: {reason}"))
            })?;
            if let Some(id) = args.get(1).filter(|id| !id.is_undefined()) {
                jwk["kid"] = text(ctx, id)?.into();
            }
            ctx.json_parse(jwk.to_string())
        })?;
    }
    type ToPem = fn(Kind, &serde_json::Value) -> std::result::Result<Zeroizing<String>, Unconvertible>;
    let to_pem: [(&'static str, Kind, ToPem); 6] = [
        ("pubJwkToPem", Kind::Ec, |kind, jwk| jwk::to_public(kind, jwk).map(Zeroizing::new)),
        ("jwkToPem", Kind::Ec, jwk::to_private),
        ("pubRsaJwkToPem", Kind::Rsa, |kind, jwk| jwk::to_public(kind, jwk).map(Zeroizing::new)),
        ("rsaJwkToPem", Kind::Rsa, jwk::to_private),
        ("pubEddsaJwkToPem", Kind::Edwards, |kind, jwk| jwk::to_public(kind, jwk).map(Zeroizing::new)),
        ("eddsaJwkToPem", Kind::Edwards, jwk::to_private),
    ];
    for (name, kind, convert) in to_pem {
        define(crypto, state, name, 1, move |_, ctx, args| {
            let json = to_json(ctx, &args[0])?.unwrap_or_default();
            let jwk = serde_json::from_str(&json).unwrap_or_default();
            let pem = convert(kind, &jwk).map_err(|reason| {
                Exception::throw_internal(ctx, &format!("Failed to convert jwk to pem {reason}"))
            })?;
            string(ctx, &pem)
        })?;
    }
    Ok(())
}

/// Arguments: algorithm, private key in PEM (of HMAC: any text), data.
fn sign<'js>(ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let property = |name| property(ctx, &args[0], name);
    let name = text(ctx, &property("name")?)?;
    let key = Zeroizing::new(text(ctx, &args[1])?);
    let data = bytes(ctx, &args[2], NOT_A_BUFFER)?;
    let failed = |reason: String| Exception::throw_internal(ctx, &format!("Failed to sign: {reason}"));
    let signed = |scheme| {
        let key = PrivateKey::from_pem(&key).map_err(|error| failed(error.to_string()))?;
        let signature = key.sign(scheme, &data).map_err(|_| failed("the key is of another kind".into()))?;
        buffer(ctx, &signature)
    };
    if name == "EdDSA" {
        return signed(SignatureScheme::Ed25519);
    }
    let hash = match &*text(ctx, &property("hash")?)? {
        "SHA-256" => HashAlgorithm::Sha256,
        "SHA-384" => HashAlgorithm::Sha384,
        "SHA-512" => HashAlgorithm::Sha512,
        _ => {
            let message = "Unsupported hash algorithm, supported: SHA-256, SHA-384, SHA-512";
            return Err(Exception::throw_range(ctx, message));
        }
    };
    match &*name {
        "ECDSA" => signed(SignatureScheme::Ecdsa(hash, SignatureForm::Fixed)),
        "RSA-PSS" if integer(ctx, &property("saltLength")?)? == hash.digest(&[]).len() as f64 => {
            signed(SignatureScheme::RsaPss(hash))
        }
        "RSA-PSS" => Err(failed("the salt must be as long as the hash".into())),
        "HMAC" => buffer(ctx, &mac::hmac(hash, key.as_bytes(), &data)),
        _ => {
            let message = "Unsupported signing algorithm, supported: RSA-PSS, ECDSA, EdDSA, HMAC";
            Err(Exception::throw_range(ctx, message))
        }
    }
}

/// Arguments: key, wrapping key (PEM of a public key, or AES key), algorithm.
fn wrap_key<'js>(state: &State, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let (key, with) = (secret(ctx, &args[0])?, secret(ctx, &args[1])?);
    let failed = |reason: &dyn std::fmt::Display| {
        Exception::throw_internal(ctx, &format!("Failed to wrap key: {reason}"))
    };
    let owner = || {
        let key = PublicKey::from_spki_pem(str::from_utf8(&with).unwrap_or_default());
        match key.map_err(|error| failed(&error))? {
            PublicKey::Rsa(key) => Ok::<RsaPublicKey, rquickjs::Error>(key),
            _ => Err(failed(&"not an RSA key")),
        }
    };
    let label = label(ctx, &args[2])?;
    let wrapped = match &*text(ctx, &property(ctx, &args[2], "name")?)? {
        "RSA-OAEP" => {
            owner()?.encrypt_oaep_labelled(&key, label.as_deref()).map_err(|error| failed(&error))?
        }
        "AES-KWP" => wrap(&with, &key).map_err(|error| failed(&error))?,
        "RSA-OAEP-AES-KWP" => {
            let bits = integer(ctx, &property(ctx, &args[2], "aesKeySize")?)?;
            let bits = if bits == 128.0 {
                128
            } else if bits == 256.0 {
                256
            } else {
                0
            };
            let wrapped = wrap_with_rsa(&owner()?, bits, &key, label.as_deref(), state.entropy());
            wrapped.map_err(|error| failed(&error))?
        }
        _ => {
            let message =
                "unsupported key wrapping algorithm, supported: RSA-OAEP, AES-KWP, RSA-OAEP-AES-KWP";
            return Err(Exception::throw_range(ctx, message));
        }
    };
    buffer(ctx, &wrapped)
}

/// Arguments: wrapped key, unwrapping key (PEM of a private key, or AES key), algorithm.
fn unwrap_key<'js>(ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let (wrapped, with) = (secret(ctx, &args[0])?, secret(ctx, &args[1])?);
    let failed = |reason: &dyn std::fmt::Display| {
        Exception::throw_internal(ctx, &format!("Failed to unwrap key: {reason}"))
    };
    let owner =
        || RsaKey::from_pem(str::from_utf8(&with).unwrap_or_default()).map_err(|error| failed(&error));
    let label = label(ctx, &args[2])?;
    let key = match &*text(ctx, &property(ctx, &args[2], "name")?)? {
        "RSA-OAEP" => {
            owner()?.decrypt_oaep_labelled(&wrapped, label.as_deref()).map_err(|error| failed(&error))?
        }
        "AES-KWP" => unwrap(&with, &wrapped).map_err(|error| failed(&error))?,
        "RSA-OAEP-AES-KWP" => {
            unwrap_with_rsa(&owner()?, &wrapped, label.as_deref()).map_err(|error| failed(&error))?
        }
        _ => {
            let message =
                "unsupported key unwrapping algorithm, supported: RSA-OAEP, AES-KWP, RSA-OAEP-AES-KWP";
            return Err(Exception::throw_range(ctx, message));
        }
    };
    buffer(ctx, &key)
}

fn secret<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Zeroizing<Vec<u8>>> {
    bytes(ctx, value, NOT_A_BUFFER).map(Zeroizing::new)
}

/// The label of RSA-OAEP, if one is given.
fn label<'js>(ctx: &Ctx<'js>, algorithm: &Value<'js>) -> Result<Option<Vec<u8>>> {
    let label = property(ctx, algorithm, "label")?;
    let label = if label.is_object() { Some(bytes(ctx, &label, NOT_A_BUFFER)?) } else { None };
    Ok(label.filter(|label| !label.is_empty()))
}

fn property<'js>(ctx: &Ctx<'js>, object: &Value<'js>, name: &str) -> Result<Value<'js>> {
    match object.as_object() {
        Some(object) => object.get(name),
        None => Err(Exception::throw_type(ctx, "Algorithm must be an object")),
    }
}

fn integer<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<f64> {
    Ok(Coerced::<f64>::from_js(ctx, value.clone())?.0.trunc())
}
