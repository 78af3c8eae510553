use std::fs;

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
    let Evidence { format: EvidenceFormat::Virtual, quote, endorsements } =
        platform.quote(report_data.0).unwrap();
    assert!(read("attestation").contains("report_data"));
    let evidence = coco_attest::Evidence { platform: Platform::InsecureVirtual, quote, endorsements };
    assert_eq!(coco_attest::verify(&evidence, &report_data).unwrap().host_data, Digest([7; 32]));

    directory.close().unwrap();
    assert_eq!(platform.quote(report_data.0), Err(QuoteFault));
}
