use coco_wire::{Seqno, View};

use super::*;
use crate::SystemEntropy;

fn transaction(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

#[test]
fn commit_evidence_known_answer() {
    // Computed with Python's hmac: commit secret under the label "Commit S", nonce over "2.17".
    let secret = LedgerSecret::from_bytes(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let nonce = "ab019227941bea5639a7afb7d46e7972b24066e7beae25b7ff290d77572b2209";
    assert_eq!(secret.commit_nonce(transaction(2, 17)).to_hex(), nonce);
    assert_eq!(secret.commit_evidence(transaction(2, 17)), format!("ce:2.17:{nonce}"));
    assert_ne!(secret.commit_nonce(transaction(21, 7)), secret.commit_nonce(transaction(2, 17)));
}

#[test]
fn previous_secret_round_trips() {
    let (old, new) = (LedgerSecret::generate(&SystemEntropy), LedgerSecret::generate(&SystemEntropy));
    assert_ne!(old, new);
    let packed = new.encrypt_previous(&old, &SystemEntropy);
    assert_eq!(packed.len(), 60);
    assert_eq!(new.decrypt_previous(&packed).unwrap(), old);
    assert_eq!(old.decrypt_previous(&packed), Err(NotAuthentic));
    assert_eq!(new.decrypt_previous(&packed[..59]), Err(NotAuthentic));
    let short = new.encryption_key().seal_packed(&[1; 12], &[], &[0; 31]);
    assert_eq!(new.decrypt_previous(&short), Err(NotAuthentic));
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(format!("{:?}", LedgerSecret::from_bytes(&[0x41; 32])), "LedgerSecret { .. }");
}
