//! Whose signatures count when a root is named.

use coco_attest::sev_snp;
use coco_imitated::{
    azure::Azure,
    snp::{Evidence, Machine},
};
use coco_wire::text::Base64;

use super::*;

fn root(evidence: &Evidence) -> Certificate {
    let text = std::str::from_utf8(&evidence.certificates).unwrap();
    Certificate::bundle_from_pem(text).unwrap().pop().unwrap()
}

#[test]
fn a_named_root_counts_in_place_of_amds_whoever_carries_the_report() {
    let guest = Machine::milan().sign();
    let machine = Azure::genuine().sign();
    let shown = [
        (QuoteFormat::AmdSevSnpV1, guest.report.clone(), &guest),
        (QuoteFormat::AzureCvmSnpV1, machine.tpm.form(&machine.report), &machine.snp),
    ];
    for (format, quote, evidence) in shown {
        let quote = QuoteInfo {
            format,
            quote: Base64(quote),
            endorsements: Base64(evidence.certificates.clone()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        };
        let named = Examiner { root: Some(root(evidence)), at: None }.roots(&quote).sev_snp;
        assert_eq!(named.milan, evidence.roots[0], "{format:?}");
        // It counts for the processors of its line only.
        assert_eq!(named.genoa, Digest::ZERO, "{format:?}");
        let makers = Examiner { root: None, at: None }.roots(&quote).sev_snp;
        assert_eq!(makers, sev_snp::Roots::AMD, "{format:?}");
    }
}
