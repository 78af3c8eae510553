//! The life of a proposal.

use coco_app::Status;
use coco_crypto::{
    Certificate, Curve, EcKey, SystemEntropy,
    x509::{Name, Request, UnixTime},
};
use serde_json::{Value, json};

use crate::{
    consortium::{Envelope, Service, body, refusal, sign, text},
    constitutions::PLAIN,
};

const AYE: &str = "export function vote() { return true }";

fn active() -> Service {
    let mut service = Service::new(PLAIN);
    service.acknowledge_all();
    service
}

#[test]
fn only_valid_proposals_are_taken() {
    let mut service = active();
    let version = service.store.version();
    let (status, code, message) = refusal(&service.propose(0, &json!([{ "name": "fly" }])));
    assert_eq!((status, code.as_str()), (400, "ProposalFailedToValidate"));
    assert_eq!(message, "Proposal failed to validate: fly");
    let envelope = Envelope { message_type: Some("proposal"), ..Envelope::default() };
    for (payload, status, start) in [
        (&b"{ not valid json"[..], 500, "Failed to execute validation: SyntaxError:"),
        (b"{}", 500, "Failed to execute validation: TypeError:"),
        (b"\xff", 400, "Signed request body is not UTF-8"),
    ] {
        let message = sign(&service.members[0], &envelope, payload);
        let (found, _, message) = refusal(&service.post("/members/proposals:create", message));
        assert_eq!(found, status);
        assert!(message.starts_with(start), "{message}");
    }
    assert_eq!(service.store.version(), version);
}

#[test]
fn a_verdict_on_validity_is_an_object() {
    let invalid = (400, "ProposalFailedToValidate", "Proposal failed to validate: ");
    let no_verdict = (500, "InternalError", "Validation failed to return an object");
    let cases = [
        ("{}", invalid),
        ("{ valid: 0, description: 1 }", invalid),
        ("[]", invalid),
        ("null", no_verdict),
        ("undefined", no_verdict),
        ("true", no_verdict),
        ("'valid'", no_verdict),
    ];
    let mut service = active();
    for (verdict, (status, code, message)) in cases {
        let constitution = format!("export function validate() {{ return {verdict} }}");
        service.write(|tables, tx| tables.scripts.constitution.put(tx, &(&*constitution).into()));
        let found = refusal(&service.propose(0, &json!([])));
        assert_eq!(found, (status, code.to_owned(), message.to_owned()), "{verdict}");
    }
}

#[test]
fn what_members_are_refused_is_told_to_operators() {
    let mut service = active();
    service.propose(0, &json!([{ "name": "fly" }]));
    // Who is not believed cannot make the node say anything, nor can who only reads.
    service.post("/members/proposals:create", b"no message".to_vec());
    service.get("/members/proposals/0");
    // However long it is.
    let long = format!("throw new Error('{}')", "x".repeat(10_000));
    let proposal = service.proposed(0, &json!([{ "name": "noop" }]));
    service.vote(0, &proposal, &long);
    let told = service.told.lock().unwrap();
    let id = service.members[0].id;
    assert_eq!(
        told[0],
        "POST /gov/members/proposals:create returning error 400: Proposal failed to validate: fly"
    );
    let start = format!(
        "POST /gov/members/proposals/{proposal}/ballots/{id}:submit returning error 400: The ballot cannot be evaluated: \
         Error: xxx"
    );
    assert!(told[1].starts_with(&start), "{}", told[1]);
    assert_eq!((told.len(), told[1].len()), (2, 4096));
}

#[test]
fn proposals_can_be_read_until_another_one_is_decided() {
    let mut service = active();
    let first = service.proposed(0, &json!([{ "name": "pass" }]));
    let second = service.proposed(1, &json!([{ "name": "noop", "args": { "a": 1 } }]));
    let proposals = body(&service.get("/members/proposals"));
    assert_eq!(proposals["value"].as_array().unwrap().len(), 2);
    let shown = json!({
        "proposalId": second, "proposerId": service.members[1].id, "proposalState": "Open", "ballotCount": 0,
    });
    assert_eq!(body(&service.get(&format!("/members/proposals/{second}"))), shown);
    let actions = service.get(&format!("/members/proposals/{second}/actions"));
    assert_eq!(body(&actions), json!({ "actions": [{ "name": "noop", "args": { "a": 1 } }] }));
    service.vote(0, &second, AYE);
    service.vote(1, &second, AYE);
    assert_eq!(service.state_of(&second), "Accepted");
    // What was decided before goes.
    for path in [format!("/members/proposals/{first}"), format!("/members/proposals/{first}/actions")] {
        assert_eq!(refusal(&service.get(&path)).1, "ProposalNotFound");
    }
    assert_eq!(refusal(&service.get("/members/proposals/xyz")).1, "InvalidResourceName");
}

