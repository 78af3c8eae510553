use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    x509::{Name, UnixTime, Validity, issue_self_signed},
};
use coco_kv::{Store, Tx};
use coco_tables::jwt::Issuer;
use coco_wire::Seqno;
use serde_json::{Value, json};

use super::*;

#[test]
fn urls_are_followed_if_they_are_of_https() {
    let cases = [
        ("https://a.example", Some(("a.example:443", "/"))),
        ("https://a.example/keys", Some(("a.example:443", "/keys"))),
        ("https://a.example:8443/a/b?p=c&d=/e#f", Some(("a.example:8443", "/a/b?p=c&d=/e"))),
        ("https://a.example?p", Some(("a.example:443", "/?p"))),
        ("https://a.example:/x", Some(("a.example:443", "/x"))),
        ("https://[2001:db8::1]:1/x", Some(("[2001:db8::1]:1", "/x"))),
        ("https://[2001:db8::1]", Some(("[2001:db8::1]:443", "/"))),
        ("http://a.example/", None),
        ("HTTPS://a.example/", None),
        ("//a.example/", None),
        ("a.example", None),
        ("", None),
        ("https://", None),
        ("https:///keys", None),
        ("https://:443/keys", None),
        ("https://user@a.example/", None),
        ("https://a.example:65536/", None),
        ("https://a.example:+1/", None),
        ("https://a.example:1:2/", None),
        ("https://a.example /", None),
        ("https://a.example/\r\nx: y", None),
        ("https://a.example/\u{e9}", None),
        ("file:///etc/passwd", None),
    ];
    for (text, expected) in cases {
        let found = Url::parse(text);
        let found = found.as_ref().map(|url| (url.address.as_str(), url.target.as_str()));
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(Url::parse(&format!("https://a.example/{}", "x".repeat(MAX_URL))), None);
}

fn bundle() -> String {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_800_000_000), 1).unwrap();
    issue_self_signed(&key, &Name::common("root").unwrap(), &[], validity, &SystemEntropy).to_pem()
}

#[test]
fn issuers_are_due_that_are_to_be_refreshed() {
    let (tables, mut store) = (Tables::default(), Store::new());
    let mut tx = Tx::new(store.latest());
    let issuer = |bundle: Option<&str>, auto_refresh| Issuer {
        ca_cert_bundle_name: bundle.map(str::to_owned),
        auto_refresh,
    };
    let issuers = [
        (
            "https://a.example/tenant",
            issuer(Some("good"), true),
            Ok(("a.example:443", "/tenant/.well-known/openid-configuration")),
        ),
        (
            "https://b.example:8443",
            issuer(Some("good"), true),
            Ok(("b.example:8443", "/.well-known/openid-configuration")),
        ),
        (
            "https://c.example/",
            issuer(Some("good"), true),
            Ok(("c.example:443", "//.well-known/openid-configuration")),
        ),
        ("https://d.example", issuer(Some("gone"), true), Err(Failure::NoBundle)),
        ("https://e.example", issuer(None, true), Err(Failure::NoBundle)),
        ("https://f.example", issuer(Some("bad"), true), Err(Failure::Bundle)),
        ("name", issuer(Some("good"), true), Err(Failure::Url)),
    ];
    for (name, issuer, _) in &issuers {
        tables.jwt.issuers.put(&mut tx, *name, issuer);
    }
    tables.jwt.issuers.put(&mut tx, "https://manual.example", &issuer(Some("good"), false));
    tables.ca_bundles.0.put(&mut tx, "good", &JsonText(bundle()));
    tables.ca_bundles.0.put(&mut tx, "bad", &JsonText("none".to_owned()));
    store.commit(Seqno(1), &tx.finish()).unwrap();
    let due = Fetch::due(&tables, &store.latest());
    assert_eq!(due.len(), issuers.len());
    for ((name, fetch), (expected_name, _, expected)) in due.iter().zip(&issuers) {
        assert_eq!(name, expected_name);
        let found = fetch.as_ref().map(|fetch| (fetch.address(), fetch.target())).map_err(Clone::clone);
        assert_eq!(found, *expected, "{name}");
        assert!(fetch.as_ref().is_ok_and(|fetch| fetch.roots().len() == 1) || fetch.is_err());
    }
}

const ISSUER: &str = "https://a.example";

fn fetch() -> Fetch {
    Fetch::begin(ISSUER, &bundle()).unwrap()
}

