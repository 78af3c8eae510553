//! Recovery shares give the ledger secret back, and only to enough members.

use coco_app::Status;
use coco_crypto::{
    LedgerSecret, NotAuthentic, SystemEntropy,
    sharing::{Share, recombine},
};
use coco_tables::{members::RecoveryRole, secrets::RecoveryShares, service::ServiceStatus};
use coco_wire::{Seqno, text::decode_base64};
use serde_json::{Value, json};

use crate::{
    consortium::{Member, Service, body, refusal, text, write_member},
    constitutions::PLAIN,
};

fn open(service: &Service) -> Value {
    json!([{ "name": "pass" }, { "name": "open", "args": { "next": service.certificate.to_pem() } }])
}

fn opened(threshold: u64, roles: &[Option<RecoveryRole>]) -> Service {
    let mut service = Service::with_roles(PLAIN, threshold, roles);
    service.acknowledge_all();
    let actions = open(&service);
    service.proposed(0, &actions);
    assert_eq!(service.status(), ServiceStatus::Open);
    service
}

/// Fetches and decrypts a member's share.
fn share_of(service: &mut Service, by: usize) -> Share {
    let id = service.members[by].id;
    let response = service.get(&format!("/recovery/encrypted-shares/{id}"));
    assert_eq!(response.status, Status::OK, "{}", text(&response));
    let encrypted = decode_base64(body(&response)["encryptedShare"].as_str().unwrap()).unwrap();
    Share::from_bytes(&service.members[by].encryption.decrypt_oaep(&encrypted).unwrap()).unwrap()
}

fn issued(service: &Service) -> RecoveryShares {
    service.tables.secrets.recovery_shares.get(&service.store.latest()).unwrap().unwrap()
}

fn unwrap(service: &Service, whole: &Share) -> Result<LedgerSecret, NotAuthentic> {
    whole.wrapping_key().unwrap().unwrap(&issued(service).wrapped_latest_ledger_secret.0)
}

#[test]
fn any_two_of_three_members_recover_the_ledger_secret() {
    let mut service = opened(2, &[None, None, None]);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        let shares = [share_of(&mut service, a), share_of(&mut service, b)];
        let secret = unwrap(&service, &recombine(&shares, 2).unwrap()).unwrap();
        assert_eq!(secret, service.secret);
        let sealed = service.secret.encryption_key().seal_packed(&[1; 12], b"header", b"entry");
        let entry = secret.encryption_key().open_packed(b"header", &sealed).unwrap();
        assert_eq!(*entry, b"entry");
        let alone = recombine(&shares[..1], 1).unwrap();
        assert_eq!(unwrap(&service, &alone), Err(NotAuthentic));
    }
}

#[test]
fn older_secrets_can_be_reached_from_the_newest() {
    let mut service = Service::with_roles(PLAIN, 1, &[None]);
    let older = LedgerSecret::generate(&SystemEntropy);
    service.secrets.lock().unwrap().insert(Seqno(0), older.clone());
    service.acknowledge(0);
    let actions = open(&service);
    service.proposed(0, &actions);
    let opened_at = service.store.version();
    let history = service.tables.secrets.history.get(&service.store.latest()).unwrap().unwrap();
    let link = history.previous_ledger_secret.unwrap();
    assert_eq!(service.secret.decrypt_previous(&link.encrypted_data.0), Ok(older));
    assert_eq!((link.version, history.next_version), (Seqno(0), Some(Seqno(1))));
    service.proposed(0, &json!([{ "name": "pass" }, { "name": "refresh" }]));
    assert_eq!(issued(&service).previous_secret_stored_version, Some(opened_at));
}

#[test]
fn owners_recover_alone() {
    use RecoveryRole::{NonParticipant, Owner, Participant};
    let mut service = opened(2, &[Some(Participant), Some(Participant), Some(Owner), Some(NonParticipant)]);
    let whole = share_of(&mut service, 2);
    assert!(whole.is_whole());
    assert_eq!(unwrap(&service, &whole).unwrap(), service.secret);
    let id = service.members[3].id;
    let (status, code, _) = refusal(&service.get(&format!("/recovery/encrypted-shares/{id}")));
    assert_eq!((status, code.as_str()), (404, "ResourceNotFound"));

    let mut owners = opened(1, &[Some(Owner), Some(Owner)]);
    let whole = share_of(&mut owners, 1);
    assert_eq!(unwrap(&owners, &whole).unwrap(), owners.secret);
}

#[test]
fn too_few_recovery_members_cannot_open() {
    use RecoveryRole::{NonParticipant, Owner};
    let cases: [(u64, &[Option<RecoveryRole>], usize, &str); 5] = [
        (
            2,
            &[None, None],
            1,
            "Recovery threshold 2 should be equal to or less than the number of active recovery members 1",
        ),
        (
            4,
            &[None, None, None],
            3,
            "Recovery threshold 4 should be equal to or less than the number of active recovery members 3",
        ),
        (1, &[Some(NonParticipant)], 1, "There should be at least one active recovery member"),
        (2, &[Some(Owner)], 1, "Recovery threshold 2 cannot be greater than 1"),
        (0, &[None], 1, "Recovery threshold should be set before"),
    ];
    for (threshold, roles, active, reason) in cases {
        let mut service = Service::with_roles(PLAIN, threshold, roles);
        (0..active).for_each(|by| service.acknowledge(by));
        let actions = open(&service);
        let (status, _, message) = refusal(&service.propose(0, &actions));
        assert_eq!(status, 500, "{message}");
        let reason = format!("Unable to open service: Failed to issue recovery shares: {reason}");
        assert!(message.contains(&reason), "{message}");
        assert_eq!(service.status(), ServiceStatus::Opening);
        assert!(!service.tables.secrets.recovery_shares.has(&service.store.latest()));
    }
}

#[test]
fn a_new_recovery_member_gets_a_share_at_once() {
    let mut service = opened(2, &[None, None]);
    let before = issued(&service);
    for (role, gets_share) in [(None, true), (Some(RecoveryRole::NonParticipant), false)] {
        let member = Member::new(service.members.len());
        service.write(|tables, tx| write_member(tables, tx, &member, role));
        service.members.push(member);
        let by = service.members.len() - 1;
        let earlier = issued(&service);
        service.acknowledge(by);
        assert_eq!(issued(&service) != earlier, gets_share);
    }
    let after = issued(&service);
    assert_eq!((before.encrypted_shares.len(), after.encrypted_shares.len()), (2, 3));
    let shares = [share_of(&mut service, 2), share_of(&mut service, 0)];
    assert_eq!(unwrap(&service, &recombine(&shares, 2).unwrap()).unwrap(), service.secret);
    // To acknowledge again is no reason for new shares.
    service.acknowledge(2);
    assert_eq!(issued(&service), after);
}

#[test]
fn members_can_ask_for_new_shares() {
    let mut service = opened(2, &[None, None]);
    let before = issued(&service);
    let old = [share_of(&mut service, 0), share_of(&mut service, 1)];
    service.proposed(0, &json!([{ "name": "pass" }, { "name": "refresh" }]));
    assert_ne!(issued(&service), before);
    assert_eq!(unwrap(&service, &recombine(&old, 2).unwrap()), Err(NotAuthentic));
    let new = [share_of(&mut service, 0), share_of(&mut service, 1)];
    assert_eq!(unwrap(&service, &recombine(&new, 2).unwrap()).unwrap(), service.secret);
}
