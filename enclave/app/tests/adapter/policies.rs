//! Authentication: certificates and signed requests, real and forged.

use std::slice::from_ref;

use coco_app::{Adapter as _, Caller, Endpoint, MessageKind, Method, Policy, Response, RestAdapter, Status};
use coco_crypto::{
    Curve, EcKey, Signer as _,
    cose::CoseAlgorithm,
    entropy::SystemEntropy,
    x509::{Certificate, Name, UnixTime, Validity, issue_participant},
};
use coco_kv::Store;
use coco_wire::{
    cbor::Cbor,
    cose::{self, Headers},
};
use serde_json::Value;

use crate::{NOW_S, adapter, decode_at, request, store};

const USERS: &str = "public:ccf.gov.users.certs";
const MEMBERS: &str = "public:ccf.gov.members.certs";

/// Someone with a key, and a certificate valid for a day from `from_s`.
struct Person {
    key: EcKey,
    certificate: Certificate,
}

impl Person {
    fn new(curve: Curve, from_s: i64) -> Self {
        let key = EcKey::generate(curve, &SystemEntropy);
        let validity = Validity::days(UnixTime(from_s), 1).unwrap();
        let certificate = issue_participant(&key, &Name::common("person").unwrap(), validity, &SystemEntropy);
        Self { key, certificate }
    }

    fn id(&self) -> String {
        self.certificate.fingerprint().to_hex()
    }
}

fn with_policies(policies: &[Policy]) -> RestAdapter {
    adapter([Endpoint::write(Method::Post, "/log", policies, |_, _| Ok(Response::empty(Status::OK)))])
}

