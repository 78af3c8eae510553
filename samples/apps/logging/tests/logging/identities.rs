//! Who calls, by certificate, by signature or by header fields.

use coco_crypto::{Signer as _, cose::CoseAlgorithm, x509::Certificate};
use coco_wire::{
    cbor::Cbor,
    cose::{self, Headers},
    signature::{COSE_SIGNATURES, RootHeader, RootSignature, SINGLETON_KEY, encode_cose_value},
    text::{encode_base64, encode_base64url},
};

use crate::{
    check,
    service::{Person, Service},
};

/// COSE_Sign1 by `person` with the protected headers of a governance message.
fn signed(person: &Person, payload: &[u8]) -> Vec<u8> {
    let kid = person.id();
    let algorithm = CoseAlgorithm::of(person.key.public_key()).label();
    let protected = Headers::new(vec![
        (Cbor::Int(cose::ALG), Cbor::Int(algorithm)),
        (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
        (Cbor::Text("ccf.gov.msg.created_at"), Cbor::Int(1_800_000_000)),
    ])
    .encode();
    let signature = person.key.sign(&cose::to_be_signed(&protected, payload)).into_fixed();
    cose::encode(&protected, &Headers::empty(), Some(payload), &signature)
}

const COSE: &[(&str, &str)] = &[("content-type", "application/cose")];

#[test]
fn callers_are_described() {
    let mut service = Service::new();
    let people: [(&str, Option<Certificate>, &[&str]); 5] = [
        ("nobody", None, &["Unauthenticated"]),
        ("user", Some(service.user.certificate.clone()), &["User TLS cert\nThe caller is a user with ID: "]),
        (
            "admin",
            Some(service.admin.certificate.clone()),
            &["data is: {\"isAdmin\":true}", "-----BEGIN CERT"],
        ),
        ("member", Some(service.member.certificate.clone()), &["Member TLS cert", "member data is: [1]"]),
        ("stranger", Some(service.stranger.certificate.clone()), &["Any TLS cert", "-----BEGIN CERTIFICATE"]),
    ];
    for (name, certificate, parts) in people {
        let response = service.send(certificate.as_ref(), "POST /app/multi_auth", &[], b"");
        for part in parts {
            check(name, &response, 200, part);
        }
    }
    let message = signed(&service.user, b"content");
    let response = service.anonymous("POST /app/multi_auth", COSE, &message);
    check(
        "signed",
        &response,
        200,
        "User COSE Sign1\nThe caller is identified by a COSE Sign1 signed by kid: ",
    );
    check("signed", &response, 200, "content of size: 7");
}

const ISSUER: &str = "https://issuer.example";

/// Registers a key of an issuer, and gives the header with a token of it.
fn token(service: &mut Service) -> String {
    let issuer = Person::new("issuer");
    let jwk = serde_json::json!([{
        "issuer": ISSUER, "public_key": encode_base64(issuer.key.public_key().spki_der()), "constraint": ISSUER,
    }]);
    let table = "public:ccf.gov.jwt.public_signing_keys_metadata_v2";
    service.write(&[(table, "key".into(), jwk.to_string())]);
    let part = |text: &str| encode_base64url(text.as_bytes());
    let claims = format!(r#"{{"user":"Alice","iss":"{ISSUER}","exp":1800000060}}"#);
    let signed = format!("{}.{}", part(r#"{"kid":"key","alg":"ES384"}"#), part(&claims));
    let signature = issuer.key.sign(signed.as_bytes()).into_fixed();
    format!("Bearer {signed}.{}", encode_base64url(&signature))
}

#[test]
fn holders_of_tokens_are_described_and_may_write() {
    let mut service = Service::new();
    let token = token(&mut service);
    let described = "JWT\nThe caller is identified by a JWT issued by: https://issuer.example\nThe JWT header is:\n\
                     {\n  \"alg\": \"ES384\",\n  \"kid\": \"key\"\n}\nThe JWT payload is:\n{\n  \"exp\": 1800000060,\n  \
                     \"iss\": \"https://issuer.example\",\n  \"user\": \"Alice\"\n}";
    let by_token = [("authorization", token.as_str())];
    check("token", &service.anonymous("POST /app/multi_auth", &by_token, b""), 200, &format!("={described}"));
    // A certificate that the service knows counts more.
    check("both", &service.user("POST /app/multi_auth", &by_token, b""), 200, "User TLS cert");
    let signed = signed(&service.user, b"content");
    let all = [("authorization", token.as_str()), COSE[0]];
    let answer = service.user("POST /app/multi_auth", &all, &signed);
    let heads = [
        "Conjoined auth policy: jwt+user_cert+user_cose_sign1\n\njwt:\n".to_owned() + described,
        "\n\nuser_cert:\nUser TLS cert\nThe caller is a user with ID: ".to_owned(),
        "\n\nuser_cose_sign1:\nUser COSE Sign1\nThe caller is identified by a COSE Sign1 signed by kid: "
            .to_owned(),
    ];
    heads.iter().for_each(|head| check("all", &answer, 200, head));
    let record = br#"{"id":1,"msg":"hello"}"#;
    check("write", &service.anonymous("POST /app/log/private", &by_token, record), 200, "=true");
    check("read", &service.anonymous("GET /app/log/private?id=1", &by_token, b""), 200, "hello");
    let forged = [("authorization", &token[..token.len() - 4])];
    check(
        "forged",
        &service.anonymous("POST /app/log/private", &forged, record),
        401,
        "Signature verification failed",
    );
    check("forged", &service.anonymous("POST /app/multi_auth", &forged, b""), 200, "=Unauthenticated");
}

#[test]
fn signed_requests_are_taken_by_their_content() {
    let mut service = Service::new();
    let message = signed(&service.member, b"by a member");
    check(
        "member",
        &service.anonymous("POST /app/log/cose_signed_content", COSE, &message),
        200,
        "=by a member",
    );
    let message = signed(&service.stranger, b"by a stranger");
    check(
        "stranger",
        &service.anonymous("POST /app/log/cose_signed_content", COSE, &message),
        401,
        "not a known",
    );
    check(
        "no COSE",
        &service.anonymous("POST /app/log/cose_signed_content", &[], b"{}"),
        401,
        "content-type",
    );
    let message = signed(&service.user, br#"{"id":9,"msg":"signed"}"#);
    check("write", &service.anonymous("POST /app/log/private", COSE, &message), 200, "=true");
    check("read", &service.user("GET /app/log/private?id=9", &[], b""), 200, r#"={"msg":"signed"}"#);
}

#[test]
fn admins_and_user_ids_are_told_apart() {
    let mut service = Service::new();
    let (user, admin) = (service.user.certificate.clone(), service.admin.certificate.clone());
    let body = br#"{"id":1,"msg":"x"}"#;
    let admin_only = "POST /app/log/private/admin_only";
    check("user", &service.send(Some(&user), admin_only, &[], body), 403, "AuthorizationFailed");
    check("admin", &service.send(Some(&admin), admin_only, &[], body), 200, "=true");
    check(
        "empty",
        &service.send(Some(&admin), admin_only, &[], br#"{"id":1,"msg":""}"#),
        400,
        "empty log message",
    );
    for data in ["true", "null", r#"{"isAdmin":"true"}"#, r#"{"isAdmin":1}"#, r#"[["isAdmin",true]]"#] {
        let info = format!(r#"{{"user_data":{data}}}"#);
        service.write(&[("public:ccf.gov.users.info", service.user.id(), info)]);
        check(data, &service.send(Some(&user), admin_only, &[], body), 403, "Only admins may access");
    }
    service.write(&[("public:ccf.gov.users.info", service.user.id(), "?".into())]);
    check("malformed", &service.send(Some(&user), admin_only, &[], body), 500, "Failed to get user data");
    check("prefix", &service.send(Some(&user), "POST /app/log/private/prefix_cert", &[], body), 200, "=true");
    let expected = format!(r#"={{"msg":"{}: x"}}"#, service.user.id());
    check("prefix", &service.send(Some(&user), "GET /app/log/private?id=1", &[], b""), 200, &expected);
}

#[test]
fn the_application_authenticates_by_itself() {
    let mut service = Service::new();
    let (name, age) = ("x-custom-auth-name", "x-custom-auth-age");
    type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let cases: [Case<'_>; 8] = [
        (&[], 401, "Missing required header x-custom-auth-name"),
        (&[(name, "Bob")], 401, "Missing required header x-custom-auth-age"),
        (&[(age, "42")], 401, "Invalid authentication credentials."),
        (&[(name, ""), (age, "42")], 401, "Name must not be empty"),
        (&[(name, "Bob"), (age, "x")], 401, "Unable to parse age header as a number: x"),
        (&[(name, "Bob"), (age, "12")], 401, "Caller age must be at least 16"),
        (
            &[("x-custom-auth-explode", "Boom")],
            500,
            r#"={"error":{"code":"InternalError","message":"Boom"}}"#,
        ),
        (
            &[(name, "Alice"), (age, "42")],
            200,
            "={\n  \"age\": 42,\n  \"description\": \"Your name is Alice and you are 42\",\n  \"name\": \"Alice\"\n}",
        ),
    ];
    for (headers, status, part) in cases {
        check(part, &service.anonymous("GET /app/custom_auth", headers, b""), status, part);
    }
}

#[test]
fn queries_are_told_back_decoded() {
    let mut service = Service::new();
    for (query, status, part) in [
        ("", 200, "="),
        ("?this=that&other=with%20spaces", 200, "=this=that&other=with spaces"),
        ("?arg=+%2B%26%00", 200, "=arg= +&\0"),
        ("?arg=%C3%A9", 200, "=arg=é"),
        ("?arg=%", 400, "InvalidQueryParameterValue"),
        ("?arg=%ff", 400, "InvalidQueryParameterValue"),
    ] {
        check(
            query,
            &service.anonymous(&format!("GET /app/log/request_query{query}"), &[], b""),
            status,
            part,
        );
    }
}

#[test]
fn the_names_that_the_service_signs_under_are_those_of_its_last_signature() {
    let mut service = Service::new();
    let header = RootHeader {
        algorithm: -35,
        kid: coco_wire::Digest([1; 32]),
        issued_at: 1,
        issuer: "service.example.com".into(),
        subject: "ledger.signature".into(),
        tx_id: coco_wire::TxId { view: coco_wire::View(2), seqno: coco_wire::Seqno(1) },
    };
    let value = encode_cose_value(&RootSignature::new(header, vec![0; 96]).encode());
    let key = String::from_utf8(SINGLETON_KEY.to_vec()).unwrap();
    service.write(&[(COSE_SIGNATURES, key, String::from_utf8(value).unwrap())]);
    let expected = r#"={"issuer":"service.example.com","subject":"ledger.signature"}"#;
    check("config", &service.user("GET /app/cose_signatures_config", &[], b""), 200, expected);
}
