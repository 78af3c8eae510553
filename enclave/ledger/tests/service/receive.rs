//! Entries of a primary on a backup.

use std::sync::Arc;

use coco_crypto::{Ecdsa, LedgerSecret};
use coco_ledger::{
    Ledger, LedgerConfig, OpenError, OpenedBatch, ReceiveError, Received, Signatories, SignatureMode,
    SignatureRefusal, seal,
};
use coco_wire::{Digest, Seqno, TxId, View, WriteSet, entry::EntryFlags, signature::TREE};

use crate::node::{CONFIG, Node, identities, new_identities, secrets, signatories, writes};

/// Gives entries to a backup in batches; every signature is checked.
fn replicate(entries: &[Vec<u8>], batch: usize, backup: &mut Node) -> Result<(), ReceiveError> {
    for batch in entries.chunks(batch) {
        let request = backup.ledger.open_request(backup.ledger.last(), batch.to_vec());
        let OpenedBatch { opened, refused } = request.run(&learn);
        assert!(refused.is_none(), "{refused:?}");
        for entry in opened {
            let txid = entry.txid();
            let Received { opened, check, .. } = backup.ledger.receive(entry)?;
            if backup.view < txid.view {
                backup.view = txid.view;
                backup.views.push((txid.view, txid.seqno));
            }
            backup.store.apply(txid.seqno, Arc::new(opened.writes));
            if let Some(check) = check {
                assert_eq!(check.txid(), txid);
                check.run(signatories(), &Ecdsa).unwrap();
            }
        }
        backup.ledger.drain(&mut backup.entries);
    }
    Ok(())
}

fn empty(config: LedgerConfig) -> Node {
    Node {
        store: coco_kv::Store::new(),
        ledger: Ledger::new(secrets(), config),
        view: View(2),
        views: vec![(View(2), Seqno(1))],
        entries: Vec::new(),
    }
}

fn bytes(node: &Node) -> Vec<Vec<u8>> {
    node.entries.iter().map(|sealed| sealed.bytes.clone()).collect()
}

/// Entries in several chunks and two views.
fn primary(config: LedgerConfig) -> Node {
    let mut node = Node::new(config);
    for number in 0..60_u8 {
        node.write(&writes(&[
            ("public:app", &[number], Some(&[number; 200])),
            ("app", &[number / 2], (number % 3 > 0).then_some(b"private")),
        ]));
        if number % 7 == 6 {
            let signature = node.sign(number == 20);
            if number > 30 {
                node.commit(signature.seqno);
            }
        }
        if number == 27 {
            node.next_view();
        }
    }
    let signature = node.sign(true);
    node.commit(signature.seqno);
    node
}

#[test]
fn a_backup_writes_what_the_primary_wrote() {
    for signatures in [SignatureMode::Dual, SignatureMode::CoseOnly] {
        let config = LedgerConfig { signatures, ..CONFIG };
        let mut primary = primary(config);
        for batch in [1, 5, 1000] {
            let mut backup = empty(config);
            replicate(&bytes(&primary), batch, &mut backup).unwrap();
            assert_eq!(backup.entries, primary.entries, "bytes, places and signatures");
            assert_eq!(backup.ledger.root(), primary.ledger.root());
            backup.commit(primary.store.version());
            assert_eq!(backup.snapshot(), primary.snapshot());
        }
    }
}

#[test]
fn a_backup_that_takes_over_decides_as_the_primary_would() {
    let mut primary = primary(CONFIG);
    let mut backup = empty(CONFIG);
    replicate(&bytes(&primary), 9, &mut backup).unwrap();
    let since = primary.entries.len();
    for node in [&mut primary, &mut backup] {
        node.next_view();
        for number in 0..30_u8 {
            node.write(&writes(&[("public:more", &[number], Some(&[number; 300]))]));
            if number % 5 == 4 {
                node.sign(false);
            }
        }
    }
    // ECDSA draws at random, so signatures differ; sizes and flags may not by more than its encoding.
    for (one, other) in primary.entries[since..].iter().zip(&backup.entries[since..]) {
        assert_eq!((one.txid, one.signature, one.bytes[1]), (other.txid, other.signature, other.bytes[1]));
    }
    let ends = primary.entries[since..].iter().filter(|entry| entry.bytes[1] == 1).count();
    assert!(ends > 1, "{ends} chunks ended");
}