/// The caller, or the refusal with the messages of its details.
fn authenticate(
    policies: &[Policy],
    store: &Store,
    certificate: Option<&Certificate>,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Caller, Vec<String>> {
    let headers: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
    let request = request("POST /app/log", &headers, body);
    let der = certificate.map(Certificate::der);
    match decode_at(&with_policies(policies), request, store, der, &|_| true) {
        Ok(mut plan) => Ok(plan.calls.remove(0).caller),
        Err(response) => {
            assert_eq!(response.status, Status::UNAUTHORIZED);
            let wanted = response.headers.iter().find(|(name, _)| name == "www-authenticate");
            let signed = matches!(
                policies.last(),
                Some(Policy::UserCoseSign1 | Policy::TypedUserCoseSign1(_) | Policy::MemberCoseSign1)
            );
            let expected = signed.then_some(r#"COSE-SIGN1 realm="Signed request access""#);
            assert_eq!(wanted.map(|(_, value)| &**value), expected);
            let error = &serde_json::from_slice::<Value>(&response.body).unwrap()["error"];
            assert_eq!(error["code"], "InvalidAuthenticationInfo");
            assert_eq!(error["message"], "Invalid authentication credentials.");
            let details = error["details"].as_array().unwrap();
            let named = details.iter().zip(policies);
            let text = named.map(|(detail, policy)| {
                assert_eq!(detail["auth_policy"], *policy.name());
                assert_eq!(detail["code"], "InvalidAuthenticationInfo");
                detail["message"].as_str().unwrap().to_owned()
            });
            Err(text.collect())
        }
    }
}

#[test]
fn certificates_prove_who_calls() {
    let [user, member, stranger] = [(); 3].map(|()| Person::new(Curve::P384, NOW_S - 3600));
    let (early, late) = (Person::new(Curve::P256, NOW_S + 10), Person::new(Curve::P256, NOW_S - 86_401));
    let pem = |person: &Person| person.certificate.to_pem();
    let store = store(&[
        (USERS, &user.id(), &pem(&user)),
        (USERS, &early.id(), &pem(&early)),
        (USERS, &late.id(), &pem(&late)),
        (MEMBERS, &member.id(), &pem(&member)),
        (MEMBERS, &late.id(), &pem(&late)),
    ]);
    use Policy::{AnyCert, MemberCert, NoAuth, UserCert};
    type Case<'a> = (&'a [Policy], Option<&'a Person>, Result<&'a str, &'a [&'a str]>);
    let cases: [Case<'_>; 17] = [
        (&[], None, Ok("anyone")),
        (&[], Some(&user), Ok("anyone")),
        (&[NoAuth], Some(&user), Ok("anyone")),
        (&[UserCert], Some(&user), Ok("user")),
        (&[MemberCert], Some(&member), Ok("member")),
        (&[AnyCert], Some(&stranger), Ok("any")),
        (&[AnyCert, UserCert], Some(&user), Ok("any")),
        (&[UserCert, MemberCert], Some(&member), Ok("member")),
        (&[UserCert, NoAuth], Some(&stranger), Ok("anyone")),
        (&[UserCert], None, Err(&["No caller user certificate"])),
        (&[MemberCert], Some(&user), Err(&["Could not find matching member certificate"])),
        (&[UserCert], Some(&member), Err(&["Could not find matching user certificate"])),
        (
            &[UserCert, MemberCert],
            Some(&stranger),
            Err(&["Could not find matching user certificate", "Could not find matching member certificate"]),
        ),
        (&[UserCert], Some(&early), Err(&["is before certificate's Not Before validity period"])),
        (&[UserCert], Some(&late), Err(&["is after certificate's Not After validity period"])),
        (&[AnyCert], Some(&late), Err(&["is after certificate's Not After"])),
        // As in CCF, members stay members when their certificate has expired.
        (&[MemberCert], Some(&late), Ok("member")),
    ];
    for (policies, person, expected) in cases {
        let certificate = person.map(|person| &person.certificate);
        match (authenticate(policies, &store, certificate, None, b""), expected) {
            (Ok(caller), Ok(kind)) => {
                let (found, id) = match &caller {
                    Caller::Anyone => ("anyone", None),
                    Caller::AnyCertificate(id, der, None) => {
                        assert_eq!(Some(der.as_slice()), certificate.map(Certificate::der));
                        ("any", Some(id))
                    }
                    Caller::User(id) => ("user", Some(id)),
                    Caller::Member(id) => ("member", Some(id)),
                    Caller::AnyCertificate(.., Some(_)) => panic!("it was shown in no session"),
                    Caller::UserSigned(..) | Caller::MemberSigned(..) => ("signed", None),
                    Caller::Jwt(_) | Caller::AllOf(_) => panic!("no such policy is asked for"),
                };
                assert_eq!(found, kind, "{policies:?}");
                assert!(id.is_none_or(|id| id.to_hex() == person.unwrap().id()), "{policies:?}");
            }
            (Err(reasons), Err(parts)) => {
                assert_eq!(reasons.len(), parts.len(), "{policies:?}: {reasons:?}");
                for (reason, part) in reasons.iter().zip(parts) {
                    assert!(reason.contains(part), "{policies:?}: {reason} lacks {part}");
                }
            }
            (found, _) => panic!("{policies:?}: {found:?}"),
        }
    }
}

#[test]
fn removed_callers_are_refused_when_the_call_runs() {
    let user = Person::new(Curve::P384, NOW_S - 3600);
    let store = store(&[(USERS, &user.id(), &user.certificate.to_pem())]);
    let adapter = with_policies(&[Policy::UserCert]);
    let request = request("POST /app/log", &[], b"");
    let plan = decode_at(&adapter, request, &store, Some(user.certificate.der()), &|_| true).unwrap();
    for (state, status) in [(store.latest(), 200), (Store::new().latest(), 401)] {
        let mut tx = coco_kv::Tx::new(state);
        let services = crate::standard::ledger();
        let mut cx = coco_app::Context::new(&mut tx, &services, None);
        let answer = adapter.execute(&plan.calls[0], &mut cx).unwrap_or_else(Response::from);
        assert_eq!(answer.status.0, status);
    }
}

/// What a signed message is made of.
struct Message<'a> {
    protected: Vec<(Cbor<'a>, Cbor<'a>)>,
    payload: Option<&'a [u8]>,
}

