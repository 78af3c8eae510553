//! Callers by token when the call is executed, and by several proofs at once.

use coco_app::Context;
use coco_crypto::x509::{Certificate, Name, UnixTime, Validity, issue_participant};
use coco_wire::TableName;

use super::*;

/// A user's certificate.
fn certificate() -> Certificate {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(NOW_S - 10), 1).unwrap();
    issue_participant(&key, &Name::common("user").unwrap(), validity, &SystemEntropy)
}

impl Service {
    fn register(&mut self, user: &Certificate) {
        let mut tx = Tx::new(self.store.latest());
        let table = TableName::new("public:ccf.gov.users.certs");
        tx.put(&table, user.fingerprint().to_hex().as_bytes(), user.to_pem().as_bytes());
        self.last = Seqno(self.last.0 + 1);
        self.store.commit(self.last, &tx.finish()).unwrap();
    }
}

#[test]
fn callers_whose_key_is_gone_are_refused_when_the_call_runs() {
    let changes: [(&str, Option<Value>, u16); 3] = [
        ("nothing changes", None, 200),
        ("its issuer has another key", Some(json!({ "keys": issued()["keys"] })), 401),
        ("the same again", Some(Value::Null), 200),
    ];
    for (name, change, status) in changes {
        let mut service = Service::new();
        let authorization =
            format!("Bearer {}", service.token("bound", &json!({ "iss": "https://bound.example" })));
        let call = request("POST /app/log", &[("authorization", &authorization)], b"");
        let plan = decode_at(&service.adapter, call, &service.store, None, &|_| true).unwrap();
        match change {
            Some(Value::Null) => service.register(&certificate()),
            Some(keys) => service.set("https://bound.example", &keys),
            None => {}
        }
        let mut tx = Tx::new(service.store.latest());
        let services = crate::standard::ledger();
        let mut cx = Context::new(&mut tx, &services, None);
        let answer = service.adapter.execute(&plan.calls[0], &mut cx).unwrap_or_else(Response::from);
        assert_eq!(answer.status.0, status, "{name}");
        if status == 200 {
            // A key that is removed between this execution and its place in the ledger is a conflict.
            let dependent = tx.finish();
            service.set("https://bound.example", &json!({ "keys": issued()["keys"] }));
            service.last = Seqno(service.last.0 + 1);
            assert!(service.store.commit(service.last, &dependent).is_err(), "{name}");
        }
    }
}

#[test]
fn several_proofs_are_asked_for_in_the_order_of_their_names() {
    let mut service = Service::new();
    let (user, stranger) = (certificate(), certificate());
    service.register(&user);
    let both = Policy::all_of([Policy::UserCert, Policy::Jwt, Policy::UserCert]);
    assert_eq!(both.name(), "jwt+user_cert");
    assert_eq!(both, Policy::all_of([Policy::Jwt, Policy::UserCert]));
    let adapter = with_policies(&[both, Policy::AnyCert]);
    let good = format!("Bearer {}", service.token("free", &json!({})));
    let bad = format!("Bearer {}", service.token("unknown", &json!({})));
    let jwt = r#"Bearer realm="JWT bearer token access", error="invalid_token""#;
    // Certificate and token; the names of what is proved, or the reasons against both policies.
    type Case<'a> = (Option<&'a Certificate>, Option<&'a str>, Result<&'a [&'a str], [&'a str; 2]>);
    let none = "No caller certificate";
    let cases: [Case<'_>; 6] = [
        (Some(&user), Some(&good), Ok(&["jwt", "user_cert"])),
        (Some(&stranger), Some(&good), Ok(&[])),
        (Some(&user), Some(&bad), Ok(&[])),
        (None, Some(&good), Err(["user_cert:No caller user certificate", none])),
        (None, Some(&bad), Err(["jwt:JWT signing key not found for kid unknown", none])),
        (None, None, Err(["jwt:Missing authorization header", none])),
    ];
    for (certificate, token, expected) in cases {
        let headers: Vec<_> = token.map(|token| ("authorization", token)).into_iter().collect();
        let call = request("POST /app/log", &headers, b"body");
        let found = decode_at(&adapter, call, &service.store, certificate.map(Certificate::der), &|_| true);
        match (found, expected) {
            (Ok(mut plan), Ok(names)) => {
                let call = plan.calls.remove(0);
                assert_eq!(call.content(), b"body");
                match call.caller {
                    Caller::AllOf(callers) => {
                        let found: Vec<_> = callers.iter().map(|(name, _)| name.as_str()).collect();
                        assert_eq!(found, names);
                        assert!(
                            matches!(callers[0].1, Caller::Jwt(_)) && matches!(callers[1].1, Caller::User(_))
                        );
                    }
                    Caller::AnyCertificate(..) => assert!(names.is_empty()),
                    other => panic!("{other:?}"),
                }
            }
            (Err(response), Err(reasons)) => {
                assert_eq!(header(&response, "www-authenticate"), None);
                let error: Value = serde_json::from_slice(&response.body).unwrap();
                let details = error["error"]["details"].as_array().unwrap();
                let found: Vec<_> =
                    details.iter().map(|detail| detail["message"].as_str().unwrap()).collect();
                assert_eq!(found, reasons);
                assert_eq!(details[0]["auth_policy"], "jwt+user_cert");
            }
            (found, _) => panic!("{found:?} for {token:?}"),
        }
    }
    // Who is asked for all of them alone is told by the challenge of what was lacking.
    let adapter = with_policies(&[Policy::all_of([Policy::UserCert, Policy::Jwt])]);
    for (token, challenge) in [(Some(&good), None), (Some(&bad), Some(jwt)), (None, Some(jwt))] {
        let headers: Vec<_> = token.map(|token| ("authorization", token.as_str())).into_iter().collect();
        let call = request("POST /app/log", &headers, b"");
        let refused = decode_at(&adapter, call, &service.store, None, &|_| true).unwrap_err();
        assert_eq!(header(&refused, "www-authenticate"), challenge);
    }
}

#[test]
fn the_api_tells_that_tokens_are_accepted() {
    let all = Policy::all_of([Policy::UserCert, Policy::Jwt]);
    let document = with_policies(&[all, Policy::Jwt, Policy::NoAuth]).openapi();
    assert_eq!(document["paths"]["/app/log"]["post"]["security"], json!([{ "jwt": [] }, {}]));
    let scheme = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    assert_eq!(document["components"]["securitySchemes"], json!({ "jwt": scheme }));
}
