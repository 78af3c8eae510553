use std::slice::from_ref;

use coco_crypto::{Curve, EcKey, EcPublicKey, RsaKey, Signer as _, entropy::SystemEntropy, rsa::RsaBits};
use coco_kv::{Reader as _, Store};
use coco_wire::{Seqno, TableName, text::encode_base64, text::encode_base64url};
use serde_json::{Value, json};

use super::*;

fn ec(curve: Curve) -> EcPublicKey {
    EcKey::generate(curve, &SystemEntropy).public_key().clone()
}

fn jwk(kid: &str, key: &EcPublicKey) -> Value {
    let curve = if key.curve() == Curve::P256 { "P-256" } else { "P-384" };
    let (x, y) = key.point()[1..].split_at(key.curve().coordinate_len());
    json!({ "kty": "EC", "kid": kid, "crv": curve, "x": encode_base64url(x), "y": encode_base64url(y) })
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

/// Tables of their own, and how many rows the last transaction wrote.
#[derive(Default)]
struct Service {
    tables: Jwt,
    store: Store,
    last: u64,
}

impl Service {
    fn run(
        &mut self,
        change: impl FnOnce(&Jwt, &mut Tx) -> Result<(), InvalidKeySet>,
    ) -> Result<usize, String> {
        let mut tx = Tx::new(self.store.latest());
        let changed = change(&self.tables, &mut tx);
        let executed = tx.finish();
        let writes = executed.writes().tables().map(|(_, rows)| rows.len()).sum();
        self.last += 1;
        self.store.commit(Seqno(self.last), &executed).unwrap();
        changed.map(|()| writes).map_err(|error| error.to_string())
    }

    fn set(&mut self, issuer: &str, keys: &[Value]) -> Result<usize, String> {
        let set = serde_json::from_value(json!({ "keys": keys })).map_err(|error| error.to_string())?;
        self.run(|tables, tx| set_signing_keys(tables, tx, issuer, &set))
    }

    fn remove(&mut self, issuer: &str) -> usize {
        self.run(|tables, tx| Ok(remove_signing_keys(tables, tx, issuer)?)).unwrap()
    }

    /// The table as CCF's clients see it.
    fn rows(&self) -> Value {
        let table = TableName::new("public:ccf.gov.jwt.public_signing_keys_metadata_v2");
        let state = self.store.latest();
        let rows = state.iter(&table).map(|(key, value)| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(key), serde_json::from_str(&text(value)).unwrap())
        });
        Value::Object(rows.collect())
    }
}

fn stored(issuer: &str, key: &EcPublicKey, constraint: Option<&str>) -> Value {
    let mut row = json!({ "issuer": issuer, "public_key": encode_base64(key.spki_der()) });
    if let Some(constraint) = constraint {
        row["constraint"] = constraint.into();
    }
    row
}

#[test]
fn an_issuers_keys_are_replaced_and_others_stay() {
    let mut service = Service::default();
    let [a, b, c] = [Curve::P256, Curve::P384, Curve::P256].map(ec);
    let (one, two) = ("https://one.example", "https://two.example");
    assert_eq!(service.set(one, &[jwk("k1", &a), jwk("k2", &b)]), Ok(2));
    assert_eq!(service.rows(), json!({ "k1": [stored(one, &a, None)], "k2": [stored(one, &b, None)] }));
    // Nothing is written again that is there.
    assert_eq!(service.set(one, &[jwk("k2", &b), jwk("k1", &a)]), Ok(0));
    // Issuers share names, not keys.
    let bound = with(jwk("k1", &c), "issuer", json!(two));
    assert_eq!(service.set(two, &[bound.clone(), jwk("k3", &c)]), Ok(2));
    let of_two = stored(two, &c, Some(two));
    assert_eq!(service.rows()["k1"], json!([stored(one, &a, None), of_two]));
    assert_eq!(service.set(two, &[bound]), Ok(1));
    assert_eq!(service.rows()["k3"], Value::Null);
    // A key is replaced where it stands.
    let narrow = with(jwk("k1", &b), "issuer", json!("https://one.example/specific"));
    assert_eq!(service.set(one, from_ref(&narrow)), Ok(2));
    let of_one = stored(one, &b, Some("https://one.example/specific"));
    assert_eq!(service.rows(), json!({ "k1": [of_one, of_two] }));
    // Of the same name twice, the first counts.
    assert_eq!(service.set(one, &[narrow, jwk("k1", &a)]), Ok(0));
    assert_eq!(service.remove(one), 1);
    assert_eq!(service.rows(), json!({ "k1": [of_two] }));
    assert_eq!((service.remove(one), service.remove(two)), (0, 1));
    assert_eq!(service.rows(), json!({}));
}