impl Message<'_> {
    fn sign(self, key: &EcKey) -> Vec<u8> {
        let protected = Headers::new(self.protected).encode();
        let content = cose::to_be_signed(&protected, self.payload.unwrap_or(b"detached"));
        cose::encode(&protected, &Headers::empty(), self.payload, &key.sign(&content).into_fixed())
    }
}

fn headers<'a>(key: &EcKey, kid: &'a str, prefix: &'a str) -> Vec<(Cbor<'a>, Cbor<'a>)> {
    let (created_at, kind) = match prefix {
        "ccf.gov.msg" => ("ccf.gov.msg.created_at", "ccf.gov.msg.type"),
        "app.msg" => ("app.msg.created_at", "app.msg.type"),
        _ => ("ccf.msg.created_at", "ccf.msg.type"),
    };
    vec![
        (Cbor::Int(cose::ALG), Cbor::Int(CoseAlgorithm::of(key.public_key()).label())),
        (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
        (Cbor::Text(created_at), Cbor::Int(NOW_S)),
        (Cbor::Text(kind), Cbor::Text("proposal")),
    ]
}

const COSE: Option<&str> = Some("application/cose");

#[test]
fn signatures_prove_who_wrote_a_request() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let person = Person::new(curve, NOW_S - 3600);
        let id = person.id();
        let store = store(&[
            (USERS, &id, &person.certificate.to_pem()),
            (MEMBERS, &id, &person.certificate.to_pem()),
        ]);
        for (policy, prefix) in [(Policy::UserCoseSign1, "ccf.msg"), (Policy::MemberCoseSign1, "ccf.gov.msg")]
        {
            let message = Message { protected: headers(&person.key, &id, prefix), payload: Some(b"hello") };
            let message = message.sign(&person.key);
            let caller = authenticate(from_ref(&policy), &store, None, COSE, &message).unwrap();
            let (Caller::UserSigned(signer, signed) | Caller::MemberSigned(signer, signed)) = &caller else {
                panic!("{caller:?}")
            };
            assert_eq!(matches!(caller, Caller::UserSigned(..)), policy == Policy::UserCoseSign1);
            assert_eq!((signer.to_hex(), signed.payload.as_slice()), (id.clone(), b"hello".as_slice()));
            assert_eq!(
                (signed.created_at_s, signed.message_type.as_deref()),
                (Some(NOW_S), Some("proposal"))
            );
            assert_eq!((&signed.envelope, &signed.proposal_id), (&message, &None));
            // Every bit counts.
            for at in 0..message.len() * 8 {
                let mut forged = message.clone();
                forged[at / 8] ^= 1 << (at % 8);
                let found = authenticate(from_ref(&policy), &store, None, COSE, &forged);
                assert!(found.is_err(), "bit {at} of {curve:?} {policy:?}: {found:?}");
            }
            for len in 0..message.len() {
                assert!(
                    authenticate(from_ref(&policy), &store, None, COSE, &message[..len]).is_err(),
                    "cut at {len}"
                );
            }
        }
    }
}

