//! Issuers of tokens and their keys, by proposals under Coco's and CCF's constitutions.

use coco_app::Method;
use coco_crypto::{Certificate, Curve, EcKey, Signer as _, SystemEntropy};
use coco_kv::Reader as _;
use coco_wire::{TableName, text::encode_base64, text::encode_base64url};
use serde_json::{Value, json};

use crate::{
    consortium::{Service, body, text},
    constitutions::{of_ccf, ours},
};

const ISSUER: &str = "https://issuer.example";

/// A key on P-256, and its form in a key set.
fn key(kid: &str) -> (String, Value) {
    let key = EcKey::generate(Curve::P256, &SystemEntropy).public_key().clone();
    let (x, y) = key.point()[1..].split_at(32);
    let (x, y) = (encode_base64url(x), encode_base64url(y));
    (key.to_pem(), json!({ "kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y }))
}

fn x5c(certificate: &Certificate) -> Value {
    json!({ "kty": "EC", "kid": "x5c", "x5c": [encode_base64(certificate.der())] })
}

fn action(name: &str, args: &Value) -> Value {
    json!([{ "name": name, "args": args }])
}

/// Services under each constitution at hand, whose members are active.
fn services() -> Vec<(&'static str, Service)> {
    let mut constitutions = vec![("ours", ours())];
    constitutions.extend(of_ccf().map(|text| ("CCF's", text)));
    let active = |(name, text): (_, String)| {
        let mut service = Service::new(&text);
        service.acknowledge_all();
        (name, service)
    };
    constitutions.into_iter().map(active).collect()
}

impl Service {
    fn accepts(&mut self, name: &str, args: &Value) {
        let answer = self.decide(&action(name, args));
        assert!(answer.status.is_success(), "{name} {args}: {}", text(&answer));
        assert_eq!(body(&answer)["proposalState"], "Accepted", "{name} {args}: {}", text(&answer));
    }

    fn jwk(&mut self) -> Value {
        body(&self.send(Method::Get, "/gov/service/jwk?api-version=2024-07-01", Vec::new()))
    }

    /// A row of governance as it is stored.
    fn row(&self, table: &str, key: &str) -> Option<String> {
        let name = TableName::new(&format!("public:ccf.gov.{table}"));
        let value = self.store.latest().get(&name, key.as_bytes())?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }
}

#[test]
fn issuers_are_set_and_removed() {
    for (name, mut service) in services() {
        let ((one, first), (two, second)) = (key("one"), key("two"));
        let certificate = service.certificate.clone();
        let bundle = json!({ "name": "roots", "cert_bundle": certificate.to_pem() });
        service.accepts("set_ca_cert_bundle", &bundle);
        assert_eq!(
            service.row("tls.ca_cert_bundles", "roots"),
            Some(json!(certificate.to_pem()).to_string())
        );
        let issuer = json!({
            "issuer": ISSUER, "auto_refresh": true, "ca_cert_bundle_name": "roots", "jwks": { "keys": [first] },
        });
        service.accepts("set_jwt_issuer", &issuer);
        // CCF stores what was proposed but for the keys, in the order of the proposal.
        let stored: Value = serde_json::from_str(&service.row("jwt.issuers", ISSUER).unwrap()).unwrap();
        let expected = json!({ "issuer": ISSUER, "auto_refresh": true, "ca_cert_bundle_name": "roots" });
        assert_eq!(stored, expected, "{name}");
        let mut bound = second.clone();
        bound["issuer"] = "https://issuer.example/specific".into();
        let set = json!({ "issuer": ISSUER, "jwks": { "keys": [bound, x5c(&certificate)] } });
        service.accepts("set_jwt_public_signing_keys", &set);
        let of_certificate = certificate.public_key().to_pem();
        let expected = json!({
            "issuers": { ISSUER: { "autoRefresh": true, "caCertBundleName": "roots" } },
            "keys": {
                "two": [{ "publicKey": two, "issuer": ISSUER, "constraint": "https://issuer.example/specific" }],
                "x5c": [{ "publicKey": of_certificate, "issuer": ISSUER, "constraint": null }],
            },
            "caCertBundles": { "roots": certificate.to_pem() },
        });
        assert_eq!(service.jwk(), expected, "{name}");
        service.accepts("set_jwt_issuer", &json!({ "issuer": "other", "jwks": { "keys": [first] } }));
        service.accepts("remove_jwt_issuer", &json!({ "issuer": ISSUER }));
        service.accepts("remove_jwt_issuer", &json!({ "issuer": ISSUER }));
        service.accepts("remove_ca_cert_bundle", &json!({ "name": "roots" }));
        let expected = json!({
            "issuers": { "other": { "autoRefresh": false } },
            "keys": { "one": [{ "publicKey": one, "issuer": "other", "constraint": null }] },
            "caCertBundles": {},
        });
        assert_eq!(service.jwk(), expected, "{name}");
    }
}

#[test]
fn wrong_proposals_are_refused_or_fail() {
    let (_, good) = key("k");
    let keys = |changes: &[(&str, Value)]| {
        let mut key = good.clone();
        changes.iter().for_each(|(name, value)| key[*name] = value.clone());
        json!({ "keys": [key] })
    };
    let issuer = |fields: Value| {
        let mut args = json!({ "issuer": ISSUER });
        args.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        ("set_jwt_issuer", args)
    };
    let signing_keys =
        |jwks: Value| ("set_jwt_public_signing_keys", json!({ "issuer": ISSUER, "jwks": jwks }));
    let refresh = |url: &str| {
        ("set_jwt_issuer", json!({ "issuer": url, "auto_refresh": true, "ca_cert_bundle_name": "roots" }))
    };
    // Of those, the first are refused when they are proposed, the others fail when they are carried out.
    let malformed = [
        ("set_jwt_issuer", json!({})),
        ("set_jwt_issuer", json!({ "issuer": 7 })),
        issuer(json!({ "auto_refresh": "yes" })),
        issuer(json!({ "auto_refresh": true })),
        issuer(json!({ "ca_cert_bundle_name": 7 })),
        issuer(json!({ "jwks": [] })),
        issuer(json!({ "jwks": { "keys": {} } })),
        issuer(json!({ "jwks": keys(&[("kid", Value::Null)]) })),
        refresh("issuer.example"),
        refresh("http://issuer.example"),
        refresh("https://issuer.example?query"),
        refresh("https://issuer.example#fragment"),
        signing_keys(json!({})),
        signing_keys(keys(&[("kid", json!(7))])),
        signing_keys(keys(&[("kty", Value::Null)])),
        signing_keys(keys(&[("x", Value::Null)])),
        signing_keys(keys(&[("crv", Value::Null)])),
        signing_keys(keys(&[("x5c", json!([]))])),
        signing_keys(keys(&[("x5c", json!(["MA=="]))])),
        ("set_jwt_public_signing_keys", json!({ "issuer": ISSUER })),
        ("remove_jwt_issuer", json!({})),
        ("set_ca_cert_bundle", json!({ "name": "roots" })),
        ("set_ca_cert_bundle", json!({ "name": "roots", "cert_bundle": "none" })),
        ("set_ca_cert_bundle", json!({ "cert_bundle": "" })),
        ("remove_ca_cert_bundle", json!({ "name": 7 })),
    ];
    let failing = [
        refresh(ISSUER),
        signing_keys(json!({ "keys": [] })),
        issuer(json!({ "jwks": { "keys": [] } })),
        signing_keys(keys(&[("kty", json!("oct"))])),
        signing_keys(keys(&[("crv", json!("P-384"))])),
        signing_keys(keys(&[("issuer", json!("https://other.example"))])),
        signing_keys(keys(&[("issuer", json!(""))])),
        ("set_jwt_public_signing_keys", json!({ "issuer": "unknown", "jwks": keys(&[]) })),
    ];
    for (name, mut service) in services() {
        service.accepts("set_jwt_issuer", &json!({ "issuer": ISSUER }));
        let before = service.jwk();
        for (action_name, args) in &malformed {
            let answer = service.decide(&action(action_name, args));
            assert_eq!(answer.status.0, 400, "{name}: {action_name} {args}: {}", text(&answer));
            assert_eq!(body(&answer)["error"]["code"], "ProposalFailedToValidate", "{action_name} {args}");
        }
        for (action_name, args) in &failing {
            let answer = service.decide(&action(action_name, args));
            assert_eq!(answer.status.0, 500, "{name}: {action_name} {args}: {}", text(&answer));
        }
        assert_eq!(service.jwk(), before, "{name}");
    }
}
