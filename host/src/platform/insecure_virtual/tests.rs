use std::fs;

use coco_attest::Policy;
use coco_crypto::x509::UnixTime;

use super::*;

#[test]
fn files_carry_the_process_number_and_the_evidence_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let platform = VirtualPlatform::start(Digest([7; 32]), directory.path()).unwrap();
    let read = |kind: &str| {
        let name = format!("ccf_virtual_attestation.{}.{kind}", process::id());
        fs::read_to_string(directory.path().join(name)).unwrap()
    };
    assert!(read("measurement").contains(&Digest([7; 32]).to_hex()));
    let report_data = ReportData(Digest([9; 32]));
    let Evidence { format, quote, endorsements, uvm_endorsements } = platform.quote(report_data.0).unwrap();
    assert_eq!(format, EvidenceFormat::Virtual);
    assert!(read("attestation").contains("report_data"));
    let platform_of = coco_attest::Platform::InsecureVirtual;
    let evidence = coco_attest::Evidence { platform: platform_of, quote, endorsements, uvm_endorsements };
    let policy = Policy::strict(UnixTime(1_780_000_000));
    let claims = coco_attest::verify(&evidence, &report_data, &policy).unwrap();
    assert_eq!(claims.host_data(), [7; 32]);

    // What clients ask for later is not kept.
    let shown = read("attestation");
    platform.quote(Digest([8; 32])).unwrap();
    assert_eq!(read("attestation"), shown);

    let platform = VirtualPlatform::start(Digest([7; 32]), directory.path()).unwrap();
    directory.close().unwrap();
    assert_eq!(platform.quote(report_data.0), Err(QuoteFault));
}
