//! Receipts forged with valid keys.

use crate::forge::{Forge, Identity, path, root, row, sign_root};
use coco_audit::receipt::{Refusal, verify_cose, verify_json};
use coco_crypto::{
    Certificate, Signer, SystemEntropy,
    x509::{self, Request, UnixTime, Validity},
};
use coco_wire::{
    Digest,
    receipt::{CoseReceipt, InclusionProof, JsonReceipt, PathStep, ProofLeaf, ReceiptLeaf},
    signature::RootHeader,
};

/// A ledger of `len` entries.
fn ledger(len: usize) -> Forge {
    let mut forge = Forge::new();
    while forge.components.len() < len {
        forge.write(&row("public:records", b"k", b"v"));
    }
    forge
}

fn json(forge: &Forge, seqno: usize) -> JsonReceipt {
    JsonReceipt {
        cert: Some(forge.node.certificate.to_pem()),
        leaf: ReceiptLeaf::Components(forge.components[seqno - 1].clone()),
        node_id: forge.node.id(),
        proof: path(&forge.leaves, seqno),
        service_endorsements: None,
        signature: forge.node.key.sign_digest(&root(&forge.leaves)).to_der(),
    }
}

fn proof(forge: &Forge, seqno: usize) -> InclusionProof {
    let components = &forge.components[seqno - 1];
    let leaf = ProofLeaf {
        write_set_digest: components.write_set_digest,
        commit_evidence: components.commit_evidence.clone(),
        claims_digest: components.claims_digest.unwrap(),
    };
    InclusionProof { leaf, path: path(&forge.leaves, seqno) }
}

fn cose(forge: &Forge, seqnos: &[usize], edit: impl FnOnce(&mut RootHeader)) -> CoseReceipt {
    let mut header = RootHeader {
        algorithm: -35,
        kid: forge.service.id(),
        issued_at: 0,
        issuer: String::new(),
        subject: String::new(),
        tx_id: forge.next(),
    };
    edit(&mut header);
    let signature = sign_root(&forge.service.key, header, root(&forge.leaves));
    CoseReceipt { signature, proofs: seqnos.iter().map(|seqno| proof(forge, *seqno)).collect() }
}

#[test]
fn receipts_of_every_position_verify() {
    for len in 1..20 {
        let forge = ledger(len);
        let service = &forge.service.certificate;
        for seqno in 1..=len {
            let proven = verify_json(&json(&forge, seqno).encode(), service).unwrap();
            assert_eq!(proven.root, root(&forge.leaves));
            assert_eq!(proven.transaction.unwrap().id.seqno.0, seqno as u64);
        }
        let seqnos: Vec<_> = (1..=len).collect();
        let proven = verify_cose(&cose(&forge, &seqnos, |_| ()).encode(), service).unwrap();
        assert_eq!(proven.len(), len);
        assert!(proven.iter().all(|proven| proven.signer == forge.service.id()));
    }
}

#[test]
fn a_signature_transaction_has_a_bare_leaf() {
    let forge = ledger(3);
    let mut receipt = json(&forge, 1);
    (receipt.leaf, receipt.proof) = (ReceiptLeaf::Digest(root(&forge.leaves)), Vec::new());
    let proven = verify_json(&receipt.encode(), &forge.service.certificate).unwrap();
    assert_eq!(proven.transaction, None);
}

