//! The header of an endorsement is that of a CCF ledger.

use coco_wire::{Seqno, View, cose::CoseSign1, text::decode_base64};

use super::*;

/// Start of `public:ccf.internal.previous_service_identity_endorsement` at the opening of CCF's
/// `tests/testdata/acme_containing_service`.
const WRITTEN_BY_CCF: &str = "0oRYKaMBOCIPoQYaaQDyEGZjY2YudjGhcGVwb2NoLnN0YXJ0LnR4aWRjMi4xoA==";

#[test]
fn header_is_byte_for_byte_that_of_ccf() {
    let ccf = decode_base64(WRITTEN_BY_CCF).unwrap();
    let created = TxId { view: View(2), seqno: Seqno(1) };
    let ours = cose::encode(&endorsement_header(-35, created, 0x6900_f210), &Headers::empty(), None, &[]);
    assert!(CoseSign1::decode(&ours).is_ok());
    assert_eq!(ours[..ccf.len()], ccf);
}
