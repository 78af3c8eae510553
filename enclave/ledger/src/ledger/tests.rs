mod model;

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, LedgerSecret, SignatureForm, Signer, SystemEntropy, Verifier,
    hash::{sha256, sha256_parts},
};
use coco_wire::{
    Digest, Key, Seqno, TableName, TxId, Value, View, WriteSet,
    entry::EntryFlags,
    receipt::{CoseReceipt, JsonReceipt, PathStep, ReceiptLeaf},
    signature::{RootSignature, SIGNATURES, TREE},
    tree::SerialisedTree,
};

use super::{AppendOptions, Ledger, LedgerConfig};
use crate::{
    LedgerSecrets, NodeSigner, Opened, ReceiptError, ServiceSigner, SignatureMode, SignatureRequest, Signed,
    SignedRoot, open,
};

const CHUNK_SIZE: u64 = 3000;

struct Keys {
    node: EcKey,
    service: EcKey,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = || EcKey::generate(Curve::P384, &SystemEntropy);
        Keys { node: key(), service: key() }
    })
}

fn sign(request: SignatureRequest) -> Signed {
    let node = NodeSigner { key: &keys().node, certificate: "the node's certificate" };
    let service = ServiceSigner {
        key: &keys().service,
        issuer: "issuer",
        subject: "subject",
        issued_at: 1_700_000_000,
    };
    request.sign(node, service)
}

fn secret() -> LedgerSecret {
    LedgerSecret::from_bytes(&[7; 32])
}

fn secrets() -> LedgerSecrets {
    LedgerSecrets::new(Seqno(1), secret())
}

fn ledger(signatures: SignatureMode) -> Ledger {
    Ledger::new(secrets(), LedgerConfig { chunk_size: CHUNK_SIZE, signatures })
}

fn txid(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

fn writes(table: &str, value: &[u8]) -> WriteSet {
    let mut writes = WriteSet::default();
    writes.table_mut(&TableName::new(table)).insert(Key::new(b"key"), Some(Value::new(value)));
    writes
}

/// Leaf by leaf, level by level.
fn naive_root(leaves: &[Digest]) -> Digest {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| if let [l, r] = pair { sha256_parts(&[&l.0, &r.0]) } else { pair[0] })
            .collect();
    }
    level[0]
}

fn root_of(leaf: Digest, path: &[PathStep]) -> Digest {
    path.iter().fold(leaf, |node, step| match step {
        PathStep::Left(left) => sha256_parts(&[&left.0, &node.0]),
        PathStep::Right(right) => sha256_parts(&[&node.0, &right.0]),
    })
}

fn leaf_of(write_set_digest: Digest, evidence: &str, claims: Digest) -> Digest {
    sha256_parts(&[&write_set_digest.0, &sha256(evidence.as_bytes()).0, &claims.0])
}

fn verify_json(receipt: &[u8], entry: &[u8], claims: Digest) {
    let receipt = JsonReceipt::decode(receipt).expect("a receipt");
    let ReceiptLeaf::Components(leaf) = &receipt.leaf else { panic!("components") };
    assert_eq!((leaf.write_set_digest, leaf.claims_digest), (sha256(entry), Some(claims)));
    let root = root_of(leaf_of(leaf.write_set_digest, &leaf.commit_evidence, claims), &receipt.proof);
    let node = keys().node.public_key();
    assert_eq!(receipt.node_id, node.id());
    assert_eq!(receipt.cert.as_deref(), Some("the node's certificate"));
    node.verify_digest(&root, &receipt.signature, SignatureForm::Der).expect("signed by the node");
}

fn verify_cose(receipt: &[u8], entry: &[u8], claims: Digest, signature: TxId) {
    let receipt = CoseReceipt::decode(receipt).expect("a receipt");
    let [proof] = receipt.proofs.as_slice() else { panic!("one proof") };
    assert_eq!((proof.leaf.write_set_digest, proof.leaf.claims_digest), (sha256(entry), claims));
    let root =
        root_of(leaf_of(proof.leaf.write_set_digest, &proof.leaf.commit_evidence, claims), &proof.path);
    let signed = RootSignature::to_be_signed(&receipt.signature.protected, root);
    let service = keys().service.public_key();
    service
        .verify(&signed, &receipt.signature.signature, SignatureForm::Fixed)
        .expect("signed by the service");
    let header = &receipt.signature.header;
    assert_eq!((header.algorithm, header.kid, header.issued_at), (-35, service.id(), 1_700_000_000));
    assert_eq!(
        (header.issuer.as_str(), header.subject.as_str(), header.tx_id),
        ("issuer", "subject", signature)
    );
}

/// Entries 1 to 3 and a signature at 4, opened.
fn signed(mode: SignatureMode) -> (Vec<Opened>, SignedRoot) {
    let mut ledger = ledger(mode);
    for seqno in 1..4 {
        ledger
            .append(txid(2, seqno), &writes("table", b"value"), Digest::ZERO, AppendOptions::default())
            .unwrap();
    }
    let request = ledger.reserve_signature(txid(2, 4), false);
    let written = ledger.complete_signature(sign(request)).unwrap();
    let mut entries = Vec::new();
    ledger.drain(&mut entries);
    let opened = entries.iter().map(|sealed| open(&secrets(), &sealed.bytes).unwrap()).collect();
    (opened, SignedRoot::from_writes(txid(2, 4), &written).unwrap())
}

