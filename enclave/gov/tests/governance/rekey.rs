//! New ledger secrets reach nodes and members, and the older ones are reached from them.

use coco_app::Status;
use coco_crypto::{
    LedgerSecret, NotAuthentic,
    sharing::{Share, recombine},
};
use coco_tables::{
    members::{MemberStatus, RecoveryRole},
    nodes::{NodeInfo, NodeStatus},
    secrets::{RecoveryShares, SecretHistory, SecretsForNodes},
};
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use crate::{
    consortium::{Member, Service, body, refusal, text, write_member},
    constitutions::{self, PLAIN},
    nodes::node_info,
};

const NODES: [Digest; 3] = [Digest([1; 32]), Digest([2; 32]), Digest([3; 32])];
/// Pending; its keys are those of the second node.
const NEWCOMER: Digest = Digest([4; 32]);

/// An open service with three nodes, which have the encryption keys of the first three members.
fn opened(constitution: &str, threshold: u64, roles: &[Option<RecoveryRole>]) -> Service {
    let mut service = Service::with_roles(constitution, threshold, roles);
    service.acknowledge_all();
    let keys: Vec<_> = (0..3).map(|number| Member::new(number).encryption.public_key().to_pem()).collect();
    service.write(|tables, tx| {
        for (node, key) in NODES.iter().zip(&keys) {
            let info = NodeInfo { encryption_pub_key: key.clone(), ..node_info(NodeStatus::Trusted) };
            tables.nodes.info.put(tx, node, &info);
        }
        let info = NodeInfo { encryption_pub_key: keys[1].clone(), ..node_info(NodeStatus::Pending) };
        tables.nodes.info.put(tx, &NEWCOMER, &info);
    });
    let next = service.certificate.to_pem();
    let actions = if constitution == PLAIN {
        json!([{ "name": "pass" }, { "name": "open", "args": { "next": next } }])
    } else {
        json!([{ "name": "transition_service_to_open", "args": { "next_service_identity": next } }])
    };
    let response = service.decide(&actions);
    assert_eq!(response.status, Status::OK, "{}", text(&response));
    service
}

fn accepted(service: &mut Service, actions: &Value) {
    let response = service.decide(actions);
    assert_eq!(response.status, Status::OK, "{}", text(&response));
    assert_eq!(body(&response)["proposalState"], "Accepted", "{}", text(&response));
}

/// What a node finds for itself.
fn given_to(service: &Service, node: usize) -> Option<LedgerSecret> {
    let state = service.store.latest();
    let mut row = service.tables.secrets.for_nodes.get(&state).unwrap()?;
    let secrets = row.0.remove(&NODES[node])?;
    assert_eq!(secrets.len(), 1);
    assert_eq!((secrets[0].version, secrets[0].previous_secret_stored_version), (None, None));
    let key = Member::new(node).encryption;
    let bytes = key.decrypt_oaep(&secrets[0].encrypted_secret.0).unwrap();
    Some(LedgerSecret::from_bytes(bytes.as_slice().try_into().unwrap()))
}

fn shares(service: &Service) -> RecoveryShares {
    service.tables.secrets.recovery_shares.get(&service.store.latest()).unwrap().unwrap()
}

fn history(service: &Service) -> SecretHistory {
    service.tables.secrets.history.get(&service.store.latest()).unwrap().unwrap()
}

/// What these members recover together.
fn recovered(service: &Service, by: &[usize]) -> Result<LedgerSecret, NotAuthentic> {
    let shares = shares(service);
    let share = |by: &usize| {
        let member = &service.members[*by];
        let encrypted = &shares.encrypted_shares[&member.id].0;
        Share::from_bytes(&member.encryption.decrypt_oaep(encrypted).unwrap()).unwrap()
    };
    let parts: Vec<_> = by.iter().map(share).collect();
    let whole = match &parts[..] {
        [whole] if whole.is_whole() => whole.clone(),
        parts => recombine(parts, parts.len()).unwrap(),
    };
    whole.wrapping_key().unwrap().unwrap(&shares.wrapped_latest_ledger_secret.0)
}

fn newest(service: &Service) -> (Seqno, LedgerSecret) {
    let secrets = service.secrets.lock().unwrap();
    let (from, secret) = secrets.last_key_value().unwrap();
    (*from, secret.clone())
}

fn rekey() -> Value {
    json!([{ "name": "trigger_ledger_rekey" }])
}

fn constitutions() -> impl Iterator<Item = String> {
    [Some(constitutions::ours()), constitutions::of_ccf()].into_iter().flatten()
}