#[test]
fn only_the_proposer_withdraws() {
    let mut service = active();
    let absent = "0".repeat(64);
    assert_eq!(service.withdraw(0, &absent).status, Status::NO_CONTENT);
    let proposal = service.proposed(0, &json!([{ "name": "noop" }]));
    let (status, code, _) = refusal(&service.withdraw(1, &proposal));
    assert_eq!((status, code.as_str()), (403, "AuthorizationFailed"));
    let withdrawn = service.withdraw(0, &proposal);
    assert_eq!(body(&withdrawn)["proposalState"], "Withdrawn");
    assert_eq!(service.withdraw(0, &proposal), withdrawn);
    assert_eq!(refusal(&service.vote(1, &proposal, AYE)).1, "ProposalNotOpen");
    let accepted = service.proposed(0, &json!([{ "name": "pass" }]));
    let (status, code, message) = refusal(&service.withdraw(0, &accepted));
    assert_eq!((status, code.as_str()), (400, "ProposalNotOpen"));
    assert!(message.ends_with("is currently in state accepted and cannot be withdrawn."), "{message}");
}

#[test]
fn what_cannot_be_carried_out_changes_nothing() {
    let mut service = active();
    let version = service.store.version();
    let cases = [
        (
            json!([{ "name": "pass" }, { "name": "throw" }]),
            "Failed to apply(): Error: apply went wrong\nTrace:",
        ),
        (
            json!([{ "name": "pass" }, { "name": "endless" }]),
            "Failed to apply(): Operation took too long to complete.\nTrace:",
        ),
        (
            json!([{ "name": "pass" }, { "name": "rekey" }]),
            "Failed to apply(): InternalError: Failed to rekey ledger: Cannot rekey ledger while the service is not open\nTrace:",
        ),
        (
            json!([{ "name": "throw_in_resolve" }]),
            "Failed to resolve(): Error: resolve went wrong 64\nTrace:",
        ),
        (json!([{ "name": "odd" }]), "resolve() returned invalid status value: \"Perhaps\"\nTrace: N/A"),
    ];
    for (actions, start) in cases {
        let (status, code, message) = refusal(&service.propose(0, &actions));
        assert_eq!((status, code.as_str()), (500, "InternalError"));
        assert!(message.starts_with(start), "{message}");
    }
    assert_eq!(service.store.version(), version);

    // Voted for, it stays open: the vote that would have decided it does not count.
    let proposal = service.proposed(0, &json!([{ "name": "throw" }]));
    service.vote(0, &proposal, AYE);
    let response = service.vote(1, &proposal, AYE);
    assert!(text(&response).contains("apply went wrong"), "{}", text(&response));
    assert_eq!(service.state_of(&proposal), "Open");
    assert!(!service.tables.users.info.has(&service.store.latest(), &service.members[0].id));
}

#[test]
fn without_a_constitution_nothing_is_decided() {
    let mut service = active();
    let proposal = service.proposed(0, &json!([{ "name": "noop" }]));
    service.write(|tables, tx| tables.scripts.constitution.remove(tx));
    let (status, _, message) = refusal(&service.propose(0, &json!([])));
    assert_eq!((status, message.as_str()), (500, "No constitution is set - proposals cannot be evaluated"));
    let (status, _, message) = refusal(&service.vote(0, &proposal, AYE));
    assert_eq!((status, message.as_str()), (500, "No constitution is set - ballots cannot be evaluated"));
}

#[test]
fn the_constitution_may_use_the_keys_of_the_service() {
    let mut service = active();
    let node = EcKey::generate(Curve::P384, &SystemEntropy);
    let request = Request::create(&node, &Name::common("node").unwrap(), &[]);
    let actions = json!([
        { "name": "pass" }, { "name": "chunk" }, { "name": "seqno" }, { "name": "renew" },
        { "name": "endorse", "args": { "request": request.to_pem() } },
    ]);
    service.proposed(0, &actions);
    assert!(service.requests.ledger_chunk);
    let written = |key: &str| -> Value {
        let name = service.tables.users.info.name();
        let row = coco_kv::Reader::get(&service.store.latest(), name, key.as_bytes()).unwrap();
        serde_json::from_slice::<Value>(&row).unwrap()["user_data"].take()
    };
    assert_eq!(written("seqno"), 1);
    let certificate = |key| Certificate::from_pem(written(key).as_str().unwrap()).unwrap();
    let (endorsed, renewed) = (certificate("endorsed"), certificate("renewed"));
    assert_eq!(endorsed.verify_issued_by(&service.certificate), Ok(()));
    assert_eq!(renewed.public_key().spki_der(), service.certificate.public_key().spki_der());
    for certificate in [endorsed, renewed] {
        let validity = certificate.validity();
        assert_eq!(validity.not_before(), UnixTime(1_761_669_648));
        assert_eq!(validity.not_after(), UnixTime(1_761_669_648 + 10 * 86_400 - 1));
    }
}
