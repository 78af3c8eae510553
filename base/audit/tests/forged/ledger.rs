//! Ledgers forged with valid keys: whatever is wrong must be named.

use crate::forge::{Forge, Identity, NODES_CERTIFICATES, NODES_INFO, Parts, SERVICE_INFO, put, root, row};
use coco_audit::{
    NodeDamage, Reason, ServiceDamage, ServiceStatus, SignatureDamage, Tail, Verifier, Weakness,
};
use coco_wire::{
    Digest, Key, Seqno, TableName, TxId, View, WriteSet,
    entry::EntryFlags,
    signature::{SINGLETON_KEY, TREE},
    tree::SerialisedTree,
};

fn check(forge: &Forge, expected: impl Into<Reason>) {
    let expected = expected.into();
    match forge.verify() {
        Err(damage) => assert_eq!(damage.reason, expected, "{damage}"),
        Ok(_) => panic!("passes, expected: {expected}"),
    }
}

/// Damage of a signature whose parts were edited.
fn check_signature(expected: SignatureDamage, edit: impl FnOnce(&mut Parts)) {
    let mut forge = Forge::new();
    forge.sign_with(edit);
    check(&forge, expected);
}

/// Damage of one more transaction after a signature.
fn check_writes(expected: impl Into<Reason>, writes: impl FnOnce(&mut Forge) -> WriteSet) {
    let mut forge = Forge::new();
    forge.sign();
    let writes = writes(&mut forge);
    forge.write(&writes);
    check(&forge, expected);
}

fn application() -> WriteSet {
    row("public:records", b"key", b"value")
}

#[test]
fn good_ledgers_verify() {
    let mut forge = Forge::new();
    forge.sign();
    for signers in [(true, true), (true, false), (false, true)] {
        for _ in 0..3 {
            forge.write(&application());
        }
        forge.sign_with(|parts| {
            (parts.with_node, parts.with_service) = signers;
            // Leaves 0 to 3 flushed.
            let leaves = parts.tree.leaves();
            let tree = SerialisedTree::new(2, vec![root(&leaves[..2])], leaves[2..].to_vec());
            parts.tree = tree.unwrap();
        });
    }
    forge.write(&application());
    let report = forge.verify().unwrap();
    assert_eq!(report.last_verified, TxId { view: View(2), seqno: Seqno(14) });
    assert_eq!(report.tail, Tail::Unsigned { entries: 1 });
    assert_eq!((report.signatures, report.node_signatures, report.service_signatures), (4, 3, 3));
    assert_eq!(report.weaknesses[&Weakness::NoServiceSignature].count, 1);
    assert_eq!(report.weaknesses[&Weakness::NoNodeSignature].first.seqno, Seqno(14));
    assert_eq!(report.services[0].identity, forge.service.id());
    assert_eq!(report.status, Some(ServiceStatus::Opening));
}

#[test]
fn false_signatures_are_refused() {
    use SignatureDamage as Bad;
    let other = TxId { view: View(3), seqno: Seqno(2) };
    let stranger = Forge::new();
    check_signature(Bad::Root, |parts| parts.node.root = Digest([1; 32]));
    check_signature(Bad::ServiceNotAuthentic, |parts| {
        (parts.node.root, parts.with_node) = (Digest([1; 32]), false);
    });
    check_signature(Bad::TxId(other), |parts| parts.node.view = other.view);
    check_signature(Bad::TxId(other), |parts| parts.header.tx_id = other);
    check_signature(Bad::Field, |parts| parts.node.hashed_nonce = Digest([1; 32]));
    check_signature(Bad::Field, |parts| parts.node.commit_seqno = Seqno(1));
    check_signature(Bad::Field, |parts| {
        (parts.node.commit_seqno, parts.node.commit_view) = (Seqno(2), View(2));
    });
    check_signature(Bad::Claims, |parts| parts.claims = Digest([1; 32]));
    check_signature(Bad::UnknownNode, |parts| {
        (parts.node.node, parts.node.cert) = (stranger.node.id(), None);
    });
    check_signature(Bad::EmbeddedCertificate, |parts| {
        parts.node.cert = Some(stranger.node.certificate.to_pem());
    });
    check_signature(Bad::EmbeddedCertificate, |parts| parts.node.cert = Some(String::new()));
    check_signature(Bad::ServiceKey, |parts| parts.header.kid = stranger.service.id());
    check_signature(Bad::ServiceKey, |parts| parts.header.algorithm = -7);
    check_signature(Bad::TreeMismatch, |parts| {
        let fewer = parts.tree.leaves()[..1].to_vec();
        parts.tree = SerialisedTree::new(0, Vec::new(), fewer).unwrap();
    });
    check_signature(Bad::TreeMismatch, |parts| {
        let mut leaves = parts.tree.leaves().to_vec();
        leaves[1] = Digest([1; 32]);
        parts.tree = SerialisedTree::new(0, Vec::new(), leaves).unwrap();
    });
    check_signature(Bad::Rows, |parts| (parts.with_node, parts.with_service) = (false, false));
    for (table, key) in [("public:records", &b"k"[..]), ("records", b"k"), (TREE, b"k"), (NODES_INFO, b"k")] {
        check_signature(Bad::Rows, |parts| put(&mut parts.more, table, key, b"v"));
    }
}