#[test]
fn false_json_receipts_are_refused() {
    let forge = ledger(6);
    let stranger = ledger(1);
    let check = |expected, edit: &dyn Fn(&mut JsonReceipt)| {
        let mut receipt = json(&forge, 5);
        edit(&mut receipt);
        assert_eq!(verify_json(&receipt.encode(), &forge.service.certificate), Err(expected));
    };
    check(Refusal::Certificate, &|receipt| receipt.cert = None);
    check(Refusal::Certificate, &|receipt| receipt.cert.as_mut().unwrap().push('x'));
    check(Refusal::NodeId, &|receipt| receipt.node_id = Digest([1; 32]));
    check(Refusal::Chain, &|receipt| {
        (receipt.cert, receipt.node_id) = (Some(stranger.node.certificate.to_pem()), stranger.node.id());
    });
    check(Refusal::Chain, &|receipt| {
        receipt.service_endorsements = Some(vec![stranger.service.certificate.to_pem()]);
    });
    check(Refusal::Certificate, &|receipt| receipt.service_endorsements = Some(vec![String::new()]));
    check(Refusal::NotAuthentic, &|receipt| receipt.proof[0] = PathStep::Left(Digest([1; 32])));
    check(Refusal::Path, &|receipt| receipt.proof.truncate(1));
    check(Refusal::Path, &|receipt| receipt.proof.swap(0, 1));
    check(Refusal::NotAuthentic, &|receipt| receipt.signature[9] ^= 1);
    check(Refusal::NotAuthentic, &|receipt| receipt.signature.push(0));
    check(Refusal::NotAuthentic, &|receipt| receipt.signature.clear());
    let with_evidence = |evidence: String| {
        move |receipt: &mut JsonReceipt| {
            let ReceiptLeaf::Components(components) = &mut receipt.leaf else { panic!("components") };
            components.commit_evidence.clone_from(&evidence);
        }
    };
    for evidence in ["", "ce", "ce:2.5", "ce:2.5:", "ce:2:5:", "xx:2.5:00", "ce:2.5:0g"] {
        check(Refusal::CommitEvidence, &with_evidence(evidence.to_owned()));
    }
    check(Refusal::Path, &with_evidence(format!("ce:2.4:{}", Digest::ZERO)));
    check(Refusal::Path, &with_evidence(format!("ce:2.0:{}", Digest::ZERO)));
    check(Refusal::NotAuthentic, &with_evidence(format!("ce:2.5:{}", Digest::ZERO)));
}

#[test]
fn endorsements_lead_to_the_current_service() {
    let forge = ledger(3);
    let current = Identity::service("CCF Service");
    let endorse = |endorsed: &Identity, authority: bool| -> Certificate {
        let validity = Validity::days(UnixTime(1_700_000_000), 9).unwrap();
        if authority {
            // No tool endorses an authority here: a self-signed one stands for it.
            return x509::renew_self_signed(&endorsed.key, &endorsed.certificate, validity, &SystemEntropy);
        }
        let request = Request::create(&endorsed.key, endorsed.certificate.subject_name(), &[]);
        x509::issue_endorsed(&current.key, &current.certificate, &request, validity, &SystemEntropy)
    };
    let mut receipt = json(&forge, 2);
    receipt.service_endorsements = Some(vec![endorse(&forge.service, true).to_pem()]);
    assert!(verify_json(&receipt.encode(), &forge.service.certificate).is_ok());
    assert_eq!(verify_json(&receipt.encode(), &current.certificate), Err(Refusal::Chain));
    // A node's certificate may not stand in the chain, whoever issued it.
    receipt.service_endorsements = Some(vec![endorse(&forge.service, false).to_pem()]);
    assert_eq!(verify_json(&receipt.encode(), &current.certificate), Err(Refusal::Chain));
}

#[test]
fn false_cose_receipts_are_refused() {
    let forge = ledger(6);
    let service = &forge.service.certificate;
    let check = |expected, receipt: &CoseReceipt| {
        assert_eq!(verify_cose(&receipt.encode(), service), Err(expected));
    };
    check(Refusal::Key, &cose(&forge, &[5], |header| header.kid = Digest([1; 32])));
    check(Refusal::Key, &cose(&forge, &[5], |header| header.algorithm = -7));
    check(Refusal::Root, &cose(&forge, &[5], |header| header.tx_id = "2.5".parse().unwrap()));
    check(Refusal::Root, &cose(&forge, &[5], |header| header.tx_id = "1.9".parse().unwrap()));
    let other = ledger(6);
    assert_eq!(verify_cose(&cose(&other, &[5], |_| ()).encode(), service), Err(Refusal::Key));

    let good = cose(&forge, &[5], |_| ());
    let mut receipt = good.clone();
    receipt.proofs.push(proof(&other, 5));
    check(Refusal::Root, &receipt);
    receipt.proofs.remove(0);
    check(Refusal::NotAuthentic, &receipt);
    let mut receipt = good.clone();
    receipt.proofs[0].leaf.claims_digest = Digest([1; 32]);
    check(Refusal::NotAuthentic, &receipt);
    let mut receipt = good.clone();
    receipt.signature.signature.pop();
    check(Refusal::NotAuthentic, &receipt);
    let mut receipt = good.clone();
    receipt.proofs[0].path.truncate(1);
    check(Refusal::Path, &receipt);
}

#[test]
fn no_flipped_bit_passes() {
    let forge = ledger(6);
    let mut bytes = cose(&forge, &[5], |_| ()).encode();
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_cose(&bytes, &forge.service.certificate).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for end in 0..bytes.len() {
        assert!(verify_cose(&bytes[..end], &forge.service.certificate).is_err(), "cut at {end}");
    }
}
