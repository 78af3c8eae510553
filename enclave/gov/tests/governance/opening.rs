//! A consortium opens its service.

use coco_app::Status;
use coco_crypto::{
    Curve, EcKey, Signer as _, SystemEntropy,
    cose::CoseAlgorithm,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_tables::{members::MemberStatus, service::ServiceStatus};
use coco_wire::{Seqno, TxId, View, cose::CoseSign1, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{NOW_S, Service, body, refusal, text},
    constitutions,
};

const AYE: &str = "export function vote (rawProposal, proposerId) { return true }";

fn user_certificate() -> String {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(NOW_S), 365).unwrap();
    issue_participant(&key, &Name::common("user0").unwrap(), validity, &SystemEntropy).to_pem()
}

/// The whole story under a constitution with the actions of CCF's default one.
fn opens(constitution: &str) {
    let mut service = Service::new(constitution);
    service.acknowledge_all();
    for member in &service.members {
        let info = service.tables.members.info.get(&service.store.latest(), &member.id).unwrap().unwrap();
        assert_eq!(info.status, MemberStatus::Active);
        let ack = service.tables.members.acks.get(&service.store.latest(), &member.id).unwrap().unwrap();
        assert!(ack.cose_sign1_req.is_some());
    }
    let user = user_certificate();
    let next = service.certificate.to_pem();
    let actions = json!([
        { "name": "set_user", "args": { "cert": user, "user_data": { "colour": "blue" } } },
        { "name": "transition_service_to_open", "args": { "next_service_identity": next } },
    ]);
    let proposal = service.proposed(0, &actions);
    assert_eq!(service.state_of(&proposal), "Open");
    let first = body(&service.vote(0, &proposal, AYE));
    assert_eq!((&first["proposalState"], &first["ballotCount"]), (&json!("Open"), &json!(1)));
    assert_eq!(service.status(), ServiceStatus::Opening);
    let response = service.vote(1, &proposal, AYE);
    assert_eq!(response.status, Status::OK, "{}", text(&response));
    let votes: Value = service.members[..2].iter().map(|member| (member.id.to_hex(), true)).collect();
    let proposer = service.members[0].id;
    let expected = json!({
        "proposalId": proposal, "proposerId": proposer, "proposalState": "Accepted", "ballotCount": 2,
        "finalVotes": votes, "voteFailures": {},
    });
    assert_eq!(body(&response), expected);
    assert_eq!(body(&service.get(&format!("/members/proposals/{proposal}"))), expected);
    assert_eq!(service.status(), ServiceStatus::Open);
    check_tables(&service, &actions, &proposal);
    let users = body(&service.get("/service/users"));
    assert_eq!(users["value"][0]["certificate"], json!(user));
    assert_eq!(users["value"][0]["userData"]["user_data"]["colour"], "blue");
    drops_other_proposals(&mut service, constitution);
    // To open an open service changes nothing.
    let before = service.tables.secrets.recovery_shares.get(&service.store.latest()).unwrap();
    let again = service.proposed(2, &json!([actions[1]]));
    service.vote(0, &again, AYE);
    assert_eq!(body(&service.vote(1, &again, AYE))["proposalState"], "Accepted");
    assert_eq!(service.tables.secrets.recovery_shares.get(&service.store.latest()).unwrap(), before);
}

/// Proposals are dropped whose meaning may have changed.
fn drops_other_proposals(service: &mut Service, constitution: &str) {
    let other =
        service.proposed(1, &json!([{ "name": "remove_user", "args": { "user_id": "0".repeat(64) } }]));
    let amended = format!("{constitution}\n// amended");
    let actions = json!([{ "name": "set_constitution", "args": { "constitution": amended } }]);
    let proposal = service.proposed(0, &actions);
    service.vote(0, &proposal, AYE);
    assert_eq!(body(&service.vote(2, &proposal, AYE))["proposalState"], "Accepted");
    assert_eq!(service.state_of(&other), "Dropped");
    assert_eq!(refusal(&service.vote(1, &other, AYE)).1, "ProposalNotOpen");
    assert_eq!(service.get("/service/constitution").body, amended.as_bytes());
}

/// The rows that CCF writes when it opens a service.
fn check_tables(service: &Service, actions: &Value, proposal: &str) {
    let state = service.store.latest();
    let tables = &service.tables;
    let stored = tables.proposals.proposals.get(&state, proposal).unwrap().unwrap();
    assert_eq!(stored, json!({ "actions": actions }).to_string().as_bytes());
    assert_eq!(tables.proposals.cose_history.len(&state), 2);
    assert_eq!(tables.proposals.cose_recent_proposals.len(&state), 1);
    let history = tables.secrets.history.get(&state).unwrap().unwrap();
    assert_eq!((history.previous_ledger_secret, history.next_version), (None, Some(Seqno(1))));
    let shares = tables.secrets.recovery_shares.get(&state).unwrap().unwrap();
    let holders: Vec<_> = shares.encrypted_shares.keys().copied().collect();
    let mut members: Vec<_> = service.members.iter().map(|member| member.id).collect();
    members.sort_unstable();
    assert_eq!(holders, members);
    assert_eq!(shares.previous_secret_stored_version, None);
    assert!(!tables.secrets.for_nodes.has(&state));

    let endorsement = tables.service.previous_identity_endorsement.get(&state).unwrap().unwrap();
    let public_key = service.key.public_key();
    assert_eq!(endorsement.endorsing_key, Base64(public_key.spki_der().to_vec()));
    assert_eq!(endorsement.endorsement_epoch_begin, TxId { view: View(2), seqno: Seqno(1) });
    assert_eq!((endorsement.endorsement_epoch_end, endorsement.previous_version), (None, None));
    let message = CoseSign1::decode(&endorsement.endorsement.0).unwrap();
    assert_eq!(message.payload, Some(public_key.spki_der()));
    let signed = message.to_be_signed(None).unwrap();
    let key = service.certificate.public_key();
    assert_eq!(CoseAlgorithm::Es384.verify(key, &signed, message.signature), Ok(()));
}

#[test]
fn opens_under_our_constitution() {
    opens(&constitutions::ours());
}

#[test]
fn opens_under_the_constitution_of_ccf() {
    if let Some(constitution) = constitutions::of_ccf() {
        opens(&constitution);
    }
}

#[test]
fn another_identity_or_no_service_is_not_opened() {
    let mut service = Service::new(constitutions::PLAIN);
    service.acknowledge_all();
    let other = user_certificate();
    for (next, reason) in
        [(other.as_str(), "Service identity mismatch"), ("hello", "Service identity mismatch")]
    {
        let actions = json!([{ "name": "pass" }, { "name": "open", "args": { "next": next } }]);
        let (status, code, message) = refusal(&service.propose(0, &actions));
        assert_eq!((status, code.as_str()), (500, "InternalError"));
        assert!(message.starts_with("Failed to apply(): "), "{message}");
        assert!(message.contains("Unable to open service: ") && message.contains(reason), "{message}");
        assert_eq!(service.status(), ServiceStatus::Opening);
    }
}