fn second(document: &Value) -> Fetch {
    match fetch().answered(200, document.to_string().as_bytes()) {
        Ok(Next::Ask(fetch)) => fetch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_found_in_two_steps() {
    let key =
        |kid: &str| json!({ "kty": "RSA", "kid": kid, "n": "AQ", "e": "AQAB", "use": "sig", "x5t": "x" });
    let bound = |mut key: Value, issuer: &str| {
        key["issuer"] = issuer.into();
        key
    };
    let cases = [
        (json!({ "jwks_uri": "https://b.example:1/keys?p=1" }), json!([key("k")]), json!([key("k")])),
        // What the first document says of the issuer is said of all keys that do not say it themselves.
        (
            json!({ "jwks_uri": "https://b.example:1/keys?p=1", "issuer": "https://a.example/x", "other": [1] }),
            json!([key("k"), bound(key("l"), "https://a.example/y")]),
            json!([bound(key("k"), "https://a.example/x"), bound(key("l"), "https://a.example/y")]),
        ),
    ];
    for (document, keys, expected) in cases {
        let next = second(&document);
        assert_eq!((next.address(), next.target()), ("b.example:1", "/keys?p=1"));
        let body = json!({ "keys": keys }).to_string();
        let Ok(Next::Store(refresh)) = next.answered(200, body.as_bytes()) else { panic!("{body}") };
        let expected: JsonWebKeySet = serde_json::from_value(json!({ "keys": expected })).unwrap();
        assert_eq!(refresh, Refresh { issuer: ISSUER.to_owned(), jwks: expected });
    }
}

#[test]
fn hostile_answers_are_of_no_use() {
    let deep = "[".repeat(100_000);
    let first: [(u16, &str, Failure); 14] = [
        (404, r#"{"jwks_uri":"https://b.example"}"#, Failure::Status(404)),
        (500, "", Failure::Status(500)),
        (302, "", Failure::Status(302)),
        (204, "", Failure::Status(204)),
        (200, "", Failure::Discovery),
        (200, "<html>", Failure::Discovery),
        (200, "{}", Failure::Discovery),
        (200, r#"{"jwks_uri":7}"#, Failure::Discovery),
        (200, r#"{"jwks_uri":"https://b.example","issuer":7}"#, Failure::Discovery),
        (200, r#"{"jwks_uri":"https://b.example","jwks_uri":"https://c.example"}"#, Failure::Discovery),
        (200, r#"{"jwks_uri":"http://b.example"}"#, Failure::Url),
        (200, r#"{"jwks_uri":"https://b.example/\r\n"}"#, Failure::Url),
        (200, &deep, Failure::Discovery),
        (200, "{\"jwks_uri\":\"\u{0}\"}", Failure::Discovery),
    ];
    for (status, body, failure) in first {
        let found = fetch().answered(status, body.as_bytes());
        assert_eq!(found.err(), Some(failure), "{status} {}", &body[..body.len().min(60)]);
    }
    let second_answers: [(u16, &[u8], Failure); 10] = [
        (404, b"{\"keys\":[]}", Failure::Status(404)),
        (200, b"", Failure::KeySet),
        (200, b"{\"foo\":\"bar\"}", Failure::KeySet),
        (200, b"{\"keys\":{}}", Failure::KeySet),
        (200, b"{\"keys\":[7]}", Failure::KeySet),
        (200, b"{\"keys\":[{}]}", Failure::KeySet),
        (200, b"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", Failure::KeySet),
        (200, b"{\"keys\":[{\"kty\":\"RSA\",\"kid\":7}]}", Failure::KeySet),
        (200, b"{\"keys\":[]}x", Failure::KeySet),
        (200, deep.as_bytes(), Failure::KeySet),
    ];
    for (status, body, failure) in second_answers {
        let found = second(&json!({ "jwks_uri": "https://b.example" })).answered(status, body);
        assert_eq!(found.err(), Some(failure), "{status} {}", body[..body.len().min(60)].escape_ascii());
    }
}

#[test]
fn refreshes_are_counted() {
    let refreshing = Refreshing::default();
    assert!(!refreshing.take_written());
    refreshing.note_written();
    refreshing.note_written();
    assert!(refreshing.take_written() && !refreshing.take_written());
    for success in [true, false, true] {
        refreshing.count(success);
    }
    assert_eq!(refreshing.metrics(), RefreshMetrics { attempts: 3, successes: 2, failures: 1 });
}
