//! JSON Web Tokens: those of issuers that the members trust, and everything that is none.
//!
//! `tokens/issued.json` was made by the Python library `cryptography`: a key set, tokens, and forgeries of them.

mod callers;
mod forged;
mod matrix;

use coco_app::{
    Adapter as _, Caller, Endpoint, JwtIdentity, Method, Policy, Response, RestAdapter, Status,
    jwt::{JsonWebKeySet, set_signing_keys},
};
use coco_crypto::{Curve, EcKey, Signer as _, entropy::SystemEntropy};
use coco_kv::{Store, Tx};
use coco_tables::jwt::Jwt;
use coco_wire::{Seqno, text::encode_base64url};
use serde_json::{Value, json};

use crate::{NOW_S, adapter, decode_at, header, request};

const ISSUER: &str = "https://issuer.example";
const ENTRA: &str = "https://login.microsoftonline.com";

fn issued() -> Value {
    serde_json::from_str(include_str!("tokens/issued.json")).unwrap()
}

/// A service that trusts the keys of the file, and one whose private half is at hand.
struct Service {
    store: Store,
    key: EcKey,
    adapter: RestAdapter,
    /// The last transaction.
    last: Seqno,
}

impl Service {
    fn new() -> Self {
        let key = EcKey::generate(Curve::P256, &SystemEntropy);
        let mut service =
            Self { store: Store::new(), key, adapter: with_policies(&[Policy::Jwt]), last: Seqno(0) };
        let common = format!("{ENTRA}/{{tenantid}}/v2.0");
        service.set(ISSUER, &json!({ "keys": issued()["keys"] }));
        let own = |kid: &str, constraint: Option<&str>| {
            let (x, y) = service.key.public_key().point()[1..].split_at(32);
            let mut jwk = json!({ "kty": "EC", "kid": kid, "crv": "P-256", "x": encode_base64url(x), "y": encode_base64url(y) });
            if let Some(constraint) = constraint {
                jwk["issuer"] = constraint.into();
            }
            jwk
        };
        let keys = [
            ("https://free.example", vec![own("free", None), own("", None), own("sha\u{e9}", None)]),
            ("https://bound.example", vec![own("bound", Some("https://bound.example"))]),
            (ENTRA, vec![own("entra", Some(&common)), own("shared", Some(&common))]),
            ("https://other.example", vec![own("shared", Some("https://other.example"))]),
        ];
        for (issuer, keys) in keys {
            service.set(issuer, &json!({ "keys": keys }));
        }
        service
    }

    fn set(&mut self, issuer: &str, keys: &Value) {
        let set: JsonWebKeySet = serde_json::from_value(keys.clone()).unwrap();
        let mut tx = Tx::new(self.store.latest());
        set_signing_keys(&Jwt::default(), &mut tx, issuer, &set).unwrap();
        self.last = Seqno(self.last.0 + 1);
        self.store.commit(self.last, &tx.finish()).unwrap();
    }

    /// A token of these texts, signed by the key at hand.
    fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", encode_base64url(header), encode_base64url(payload));
        let signature = self.key.sign(signed.as_bytes()).into_fixed();
        format!("{signed}.{}", encode_base64url(&signature))
    }

    /// A token of the key of this name with these claims beside a long life.
    fn token(&self, kid: &str, claims: &Value) -> String {
        let mut payload = json!({ "iss": ISSUER, "exp": NOW_S + 60 });
        payload.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let header = json!({ "alg": "ES256", "kid": kid });
        self.sign(header.to_string().as_bytes(), payload.to_string().as_bytes())
    }

    /// Whom `authorization` makes the caller, or the one reason for the refusal.
    fn ask(&self, authorization: Option<&str>) -> Result<JwtIdentity, String> {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        match decode_at(&self.adapter, request("POST /app/log", &headers, b""), &self.store, None, &|_| true)
        {
            Ok(mut plan) => match plan.calls.remove(0).caller {
                Caller::Jwt(identity) => Ok(*identity),
                other => panic!("{other:?}"),
            },
            Err(response) => Err(reason(&response)),
        }
    }

    fn believes(&self, token: &str) -> Result<JwtIdentity, String> {
        self.ask(Some(&format!("Bearer {token}")))
    }
}

fn with_policies(policies: &[Policy]) -> RestAdapter {
    adapter([Endpoint::write(Method::Post, "/log", policies, |_, _| Ok(Response::empty(Status::OK)))])
}

/// The reason in a refusal of the policy `jwt`, all of which is checked.
fn reason(response: &Response) -> String {
    assert_eq!(response.status, Status::UNAUTHORIZED);
    let challenge = r#"Bearer realm="JWT bearer token access", error="invalid_token""#;
    assert_eq!(header(response, "www-authenticate"), Some(challenge));
    let error = &serde_json::from_slice::<Value>(&response.body).unwrap()["error"];
    let message = error["details"][0]["message"].as_str().unwrap().to_owned();
    let detail = json!({ "auth_policy": "jwt", "code": "InvalidAuthenticationInfo", "message": message });
    let text = "Invalid authentication credentials.";
    assert_eq!(*error, json!({ "code": "InvalidAuthenticationInfo", "message": text, "details": [detail] }));
    message
}

#[test]
fn tokens_of_known_keys_are_believed() {
    let service = Service::new();
    for (name, token) in issued()["tokens"].as_object().unwrap() {
        let identity = service.believes(token.as_str().unwrap()).unwrap();
        assert_eq!(identity.key_issuer, ISSUER, "{name}");
        let algorithm = name.split(' ').next().unwrap();
        assert_eq!(identity.header_json()["alg"], algorithm, "{name}");
        assert_eq!(identity.payload_json()["sub"], "alice", "{name}");
    }
}

#[test]
fn claims_are_believed_within_their_limits() {
    let service = Service::new();
    let tenant = |path: &str| format!("{ENTRA}/{path}");
    let cases = [
        ("free", json!({}), "https://free.example"),
        ("free", json!({ "exp": NOW_S }), "https://free.example"),
        ("free", json!({ "nbf": NOW_S }), "https://free.example"),
        ("free", json!({ "exp": NOW_S as f64 + 0.5, "nbf": NOW_S as f64 - 0.5 }), "https://free.example"),
        ("free", json!({ "exp": u64::MAX }), "https://free.example"),
        ("free", json!({ "nbf": null, "tid": null }), "https://free.example"),
        // Without a constraint, a key of one issuer verifies what others are said to have issued.
        ("free", json!({ "iss": "", "tid": "any", "aud": ["a", "b"] }), "https://free.example"),
        ("", json!({}), "https://free.example"),
        ("sha\u{e9}", json!({}), "https://free.example"),
        ("bound", json!({ "iss": "https://bound.example" }), "https://bound.example"),
        ("entra", json!({ "iss": tenant("one/v2.0"), "tid": "one" }), ENTRA),
        ("shared", json!({ "iss": tenant("one/v2.0"), "tid": "one" }), ENTRA),
        ("shared", json!({ "iss": "https://other.example" }), "https://other.example"),
    ];
    for (kid, claims, issuer) in cases {
        let identity = service.believes(&service.token(kid, &claims));
        assert_eq!(identity.map(|identity| identity.key_issuer), Ok(issuer.into()), "{kid} {claims}");
    }
}
