//! Both kinds of receipts.

use proptest::prelude::*;

use super::*;
use crate::{
    id::{Seqno, TxId, View},
    signature::RootHeader,
};

fn steps() -> impl Strategy<Value = Vec<PathStep>> {
    let step = (any::<bool>(), any::<[u8; 32]>()).prop_map(|(left, digest)| {
        if left { PathStep::Left(Digest(digest)) } else { PathStep::Right(Digest(digest)) }
    });
    prop::collection::vec(step, 1..6)
}

fn json_receipt(proof: Vec<PathStep>) -> JsonReceipt {
    JsonReceipt {
        cert: Some("PEM\n".to_owned()),
        leaf: ReceiptLeaf::Components(LeafComponents {
            claims_digest: Some(Digest::ZERO),
            commit_evidence: "ce:2.1:00".to_owned(),
            write_set_digest: Digest([3; 32]),
        }),
        node_id: Digest([4; 32]),
        proof,
        service_endorsements: None,
        signature: vec![1, 2, 3],
    }
}

fn cose_receipt(path: Vec<PathStep>) -> CoseReceipt {
    let header = RootHeader {
        algorithm: -35,
        kid: Digest([5; 32]),
        issued_at: 1,
        issuer: String::new(),
        subject: "s".to_owned(),
        tx_id: TxId { view: View(2), seqno: Seqno(4) },
    };
    let leaf = ProofLeaf {
        write_set_digest: Digest([3; 32]),
        commit_evidence: "ce:2.1:00".to_owned(),
        claims_digest: Digest::ZERO,
    };
    CoseReceipt {
        signature: RootSignature::new(header, vec![9; 96]),
        proofs: vec![InclusionProof { leaf, path }],
    }
}

#[test]
fn json_is_that_of_ccf() {
    let receipt = json_receipt(vec![PathStep::Left(Digest([0xab; 32]))]);
    let expected = format!(
        "{{\"cert\":\"PEM\\n\",\"leaf_components\":{{\"claims_digest\":\"{}\",\"commit_evidence\":\"ce:2.1:00\",\
         \"write_set_digest\":\"{}\"}},\"node_id\":\"{}\",\"proof\":[{{\"left\":\"{}\"}}],\"signature\":\"AQID\"}}",
        "00".repeat(32),
        "03".repeat(32),
        "04".repeat(32),
        "ab".repeat(32)
    );
    assert_eq!(String::from_utf8(receipt.encode()).unwrap(), expected);
    assert_eq!(JsonReceipt::decode(expected.replace(',', ", \n").as_bytes()).unwrap(), receipt);

    for (from, to, error) in [
        ("\"cert\"", "\"extra\":1,\"cert\"", ReceiptError::Json),
        ("\"cert\"", "\"cert\":\"\",\"cert\"", ReceiptError::Json),
        ("\"claims_digest\"", "\"extra\":1,\"claims_digest\"", ReceiptError::Json),
        ("\"left\"", "\"up\"", ReceiptError::Json),
        ("abab", "ABab", ReceiptError::Json),
        ("AQID", "AQI", ReceiptError::Json),
        ("\"}]", "\",\"right\":\"\"}]", ReceiptError::Json),
        ("\"proof\"", "\"leaf\":\"0000\",\"proof\"", ReceiptError::Json),
        ("\"AQID\"}", "\"AQID\"}}", ReceiptError::Json),
    ] {
        let json = expected.replacen(from, to, 1);
        assert_ne!(json, expected, "{from}");
        assert_eq!(JsonReceipt::decode(json.as_bytes()), Err(error), "{json}");
    }
    let both = expected.replace("\"node_id\"", &format!("\"leaf\":\"{}\",\"node_id\"", "00".repeat(32)));
    assert_eq!(JsonReceipt::decode(both.as_bytes()), Err(ReceiptError::Leaf));
}

#[test]
fn limits_are_enforced() {
    let step = PathStep::Right(Digest::ZERO);
    let decode = |receipt: &JsonReceipt| JsonReceipt::decode(&receipt.encode()).map(|_| ());
    assert_eq!(decode(&json_receipt(vec![step; MAX_PATH_LEN])), Ok(()));
    assert_eq!(decode(&json_receipt(vec![step; MAX_PATH_LEN + 1])), Err(ReceiptError::Limit));
    let mut receipt = json_receipt(Vec::new());
    receipt.service_endorsements = Some(vec![String::new(); MAX_ENDORSEMENTS + 1]);
    assert_eq!(decode(&receipt), Err(ReceiptError::Limit));

    let decode = |receipt: &CoseReceipt| CoseReceipt::decode(&receipt.encode()).map(|_| ());
    assert_eq!(decode(&cose_receipt(vec![step; MAX_PATH_LEN])), Ok(()));
    assert_eq!(decode(&cose_receipt(vec![step; MAX_PATH_LEN + 1])), Err(CoseError::Proof));
    assert_eq!(decode(&cose_receipt(Vec::new())), Err(CoseError::Proof));
    let mut receipt = cose_receipt(vec![step]);
    receipt.proofs[0].leaf.commit_evidence = String::new();
    assert_eq!(decode(&receipt), Err(CoseError::Proof));
    receipt.proofs.clear();
    assert_eq!(decode(&receipt), Err(CoseError::Proof));
}

#[test]
fn a_plain_signature_is_no_receipt() {
    let receipt = cose_receipt(vec![PathStep::Left(Digest::ZERO)]);
    assert_eq!(CoseReceipt::decode(&receipt.signature.encode()), Err(CoseError::Parameters));
    assert_eq!(RootSignature::decode(&receipt.encode()), Err(CoseError::Parameters));
}

proptest! {
    #[test]
    fn receipts_round_trip(path in steps(), bit: prop::sample::Index) {
        let json = json_receipt(path.clone());
        prop_assert_eq!(JsonReceipt::decode(&json.encode()), Ok(json));
        let cose = cose_receipt(path);
        let mut bytes = cose.encode();
        prop_assert_eq!(CoseReceipt::decode(&bytes), Ok(cose));
        let bit = bit.index(8 * bytes.len());
        prop_assert!(CoseReceipt::decode(&bytes[..bit / 8]).is_err());
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(cose) = CoseReceipt::decode(&bytes) {
            prop_assert_eq!(cose.encode(), bytes);
        }
    }
}