#[test]
fn keys_of_strangers_are_refused() {
    let mut forge = Forge::new();
    let node = std::mem::replace(&mut forge.node, Identity::node(&forge.service));
    forge.sign_with(|parts| {
        (parts.node.node, parts.node.cert) = (node.id(), Some(node.certificate.to_pem()));
    });
    check(&forge, SignatureDamage::NodeNotAuthentic);

    let mut forge = Forge::new();
    let service = std::mem::replace(&mut forge.service, Identity::service("CCF Service"));
    forge.sign_with(|parts| parts.header.kid = service.id());
    check(&forge, SignatureDamage::ServiceNotAuthentic);

    let mut forge = Forge::new();
    let mut writes = WriteSet::default();
    forge.node = Identity::node(&forge.service);
    forge.add_node(&mut writes, "Pending");
    forge.write(&writes);
    forge.sign();
    check(&forge, SignatureDamage::UnknownNode);
}

#[test]
fn the_service_changes_only_by_recovery() {
    let created = |id: &str, count: u64| {
        format!("\"current_service_create_txid\":\"{id}\",\"recovery_count\":{count},")
    };
    let transition = |from, to| ServiceDamage::Transition { from: Some(from), to };
    check_writes(transition(ServiceStatus::Opening, ServiceStatus::Recovering), |forge| {
        forge.service_row("Recovering", "")
    });
    check_writes(ServiceDamage::Row, |forge| forge.service_row("Closed", ""));
    check_writes(ServiceDamage::Row, |_| row(SERVICE_INFO, b"key", b"{}"));
    check_writes(ServiceDamage::Certificate, |forge| {
        forge.service.certificate = forge.node.certificate.clone();
        forge.service_row("Open", "")
    });
    check_writes(ServiceDamage::Identity, |forge| {
        forge.service = Identity::service("CCF Service");
        forge.service_row("Open", "")
    });
    check_writes(ServiceDamage::Identity, |forge| {
        forge.service = Identity::service("CCF Service");
        forge.service_row("Opening", "")
    });
    for (id, count, expected) in [
        ("4.5", 1, None),
        ("4.5", 2, Some(ServiceDamage::Recovery)),
        ("4.4", 1, Some(ServiceDamage::Recovery)),
    ] {
        let mut forge = Forge::new();
        forge.sign();
        forge.write(&forge.service_row("Open", ""));
        forge.sign();
        forge.view = View(4);
        forge.service = Identity::service("CCF Service");
        forge.node = Identity::node(&forge.service);
        let mut writes = forge.service_row("Recovering", &created(id, count));
        forge.add_node(&mut writes, "Trusted");
        forge.write(&writes);
        forge.sign();
        match expected {
            Some(expected) => check(&forge, expected),
            None => assert_eq!(forge.verify().unwrap().services[1].from.to_string(), id),
        }
    }
}

#[test]
fn nodes_are_who_they_say() {
    let node_row = |id: Digest, json: &str| row(NODES_INFO, id.to_hex().as_bytes(), json.as_bytes());
    check_writes(NodeDamage::Row, |forge| node_row(forge.node.id(), "{\"status\":\"Unknown\"}"));
    check_writes(NodeDamage::Transition, |forge| node_row(forge.node.id(), "{\"status\":\"Pending\"}"));
    check_writes(NodeDamage::Transition, |_| node_row(Digest([1; 32]), "{\"status\":\"Retired\"}"));
    check_writes(NodeDamage::Row, |forge| {
        node_row(forge.node.id(), "{\"retired_committed\":true,\"status\":\"Trusted\"}")
    });
    check_writes(NodeDamage::Key, |forge| {
        let id = forge.node.id();
        forge.node = Identity::node(&forge.service);
        let mut other = WriteSet::default();
        forge.add_node(&mut other, "Trusted");
        let json = other.table(NODES_INFO).unwrap().values().next().unwrap().clone().unwrap();
        row(NODES_INFO, id.to_hex().as_bytes(), &json)
    });
    check_writes(NodeDamage::NotIssued, |_| {
        let stranger = Forge::new();
        let mut writes = WriteSet::default();
        stranger.add_node(&mut writes, "Trusted");
        writes
    });
    check_writes(NodeDamage::Unknown, |forge| {
        row(NODES_CERTIFICATES, &[b'0'; 64], forge.node.certificate.to_pem().as_bytes())
    });
    check_writes(NodeDamage::Unknown, |_| {
        let mut writes = WriteSet::default();
        writes.table_mut(&TableName::new(NODES_INFO)).insert(Key::new(&[b'0'; 64]), None);
        writes
    });
}