#[test]
fn a_node_that_began_with_a_snapshot_follows() {
    let mut primary = primary(CONFIG);
    let (mut file, digest) = primary.snapshot();
    let seqno = primary.store.committed().version();
    file.extend(primary.receipt(digest, seqno));
    for number in 0..20_u8 {
        primary.write(&writes(&[("app", &[number], Some(&[number; 300]))]));
        if number == 9 {
            primary.sign(false);
        }
    }
    let last = primary.sign(true);
    let after: Vec<_> = primary.entries.iter().filter(|entry| entry.txid.seqno > seqno).cloned().collect();
    let mut backup = Node::from_snapshot(&file);
    assert_eq!(backup.view, primary.view);
    let entries: Vec<_> = after.iter().map(|entry| entry.bytes.clone()).collect();
    replicate(&entries, 6, &mut backup).unwrap();
    assert_eq!(backup.entries, after);
    for node in [&mut primary, &mut backup] {
        node.commit(last.seqno);
    }
    assert_eq!(backup.snapshot(), primary.snapshot());
}

#[test]
fn what_is_rolled_back_can_be_replaced() {
    let primary = primary(CONFIG);
    let entries = bytes(&primary);
    let signatures: Vec<Seqno> =
        primary.entries.iter().filter(|entry| entry.signature).map(|entry| entry.txid.seqno).collect();
    for to in signatures {
        let mut backup = empty(CONFIG);
        replicate(&entries, 7, &mut backup).unwrap();
        backup.ledger.rollback(to);
        backup.store.rollback(to);
        let kept = usize::try_from(to.0).unwrap();
        backup.entries.truncate(kept);
        replicate(&entries[kept..], 4, &mut backup).unwrap();
        assert_eq!(backup.ledger.root(), primary.ledger.root(), "from {to}");
    }
}

/// Opens one entry and puts it in its place.
fn receive(backup: &mut Node, entry: &[u8]) -> Result<Received, ReceiveError> {
    let mut batch = backup.ledger.open_request(backup.ledger.last(), vec![entry.to_vec()]).run(&learn);
    backup.ledger.receive(batch.opened.pop().expect("it opens"))
}

#[test]
fn what_does_not_follow_changes_nothing() {
    let primary = primary(CONFIG);
    let entries = bytes(&primary);
    let mut backup = empty(CONFIG);
    replicate(&entries[..3], 3, &mut backup).unwrap();
    let before = (backup.ledger.root(), backup.ledger.last());
    let expected = Seqno(4);
    for wrong in [0, 2, 4] {
        let error = receive(&mut backup, &entries[wrong]).unwrap_err();
        assert_eq!(error, ReceiveError::Position { expected, found: primary.entries[wrong].txid });
    }
    let sealed = |writes: &WriteSet, flags| {
        let txid = TxId { view: View(2), seqno: expected };
        seal(&secrets(), txid, writes, Digest::ZERO, flags).unwrap().bytes
    };
    let ends = sealed(&writes(&[("public:app", b"", Some(b""))]), EntryFlags::FORCE_CHUNK_AFTER);
    assert_eq!(receive(&mut backup, &ends).unwrap_err(), ReceiveError::Flags);
    let no_signature = sealed(&writes(&[(TREE, &[0; 8], Some(b""))]), EntryFlags::NONE);
    assert!(matches!(receive(&mut backup, &no_signature).unwrap_err(), ReceiveError::Signature(_)));

    // A true signature, over another entry before it.
    let mut fork = empty(CONFIG);
    replicate(&entries[..2], 3, &mut fork).unwrap();
    fork.write(&writes(&[("public:app", b"another", Some(b"entry"))]));
    fork.sign(false);
    let signature = &fork.entries.last().unwrap().bytes;
    assert_eq!(receive(&mut backup, signature).unwrap_err(), ReceiveError::Root);
    assert_eq!((backup.ledger.root(), backup.ledger.last()), before);
    replicate(&entries[3..], 3, &mut backup).unwrap();
    assert_eq!(backup.ledger.root(), primary.ledger.root());
}