#[test]
fn receipts_are_refused_for_what_was_not_signed() {
    let (opened, root) = signed(SignatureMode::Dual);
    let (_, other) = signed(SignatureMode::Dual);
    assert_eq!(root.root(), other.root(), "sealing is deterministic");
    let altered = Opened { leaf: Digest([1; 32]), ..opened[1].clone() };
    assert_eq!(root.receipt(&altered), Err(ReceiptError::NotSigned));
    assert_eq!(root.cose_receipt(&altered), Err(ReceiptError::NotSigned));
    assert_eq!(root.receipt(&opened[3]), Err(ReceiptError::NotCovered), "a signature does not cover itself");
    let moved = Opened { txid: txid(2, 3), ..opened[1].clone() };
    assert_eq!(root.receipt(&moved), Err(ReceiptError::NotSigned));
}

#[test]
fn the_receipt_of_a_signature_is_its_root() {
    let (_, root) = signed(SignatureMode::Dual);
    let receipt = JsonReceipt::decode(&root.own_receipt().unwrap().encode()).unwrap();
    assert_eq!((receipt.leaf, receipt.proof), (ReceiptLeaf::Digest(root.root()), vec![]));
    keys().node.public_key().verify_digest(&root.root(), &receipt.signature, SignatureForm::Der).unwrap();
}

#[test]
fn signed_by_the_service_only() {
    let (opened, root) = signed(SignatureMode::CoseOnly);
    assert!(opened[3].is_signature());
    assert_eq!(opened[3].writes.table(SIGNATURES), None);
    assert_eq!(root.receipt(&opened[0]), Err(ReceiptError::Unavailable));
    assert_eq!(root.own_receipt(), Err(ReceiptError::Unavailable));
    assert!(root.cose_receipt(&opened[0]).is_ok());
    let message = RootSignature::decode(&root.cose_signature().unwrap()).unwrap();
    let signed = RootSignature::to_be_signed(&message.protected, root.root());
    keys().service.public_key().verify(&signed, &message.signature, SignatureForm::Fixed).unwrap();
}

#[test]
fn damaged_signature_transactions_are_refused() {
    let (opened, _) = signed(SignatureMode::Dual);
    let good = &opened[3].writes;
    let (other, _) = signed(SignatureMode::CoseOnly);
    let read = |change: &dyn Fn(&mut WriteSet)| {
        let mut writes = good.clone();
        change(&mut writes);
        SignedRoot::from_writes(txid(2, 4), &writes).err()
    };
    let put = |table: &str, value: &[u8]| {
        let (table, value) = (TableName::new(table), Value::new(value));
        move |writes: &mut WriteSet| {
            writes.table_mut(&table).insert(Key::new(&[0; 8]), Some(value.clone()));
        }
    };
    assert_eq!(read(&|_| ()), None);
    assert!(matches!(read(&put(SIGNATURES, b"{}")), Some(ReceiptError::Signature(_))));
    assert!(matches!(read(&put(TREE, b"")), Some(ReceiptError::Tree(_))));
    assert!(matches!(read(&put(TREE, &[0; 16])), Some(ReceiptError::InvalidTree(_))));
    let shorter = SerialisedTree::new(0, vec![], vec![Digest::ZERO]).unwrap().encode();
    assert_eq!(read(&put(TREE, &shorter)), Some(ReceiptError::Contradiction));
    let mut without_tree = good.clone();
    without_tree.table_mut(&TableName::new(TREE)).clear();
    assert_eq!(SignedRoot::from_writes(txid(2, 4), &without_tree).err(), Some(ReceiptError::NotASignature));
    assert_eq!(SignedRoot::from_writes(txid(2, 5), good).err(), Some(ReceiptError::Contradiction));
    assert_eq!(
        SignedRoot::from_writes(txid(3, 4), &other[3].writes).err(),
        Some(ReceiptError::Contradiction)
    );
    assert_eq!(
        SignedRoot::from_writes(txid(2, 1), &opened[0].writes).err(),
        Some(ReceiptError::NotASignature)
    );
}

#[test]
fn a_view_over_31_bits_changes_nothing() {
    let mut ledger = ledger(SignatureMode::Dual);
    let result = ledger.append(txid(1 << 31, 1), &writes("t", b""), Digest::ZERO, AppendOptions::default());
    assert!(result.is_err());
    assert_eq!((ledger.last(), ledger.unsigned()), (Seqno::ZERO, 0));
}

#[test]
fn the_first_entry_of_a_recovered_service_starts_a_chunk() {
    let mut ledger = ledger(SignatureMode::Dual);
    let options = AppendOptions { starts_chunk: true, ..AppendOptions::default() };
    ledger.append(txid(2, 1), &writes("t", b""), Digest::ZERO, options).unwrap();
    let mut out = Vec::new();
    ledger.drain(&mut out);
    assert_eq!(open(&secrets(), &out[0].bytes).unwrap().flags, EntryFlags::FORCE_CHUNK_BEFORE);
}