#[test]
fn keys_come_in_several_forms() {
    let mut service = Service::default();
    let rsa = RsaKey::generate(RsaBits::B2048).public_key().clone();
    let spki = rsa.spki_der().to_vec();
    let (n, e) = (&spki[spki.len() - 261..spki.len() - 5], [1, 0, 1]);
    let forms = [
        json!({ "kty": "RSA", "kid": "k", "n": encode_base64url(n), "e": "AQAB", "alg": "RS256", "use": "sig" }),
        // As CCF's tests write numbers: the standard alphabet, with padding.
        json!({ "kty": "RSA", "kid": "k", "n": encode_base64(n), "e": encode_base64(&e) }),
        json!({ "kty": "RSA", "kid": "k", "n": encode_base64url(n), "e": "AQAB", "x5c": ["ignored"] }),
    ];
    for form in forms {
        service.remove("i");
        service.set("i", &[form]).unwrap();
        assert_eq!(service.rows()["k"][0]["public_key"], encode_base64(&spki));
    }
}

#[test]
fn wrong_sets_are_refused_and_change_nothing() {
    let mut service = Service::default();
    let key = ec(Curve::P256);
    let (good, other, issuer) = (jwk("k", &key), jwk("other", &ec(Curve::P384)), "https://one.example");
    service.set(issuer, from_ref(&good)).unwrap();
    let before = service.rows();
    let constraint = |text: &str| {
        format!("JWKS kid k with issuer constraint {text} fails validation against issuer {issuer}")
    };
    let none = "JWKS kid k has neither RSA/EC public key or x5c";
    let rsa_form = |n: &str, e: &str| json!({ "kty": "RSA", "kid": "k", "n": n, "e": e });
    let (malformed, unsupported) = ("malformed key", "unsupported kind of key");
    let (rsa, point) = ("Failed to construct RSA public key: ", "Failed to construct EC public key: ");
    let public_key = encode_base64(key.spki_der());
    let mut cases = vec![
        (vec![], "JWKS has no keys".to_owned()),
        (vec![good.clone(); 1001], "JWKS has more than 1000 keys".to_owned()),
        (vec![with(good.clone(), "kid", Value::Null)], "Missing kid for JWT signing key".to_owned()),
    ];
    let wrong = [
        (json!({ "kty": "RSA", "kid": "k" }), none.to_owned()),
        (json!({ "kty": "OKP", "kid": "k", "crv": "Ed25519", "x": "AA" }), none.to_owned()),
        (json!({ "kty": "RSA", "kid": "k", "x5c": [] }), none.to_owned()),
        (json!({ "kty": "RSA", "kid": "k", "n": "", "e": "AQAB" }), none.to_owned()),
        (with(good.clone(), "crv", Value::Null), none.to_owned()),
        (json!({ "kty": "RSA", "kid": "k", "x5c": ["%"] }), "Could not parse x5c of key id k".to_owned()),
        (
            json!({ "kty": "RSA", "kid": "k", "x5c": ["MA=="] }),
            "JWKS kid k has an invalid X.509 certificate".to_owned(),
        ),
        // A public key is no certificate (CCF's `test_jwt_without_key_policy`).
        (
            json!({ "kty": "RSA", "kid": "k", "x5c": [public_key] }),
            "JWKS kid k has an invalid X.509 certificate".to_owned(),
        ),
        (rsa_form("%", "AQAB"), format!("{rsa}{malformed}")),
        (rsa_form("AQAB", "AQAB"), format!("{rsa}{unsupported}")),
        (with(good.clone(), "crv", json!("P-384")), format!("{point}{malformed}")),
        (with(good.clone(), "crv", json!("P-521")), format!("{point}{unsupported}")),
        (with(good.clone(), "crv", json!("secp256k1")), format!("{point}{unsupported}")),
        (with(good.clone(), "x", good["y"].clone()), format!("{point}{malformed}")),
        (with(good.clone(), "x", json!("A A")), format!("{point}{malformed}")),
        (with(good.clone(), "issuer", json!("")), constraint("")),
        (with(good.clone(), "issuer", json!("garbage")), constraint("garbage")),
        (with(good.clone(), "issuer", json!("https://two.example")), constraint("https://two.example")),
        (
            with(good.clone(), "kty", json!("oct")),
            "unknown variant `oct`, expected one of `RSA`, `EC`, `OKP`".to_owned(),
        ),
        (with(good.clone(), "kty", Value::Null), "invalid type: null, expected string or map".to_owned()),
        (with(good.clone(), "x", json!(7)), "invalid type: integer `7`, expected a string".to_owned()),
    ];
    // One wrong key among others spoils the set.
    cases.extend(wrong.into_iter().map(|(key, reason)| (vec![other.clone(), key], reason)));
    for (keys, reason) in cases {
        let shown = keys.last().map(Value::to_string);
        assert_eq!(service.set(issuer, &keys), Err(reason), "{shown:?}");
        assert_eq!(service.rows(), before, "{shown:?}");
    }
}