#[test]
fn forged_messages_are_refused_with_the_reason() {
    let [member, user, stranger] = [(); 3].map(|()| Person::new(Curve::P384, NOW_S - 3600));
    let (id, user_id, stranger_id) = (member.id(), user.id(), stranger.id());
    let upper = id.to_uppercase();
    let store = store(&[
        (MEMBERS, &id, &member.certificate.to_pem()),
        (USERS, &user_id, &user.certificate.to_pem()),
        (MEMBERS, &stranger_id, "no certificate"),
    ]);
    let good = || headers(&member.key, &id, "ccf.gov.msg");
    let without = |at: usize| {
        let mut protected = good();
        protected.remove(at);
        protected
    };
    let with = |at: usize, value: Cbor<'static>| {
        let mut protected = good();
        protected[at].1 = value;
        protected
    };
    let sign = |protected, key| Message { protected, payload: Some(b"x") }.sign(key);
    let key = &member.key;
    let cases: Vec<(&str, Option<&str>, Vec<u8>)> = vec![
        ("Missing content-type header", None, sign(good(), key)),
        ("Content type is not set to application/cose", Some("application/json"), sign(good(), key)),
        ("Failed to parse COSE_Sign1 outer array", COSE, Vec::new()),
        ("Failed to parse COSE_Sign1 outer array", COSE, b"{}".to_vec()),
        ("COSE_Sign1 is not tagged", COSE, sign(good(), key)[1..].to_vec()),
        ("Failed to decode COSE_Sign1", COSE, [sign(good(), key), vec![0]].concat()),
        ("Missing algorithm in protected header", COSE, sign(without(0), key)),
        ("Unsupported algorithm: -8", COSE, sign(with(0, Cbor::Int(-8)), key)),
        ("Unsupported algorithm: -38", COSE, sign(with(0, Cbor::Int(-38)), key)),
        ("Failed to validate COSE Sign1", COSE, sign(with(0, Cbor::Int(-7)), key)),
        ("Missing kid in protected header", COSE, sign(without(1), key)),
        ("Missing created_at in protected header", COSE, sign(without(2), key)),
        ("created_at must be positive", COSE, sign(with(2, Cbor::Int(-1)), key)),
        ("created_at must be positive", COSE, sign(with(2, Cbor::Text("now")), key)),
        ("ccf.gov.msg.type is not text", COSE, sign(with(3, Cbor::Int(1)), key)),
        ("Missing created_at", COSE, sign(headers(key, &id, "ccf.msg"), key)),
        ("Signer is not a known member", COSE, sign(headers(&user.key, &user_id, "ccf.gov.msg"), &user.key)),
        ("Signer is not a known member", COSE, sign(headers(key, &upper, "ccf.gov.msg"), key)),
        ("Signer is not a known member", COSE, sign(headers(key, "", "ccf.gov.msg"), key)),
        ("registered certificate cannot be read", COSE, sign(headers(key, &stranger_id, "ccf.gov.msg"), key)),
        // Signed by another than the key ID says.
        ("Failed to validate COSE Sign1", COSE, sign(good(), &stranger.key)),
        ("The payload is detached", COSE, Message { protected: good(), payload: None }.sign(key)),
    ];
    for (part, content_type, body) in cases {
        let reasons =
            authenticate(&[Policy::MemberCoseSign1], &store, None, content_type, &body).unwrap_err();
        assert!(reasons.len() == 1 && reasons[0].contains(part), "{part}: {reasons:?}");
    }
    let plain = headers(&user.key, &user_id, "ccf.msg")[..2].to_vec();
    let signed = Message { protected: plain, payload: Some(b"") }.sign(&user.key);
    assert!(authenticate(&[Policy::UserCoseSign1], &store, None, COSE, &signed).is_ok());
    let reasons = authenticate(&[Policy::UserCoseSign1], &store, None, COSE, &sign(good(), key)).unwrap_err();
    assert_eq!(reasons, ["Signer is not a known user"]);
}

#[test]
fn a_signature_for_one_purpose_serves_no_other() {
    let user = Person::new(Curve::P384, NOW_S - 3600);
    let id = user.id();
    let store = store(&[(USERS, &id, &user.certificate.to_pem())]);
    let kind = MessageKind {
        message_type: "proposal",
        type_header: "app.msg.type",
        created_at_header: "app.msg.created_at",
    };
    let sign =
        |prefix| Message { protected: headers(&user.key, &id, prefix), payload: Some(b"x") }.sign(&user.key);
    let typed = |message_type| [Policy::TypedUserCoseSign1(MessageKind { message_type, ..kind })];
    let caller = authenticate(&typed("proposal"), &store, None, COSE, &sign("app.msg")).unwrap();
    assert_eq!(caller.signed().unwrap().created_at_s, Some(NOW_S));
    for (message_type, prefix, found) in [
        ("ballot", "app.msg", "proposal"),
        ("proposal", "ccf.msg", "none"),
        ("proposal", "ccf.gov.msg", "none"),
    ] {
        let reasons = authenticate(&typed(message_type), &store, None, COSE, &sign(prefix)).unwrap_err();
        assert_eq!(reasons, [format!("Unexpected message type: {found}, expected: {message_type}")]);
    }
}
