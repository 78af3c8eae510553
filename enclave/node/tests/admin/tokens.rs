//! The node has itself store the keys of token issuers; nobody else can.

use coco_app::{Caller, ClientCertificate, Method, Peer, Request, Response, jwt::JsonWebKeySet};
use coco_crypto::{Certificate, Curve, EcKey, Signer as _, SystemEntropy};
use coco_kv::Reader as _;
use coco_node::{
    Mount,
    token_keys::{Refresh, call_of_itself},
};
use coco_tables::jwt::Issuer;
use coco_wire::{TableName, text::encode_base64, text::encode_base64url};
use serde_json::{Value, json};

use crate::{
    applicant::Applicant,
    harness::{Admin, text},
    node::peer,
};

const ISSUER: &str = "https://issuer.example";
const PATH: &str = "/node/jwt_keys/refresh";

fn start() -> Admin {
    let mut admin = Admin::start();
    admin.node.tick(1000);
    let issuer = |auto_refresh| Issuer { ca_cert_bundle_name: Some("roots".into()), auto_refresh };
    admin.write(|tables, tx| {
        tables.jwt.issuers.put(tx, ISSUER, &issuer(true));
        tables.jwt.issuers.put(tx, "manual", &issuer(false));
    });
    admin
}

fn key(kid: &str) -> (String, Value) {
    let key = EcKey::generate(Curve::P256, &SystemEntropy).public_key().clone();
    let (x, y) = key.point()[1..].split_at(32);
    let (x, y) = (encode_base64url(x), encode_base64url(y));
    (encode_base64(key.spki_der()), json!({ "kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y }))
}

fn request(body: &str) -> Request {
    Request::new(Method::Post, PATH.into(), coco_app::Headers::default(), body.to_owned().into())
}

fn peer_with(certificate: &Certificate) -> Peer {
    let certificate = ClientCertificate::from_der(certificate.der()).expect("a certificate");
    Peer { certificate: Some(certificate), ..peer() }
}

fn message(response: &Response) -> (u16, String) {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    (response.status.0, body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

/// Rows of the table of keys.
fn rows(admin: &Admin) -> Value {
    let table = TableName::new("public:ccf.gov.jwt.public_signing_keys_metadata_v2");
    let state = admin.view.state();
    let rows = state.latest.iter(&table).map(|(kid, row)| {
        (String::from_utf8_lossy(kid).into_owned(), serde_json::from_slice(row).unwrap_or_default())
    });
    Value::Object(rows.collect())
}

#[test]
fn the_primary_alone_stores_keys() {
    let mut admin = start();
    let own = admin.view.shared.keys.self_signed.load().as_ref().clone();
    let (_, good) = key("k");
    let body =
        |issuer: &str, keys: &[&Value]| json!({ "issuer": issuer, "jwks": { "keys": keys } }).to_string();
    let bound = |issuer: &str| {
        let mut key = good.clone();
        key["issuer"] = issuer.into();
        key
    };
    let refused = admin.send_as(&peer(), request(&body(ISSUER, &[&good])));
    assert_eq!(message(&refused), (401, "Invalid authentication credentials.".into()), "{}", text(&refused));
    let stranger = Applicant::new().certificate;
    let storing = format!("Error while storing signing keys for issuer {ISSUER}.");
    let cases = [
        (&stranger, body(ISSUER, &[&good]), "Request does not originate from primary.".to_owned()),
        (&own, "false".into(), "Unable to parse body.".into()),
        (&own, "null".into(), "Unable to parse body.".into()),
        (&own, json!({ "issuer": ISSUER }).to_string(), "Unable to parse body.".into()),
        (&own, body("other", &[&good]), "other is not a valid issuer.".into()),
        (&own, body("manual", &[&good]), "manual does not have auto_refresh enabled.".into()),
        (&own, body(ISSUER, &[]), storing.clone()),
        (&own, body(ISSUER, &[&bound("https://other.example")]), storing.clone()),
        (&own, body(ISSUER, &[&good, &json!({ "kty": "OKP", "kid": "x" })]), storing),
    ];
    for (certificate, body, reason) in cases {
        let answer = admin.send_as(&peer_with(certificate), request(&body));
        assert_eq!(message(&answer), (500, reason), "{body}");
    }
    assert_eq!(rows(&admin), json!({}));
    admin.publish(|state| state.primary = false);
    let answer = admin.send_as(&peer_with(&own), request(&body(ISSUER, &[&good])));
    assert!(
        ["Primary is unknown", "Request does not originate from primary."].contains(&&*message(&answer).1),
        "{}",
        text(&answer)
    );
}

#[test]
fn a_node_calls_itself() {
    let mut admin = start();
    let ((first, one), (second, two)) = (key("one"), key("two"));
    let store = |admin: &mut Admin, refresh: Option<&Refresh>| {
        let call = call_of_itself(&admin.view.shared.keys, refresh);
        assert!(matches!(call.caller, Caller::AnyCertificate(..)));
        let ran = admin.view.run(Mount::Node, &call, coco_app::Mode::Execute, None);
        let wrote = ran.write.is_some();
        if let Some(write) = ran.write {
            admin.node.core.sequence(&write).unwrap();
            admin.node.tick(1000);
        }
        (ran.response.status.0, wrote)
    };
    let of = |key: &Value| {
        let jwks: JsonWebKeySet = serde_json::from_value(json!({ "keys": [key] })).unwrap();
        Refresh { issuer: ISSUER.into(), jwks }
    };
    assert_eq!(store(&mut admin, Some(&of(&one))), (200, true));
    let row = |key: &str| json!([{ "issuer": ISSUER, "public_key": key }]);
    assert_eq!(rows(&admin), json!({ "one": row(&first) }));
    // Keys that are the same cost no place in the ledger.
    assert_eq!(store(&mut admin, Some(&of(&one))), (200, false));
    assert_eq!(store(&mut admin, Some(&of(&two))), (200, true));
    assert_eq!(rows(&admin), json!({ "two": row(&second) }));
    assert_eq!(store(&mut admin, None), (500, false));
}
