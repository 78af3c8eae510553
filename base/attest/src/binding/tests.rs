use coco_crypto::hash::sha256;
use coco_wire::{ChannelBinding, Digest};

use super::{ClientProof, InvalidNonce, JoinProof, LeaseProof, Nonce};

const SESSION: ChannelBinding = ChannelBinding([4; ChannelBinding::LEN]);

fn nonce(len: usize) -> Nonce {
    Nonce::new(vec![3; len]).unwrap()
}

fn client(nonce: Nonce) -> ClientProof {
    ClientProof { service: Digest([1; 32]), node: Digest([2; 32]), nonce }
}

#[test]
fn the_bytes_are_as_documented() {
    let join = JoinProof { service: Digest([1; 32]), node: Digest([2; 32]), challenge: Digest([3; 32]) };
    let words = b"coco join evidence v2";
    let bytes = [&words[..], &[1; 32], &[2; 32], &[3; 32], &SESSION.0].concat();
    assert_eq!(join.report_data(&SESSION), sha256(&bytes));

    let lease = LeaseProof { service: Digest([1; 32]), node: Digest([2; 32]), challenge: Digest([3; 32]) };
    let bytes = [&b"coco lease evidence v1"[..], &[1; 32], &[2; 32], &[3; 32]].concat();
    assert_eq!(lease.report_data().0, sha256(&bytes));

    let words = b"coco client attestation v1";
    for len in [16, 17, 32, 64] {
        let bytes = [&words[..], &[1; 32], &[2; 32], &SESSION.0, &vec![3; len][..]].concat();
        assert_eq!(client(nonce(len)).report_data(&SESSION).0, sha256(&bytes));
    }
}

/// Whatever is another one, evidence is another one, too.
#[test]
fn each_part_counts() {
    let usual = client(nonce(32));
    let other_session = ChannelBinding([5; ChannelBinding::LEN]);
    let join = JoinProof { service: usual.service, node: usual.node, challenge: Digest([3; 32]) };
    let all = [
        usual.report_data(&SESSION).0,
        usual.report_data(&other_session).0,
        ClientProof { service: usual.node, node: usual.service, ..usual.clone() }.report_data(&SESSION).0,
        ClientProof { node: Digest([9; 32]), ..usual.clone() }.report_data(&SESSION).0,
        client(nonce(33)).report_data(&SESSION).0,
        LeaseProof { service: join.service, node: join.node, challenge: join.challenge }.report_data().0,
        join.report_data(&SESSION),
        join.report_data(&other_session),
    ];
    for (at, digest) in all.iter().enumerate() {
        assert!(!all[..at].contains(digest), "{at}");
    }
}

#[test]
fn a_nonce_has_its_length_and_lower_case_digits() {
    for (text, is_one) in [
        ("0".repeat(32), true),
        ("a".repeat(128), true),
        ("f0".repeat(20), true),
        (String::new(), false),
        ("0".repeat(30), false),
        ("0".repeat(31), false),
        ("0".repeat(33), false),
        ("0".repeat(130), false),
        ("A".repeat(32), false),
        ("g".repeat(32), false),
        (format!(" {}", "0".repeat(32)), false),
    ] {
        match text.parse::<Nonce>() {
            Ok(nonce) => assert!(is_one && nonce.to_string() == text, "{text}"),
            Err(InvalidNonce) => assert!(!is_one, "{text}"),
        }
    }
}