#[test]
fn each_new_secret_leads_to_the_one_before() {
    for constitution in constitutions() {
        let mut service = opened(&constitution, 2, &[None, None, None]);
        assert!(!service.tables.secrets.for_nodes.has(&service.store.latest()));
        // The trail to the newest secret.
        let mut stored_at = service.store.version();
        for _ in 0..4 {
            let (from, before) = newest(&service);
            accepted(&mut service, &rekey());
            let at = service.store.version();
            let (since, secret) = newest(&service);
            assert_eq!(since, at.next());
            assert_ne!(secret, before);
            for node in 0..3 {
                assert_eq!(given_to(&service, node).as_ref(), Some(&secret));
            }
            let rows = service.tables.secrets.for_nodes.get(&service.store.latest()).unwrap().unwrap();
            assert!(rows.0.keys().eq(&NODES));
            for by in [[0, 1], [1, 2], [2, 0]] {
                assert_eq!(recovered(&service, &by).as_ref(), Ok(&secret));
            }
            assert_eq!(recovered(&service, &[1]), Err(NotAuthentic));
            assert_eq!(shares(&service).previous_secret_stored_version, None);
            let SecretHistory { previous_ledger_secret, next_version } = history(&service);
            let link = previous_ledger_secret.unwrap();
            assert_eq!(secret.decrypt_previous(&link.encrypted_data.0), Ok(before));
            assert_eq!((link.version, link.previous_secret_stored_version), (from, Some(stored_at)));
            assert_eq!(next_version, None);

            // New shares of the same secret name the way to older ones.
            let refresh = json!([{ "name": "trigger_recovery_shares_refresh" }]);
            accepted(&mut service, &refresh);
            assert_eq!(newest(&service).0, since);
            assert_eq!(recovered(&service, &[0, 1]).as_ref(), Ok(&secret));
            assert_eq!(shares(&service).previous_secret_stored_version, Some(at));
            let unchanged = service.tables.secrets.history.version_of_previous_write(&service.store.latest());
            assert_eq!(unchanged, Some(at));
            stored_at = at;
        }
    }
}

#[test]
fn a_service_that_is_not_open_keeps_its_secret() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let (status, code, message) = refusal(&service.decide(&rekey()));
    assert_eq!((status, code.as_str()), (500, "InternalError"));
    assert!(message.contains("Failed to rekey ledger: Cannot rekey ledger while the service is not open"));
    assert_eq!(newest(&service).0, Seqno(1));
    assert!(!service.tables.secrets.for_nodes.has(&service.store.latest()));
}

#[test]
fn the_last_word_of_a_proposal_counts() {
    for constitution in constitutions() {
        let mut service = opened(&constitution, 2, &[None, None, None]);
        let before = newest(&service);
        let trust = json!({ "node_id": NEWCOMER, "valid_from": "20251028164048Z" });
        let actions = json!([
            { "name": "trigger_ledger_rekey" },
            { "name": "remove_node", "args": { "node_id": NODES[2] } },
            { "name": "trigger_ledger_rekey" },
            { "name": "transition_node_to_trusted", "args": trust },
            { "name": "set_recovery_threshold", "args": { "recovery_threshold": 3 } },
        ]);
        accepted(&mut service, &actions);
        let (_, secret) = newest(&service);
        // Nodes that leave get nothing, and those that come get everything.
        let rows = service.tables.secrets.for_nodes.get(&service.store.latest()).unwrap().unwrap();
        assert!(rows.0.keys().eq(&[NODES[0], NODES[1], NEWCOMER]));
        assert_eq!((given_to(&service, 0), given_to(&service, 2)), (Some(secret.clone()), None));
        let trusted = service.tables.nodes.info.get(&service.store.latest(), &NEWCOMER).unwrap().unwrap();
        assert_eq!(trusted.ledger_secret_seqno, Some(before.0));
        // Shares are of the secret that counts, and as many as were decided on.
        assert_eq!(recovered(&service, &[0, 1, 2]).as_ref(), Ok(&secret));
        assert_eq!(recovered(&service, &[0, 1]), Err(NotAuthentic));
        assert_eq!(shares(&service).previous_secret_stored_version, None);
        let link = history(&service).previous_ledger_secret.unwrap();
        assert_eq!((link.version, secret.decrypt_previous(&link.encrypted_data.0)), (before.0, Ok(before.1)));
    }
}

#[test]
fn decisions_about_secrets_exclude_each_other() {
    // What needs to know the newest secret was run before that changed.
    for late in ["rekey", "refresh", "seqno", "noop"] {
        let mut service = opened(PLAIN, 2, &[None, None, None]);
        let ran = service.run_proposal(0, &json!([{ "name": "pass" }, { "name": late }]));
        assert_eq!(ran.response.status, Status::OK, "{late}: {}", text(&ran.response));
        service.write(|tables, tx| tables.secrets.for_nodes.put(tx, &SecretsForNodes::default()));
        let placed = service.place(&ran.executed.unwrap(), &ran.requests);
        assert_eq!(placed.is_err(), late != "noop", "{late}");
    }
    // A node is trusted after the new secret was handed out.
    let mut service = opened(PLAIN, 2, &[None, None, None]);
    let ran = service.run_proposal(0, &json!([{ "name": "pass" }, { "name": "rekey" }]));
    service.write(|tables, tx| {
        let info = tables.nodes.info.get(tx, &NEWCOMER).unwrap().unwrap();
        tables.nodes.info.put(tx, &NEWCOMER, &NodeInfo { status: NodeStatus::Trusted, ..info });
    });
    service.place(&ran.executed.unwrap(), &ran.requests).unwrap_err();
}