#[test]
fn only_nodes_of_the_service_sign() {
    let primary = primary(CONFIG);
    let at = primary.entries.iter().position(|entry| entry.signature).unwrap();
    let mut backup = empty(CONFIG);
    replicate(&bytes(&primary)[..at], 100, &mut backup).unwrap();
    let check = receive(&mut backup, &primary.entries[at].bytes).unwrap().check.unwrap();
    let (ours, other) = (identities(), new_identities());
    assert_eq!(check.node(), Some(ours.node_certificate.public_key().id()));
    let run = |node, service| check.run(Signatories { node, service }, &Ecdsa);
    let service = &ours.service_certificate;
    assert_eq!(run(Some(&ours.node_certificate), service), Ok(()));
    assert_eq!(run(None, service), Err(SignatureRefusal::UnknownNode));
    assert_eq!(run(Some(&other.node_certificate), service), Err(SignatureRefusal::UnknownNode));
    assert_eq!(
        run(Some(&ours.node_certificate), &other.service_certificate),
        Err(SignatureRefusal::ServiceKey)
    );
}

/// A table that names the secrets of these tests.
const NEXT: &str = "public:next";

/// Reads the secret that a write set names.
fn learn(writes: &WriteSet) -> Option<LedgerSecret> {
    let row = writes.table(NEXT)?.values().next()?.as_ref()?;
    Some(LedgerSecret::from_bytes(row.as_ref().try_into().ok()?))
}

/// Writes an entry that sets a new secret, and one under that.
fn rekey(primary: &mut Node, byte: u8) -> Seqno {
    primary.write(&writes(&[("app", b"before", Some(&[byte])), (NEXT, b"", Some(&[byte; 32]))]));
    let set_by = primary.ledger.last();
    primary.ledger.add_secret(set_by.next(), LedgerSecret::from_bytes(&[byte; 32]));
    primary.write(&writes(&[("app", b"after", Some(&[byte]))]));
    set_by
}

#[test]
fn new_secrets_are_learnt_in_the_middle_of_a_batch() {
    let mut primary = Node::new(CONFIG);
    for byte in 11..15 {
        rekey(&mut primary, byte);
        primary.sign(false);
    }
    for batch in [1, 2, 3, 100] {
        let mut backup = empty(CONFIG);
        replicate(&bytes(&primary), batch, &mut backup).unwrap();
        assert_eq!(backup.ledger.root(), primary.ledger.root());
        let known = |node: &Node| node.ledger.secrets().iter().map(|(from, _)| from).collect::<Vec<_>>();
        assert_eq!(known(&backup).len(), 5);
        assert_eq!(known(&backup), known(&primary));
    }
    // Who cannot read the secret sees what was before, and no more.
    let backup = empty(CONFIG);
    let OpenedBatch { opened, refused } =
        backup.ledger.open_request(Seqno::ZERO, bytes(&primary)).run(&|_| None);
    let readable = primary.ledger.secrets().iter().nth(1).unwrap().0.previous();
    assert_eq!(opened.last().unwrap().txid().seqno, readable);
    assert_eq!(refused, Some(OpenError::NotAuthentic));
}

#[test]
fn a_secret_that_is_rolled_back_opens_nothing_more() {
    let mut primary = Node::new(CONFIG);
    primary.write(&writes(&[("app", b"", Some(b""))]));
    let kept = primary.sign(false).seqno;
    let common = bytes(&primary);
    let mut backup = empty(CONFIG);
    replicate(&common, 100, &mut backup).unwrap();
    // The backup hears of a new secret, and the primary is lost with it.
    rekey(&mut primary, 11);
    replicate(&bytes(&primary)[common.len()..], 100, &mut backup).unwrap();
    assert_eq!(backup.ledger.secrets().iter().count(), 2);

    // The next primary goes on without, or with another one.
    for other in [None, Some(12)] {
        let mut next = empty(CONFIG);
        replicate(&common, 100, &mut next).unwrap();
        next.next_view();
        next.write(&writes(&[("app", b"instead", Some(b""))]));
        if let Some(byte) = other {
            rekey(&mut next, byte);
        }
        next.sign(false);
        let entries = bytes(&next)[common.len()..].to_vec();
        let opened = backup.ledger.open_request(kept, entries.clone()).run(&learn);
        assert_eq!((opened.opened.len(), opened.refused), (entries.len(), None));
        let (ledger, store) = (&mut backup.ledger, &mut backup.store);
        ledger.rollback(kept);
        store.rollback(kept);
        backup.entries.truncate(common.len());
        replicate(&entries, 2, &mut backup).unwrap();
        assert_eq!(backup.ledger.root(), next.ledger.root());
        assert_eq!(backup.ledger.secrets().iter().count(), if other.is_some() { 2 } else { 1 });
    }
}