#[test]
fn positions_have_no_gap() {
    let mut forge = Forge::new();
    forge.view = View(1);
    forge.sign();
    check(&forge, Reason::View { previous: View(2), found: View(1) });

    let mut forge = Forge::new();
    forge.view = View(3);
    forge.sign();
    check(&forge, Reason::View { previous: View(2), found: View(3) });

    let mut forge = Forge::new();
    forge.leaves.push(Digest::ZERO);
    forge.sign();
    check(&forge, Reason::Seqno { expected: Seqno(2), found: Seqno(3) });

    let mut forge = Forge::new();
    forge.append(&application(), Digest::ZERO, EntryFlags::FORCE_CHUNK_BEFORE);
    check(&forge, Reason::ChunkBoundary);
    let mut forge = Forge::new();
    forge.append(&application(), Digest::ZERO, EntryFlags::FORCE_CHUNK_AFTER);
    check(&forge, Reason::ChunkBoundary);
    let mut forge = Forge::new();
    forge.sign_with(|parts| parts.flags = EntryFlags::FORCE_CHUNK_AFTER);
    assert!(forge.verify().is_ok());
    forge.write(&application());
    check(&forge, Reason::ChunkBoundary);
}

#[test]
fn evidence_of_snapshots_is_claimed() {
    let evidence = |hash: Digest, version: u64| {
        let json = format!("{{\"hash\":\"{hash}\",\"version\":{version}}}");
        row("public:ccf.internal.snapshot_evidence", &SINGLETON_KEY, json.as_bytes())
    };
    let digest = Digest([5; 32]);
    for (hash, version, good) in [(digest, 1, true), (digest, 2, false), (Digest([6; 32]), 1, false)] {
        let mut forge = Forge::new();
        forge.append(&evidence(hash, version), digest, EntryFlags::NONE);
        if good {
            assert!(forge.verify().is_ok());
        } else {
            check(&forge, Reason::SnapshotEvidence);
        }
    }
}

#[test]
fn files_must_continue_each_other() {
    let mut forge = Forge::new();
    forge.sign();
    let signed = forge.complete();
    forge.write(&application());
    let unsigned = forge.complete();
    let open = forge.bytes.clone();

    let feed = |files: &[(&str, &[u8])]| {
        let mut verifier = Verifier::new();
        let result = files.iter().try_for_each(|(name, bytes)| verifier.chunk(name, bytes));
        let again = verifier.chunk("ledger_1", &signed).err();
        assert_eq!(result.clone().err().is_some(), again.is_some() && result == Err(again.unwrap()));
        result.map_err(|damage| damage.reason)
    };
    let empty = &[0; 8][..];
    let order = |expected, found| Reason::Order { expected: Seqno(expected), found: Seqno(found) };
    assert_eq!(feed(&[("ledger_x", empty)]), Err(Reason::Name));
    assert_eq!(feed(&[("ledger_1.ignored", empty)]), Err(Reason::Name));
    assert_eq!(feed(&[("ledger_2", empty)]), Err(order(1, 2)));
    assert_eq!(feed(&[("ledger_1", &signed), ("ledger_2", empty)]), Err(order(3, 2)));
    assert_eq!(feed(&[("ledger_1-2.committed", &open)]), Err(Reason::Incomplete));
    assert_eq!(
        feed(&[("ledger_1-3.committed", &signed)]),
        Err(Reason::Last { named: Seqno(3), found: Seqno(2) })
    );
    assert_eq!(feed(&[("ledger_1-3.committed", &unsigned)]), Err(Reason::UnsignedEnd));
    assert_eq!(feed(&[("ledger_1", &unsigned), ("ledger_4", empty)]), Err(Reason::UnsignedEnd));
    assert_eq!(feed(&[("ledger_1", &open), ("ledger_4", empty)]), Err(Reason::Incomplete));

    let mut verifier = Verifier::new();
    verifier.chunk("ledger_1-2.committed", &signed).unwrap();
    verifier.chunk("ledger_3.recovery", empty).unwrap();
    assert_eq!(verifier.progress().last_verified.seqno, Seqno(2));
    assert_eq!(verifier.finish().unwrap().tail, Tail::None);
}
