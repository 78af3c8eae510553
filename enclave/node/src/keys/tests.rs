use coco_attest::{Details, Policy, ReportData, sev_snp};
use coco_crypto::SystemEntropy;
use coco_imitated::snp::{Machine, NOW};

use super::*;

fn keys() -> Keys {
    let naming = NodeNaming {
        curve: Curve::P384,
        subject: "CN=Node".parse().unwrap(),
        alt_names: vec!["iPAddress:127.0.0.1".parse().unwrap()],
        validity_days: 1,
    };
    Keys::generate(&naming, NOW, &SystemEntropy).unwrap()
}

/// Evidence of an imitated machine, and what believes in it.
fn evidence(keys: &Keys) -> (BoundaryEvidence, Policy<'static>) {
    let mut machine = Machine::milan();
    machine.bind(&keys.node_id);
    let shown = machine.sign();
    let [milan, genoa, turin] = shown.roots;
    let roots = sev_snp::Roots { milan, genoa, turin };
    let sev_snp = sev_snp::Requirements { roots, ..sev_snp::Requirements::STRICT };
    let evidence = BoundaryEvidence {
        format: EvidenceFormat::SevSnp,
        quote: shown.report,
        endorsements: shown.certificates,
        uvm_endorsements: None,
    };
    (evidence, Policy { sev_snp, ..Policy::strict(NOW) })
}

#[test]
fn the_certificate_of_a_node_says_what_holds_its_key_also_once_renewed() {
    let keys = keys();
    let plain = keys.self_signed.load_full();
    let (evidence, policy) = evidence(&keys);
    keys.attest(&evidence, &SystemEntropy);
    let later = Validity::days(UnixTime(NOW.0 + 3600), 9).unwrap();
    for validity in [plain.validity(), later] {
        let shown = keys.self_signed.load_full();
        assert!(matches!(ra_tls::verify(&shown, &policy).unwrap().details, Details::SevSnp(_)));
        assert_eq!(shown.validity(), validity);
        assert_eq!(shown.subject_name(), plain.subject_name());
        assert_eq!(shown.subject_alt_names(), plain.subject_alt_names());
        assert_eq!(shown.public_key(), plain.public_key());
        assert!(shown.verify_issued_by(&shown).is_ok() && shown.verify_issued_by(&plain).is_ok());
        keys.renew_self_signed(later, &SystemEntropy);
    }
}

#[test]
fn evidence_that_is_too_large_is_left_out() {
    let keys = keys();
    let (evidence, _) = evidence(&keys);
    let evidence = BoundaryEvidence { endorsements: vec![b'x'; ra_tls::MAX_LEN], ..evidence };
    let plain = keys.self_signed.load_full();
    keys.attest(&evidence, &SystemEntropy);
    assert_eq!(keys.self_signed.load().der(), plain.der());
}

#[test]
fn the_certificate_names_the_node_that_joins() {
    let keys = keys();
    let (evidence, _) = evidence(&keys);
    keys.attest(&evidence, &SystemEntropy);
    let shown = ra_tls::read(&keys.self_signed.load()).unwrap();
    assert!(matches!(shown, ra_tls::Shown::Node(_, ReportData(bound)) if bound == keys.node_id));
}