#[test]
fn who_leaves_reads_nothing_that_follows() {
    use RecoveryRole::{NonParticipant, Owner, Participant};
    let remove = |id: Digest| json!([{ "name": "remove_member", "args": { "member_id": id } }]);
    for constitution in constitutions() {
        for role in [Participant, Owner] {
            let mut service = opened(&constitution, 2, &[None, Some(Participant), None, Some(role)]);
            let id = service.members[3].id;
            let (since, before) = newest(&service);
            accepted(&mut service, &remove(id));
            let (from, secret) = newest(&service);
            assert!(from > since, "{role:?} had a share");
            assert_eq!(recovered(&service, &[0, 1]).as_ref(), Ok(&secret));
            let left = shares(&service);
            assert!(!left.encrypted_shares.contains_key(&id));
            assert_eq!(left.encrypted_shares.len(), 3);
            assert_ne!(secret, before);
            let tables = &service.tables.members;
            assert!(!tables.info.has(&service.store.latest(), &id));
            assert!(!tables.encryption_public_keys.has(&service.store.latest(), &id));
            // Again: nothing is left to do.
            accepted(&mut service, &remove(id));
            assert_eq!(newest(&service).0, from);
        }

        // Without a share, there is nothing to take away.
        let mut service = opened(&constitution, 2, &[None, None, None, Some(NonParticipant)]);
        let since = newest(&service).0;
        let id = service.members[3].id;
        accepted(&mut service, &remove(id));
        let accepted_only = Member::new(3);
        service.write(|tables, tx| write_member(tables, tx, &accepted_only, None));
        accepted(&mut service, &remove(accepted_only.id));
        assert_eq!(newest(&service).0, since);

        // As many must stay as it takes to recover.
        let mut service = opened(&constitution, 2, &[None, None, Some(NonParticipant)]);
        let id = service.members[0].id;
        let (status, code, _) = refusal(&service.decide(&remove(id)));
        assert_eq!((status, code.as_str()), (500, "InternalError"));
        assert_eq!(newest(&service).0, Seqno(1));
        let info = service.tables.members.info.get(&service.store.latest(), &id).unwrap().unwrap();
        assert_eq!(info.status, MemberStatus::Active);
    }
}

#[test]
fn members_decide_how_many_recover() {
    let set = |threshold: u64| json!([{ "name": "set_recovery_threshold", "args": { "recovery_threshold": threshold } }]);
    for constitution in constitutions() {
        let mut service = opened(&constitution, 2, &[None, None, None]);
        let threshold = |service: &Service| {
            service.tables.service.config.get(&service.store.latest()).unwrap().unwrap().recovery_threshold
        };
        let (_, secret) = newest(&service);
        for (count, enough, too_few) in [(3, vec![0, 1, 2], vec![0, 2]), (1, vec![1], vec![])] {
            let before = shares(&service);
            accepted(&mut service, &set(count));
            assert_eq!(threshold(&service), count);
            assert_ne!(shares(&service), before);
            assert_eq!(recovered(&service, &enough).as_ref(), Ok(&secret), "{count}");
            if !too_few.is_empty() {
                assert_eq!(recovered(&service, &too_few), Err(NotAuthentic), "{count}");
            }
        }
        // The same once more is no change.
        let before = shares(&service);
        accepted(&mut service, &set(1));
        assert_eq!(shares(&service), before);
        for (refused, status) in [(4, 500), (0, 400), (255, 400)] {
            let (found, _, message) = refusal(&service.decide(&set(refused)));
            assert_eq!(found, status, "{refused}: {message}");
            assert_eq!((threshold(&service), shares(&service)), (1, before.clone()), "{refused}");
        }
        assert_eq!(newest(&service).0, Seqno(1), "no new secret is needed");
    }
}

#[test]
fn owners_count_but_do_not_take_part() {
    use RecoveryRole::{Owner, Participant};
    let set = |threshold: u64| json!([{ "name": "set_recovery_threshold", "args": { "recovery_threshold": threshold } }]);
    for constitution in constitutions() {
        let roles = [Some(Participant), Some(Participant), Some(Owner)];
        let mut service = opened(&constitution, 1, &roles);
        accepted(&mut service, &set(2));
        let (_, secret) = newest(&service);
        assert_eq!(recovered(&service, &[2]).as_ref(), Ok(&secret), "an owner needs nobody else");
        assert_eq!(recovered(&service, &[0, 1]).as_ref(), Ok(&secret));
        // Three members have keys, but two take part.
        let (status, _, message) = refusal(&service.decide(&set(3)));
        assert_eq!(status, 500);
        let reason =
            "Recovery threshold 3 should be equal to or less than the number of active recovery members 2";
        assert!(message.contains(reason), "{message}");
    }
}
