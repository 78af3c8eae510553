//! What is read of evidence, and how members admit it.

use coco_boundary::EvidenceFormat;
use coco_imitated::azure::Azure;

use super::*;

#[test]
fn a_machine_of_azure_is_admitted_by_its_paravisor_and_by_what_was_measured() {
    let machine = Azure::genuine();
    let signed = machine.sign();
    let evidence = Evidence {
        format: EvidenceFormat::AzureCvm,
        quote: signed.tpm.form(&signed.report),
        endorsements: signed.snp.certificates,
        uvm_endorsements: None,
    };
    let measured = Measured::of(Platform::AzureCvm, &evidence).unwrap();
    let pcr = |number: usize| encode_hex(&machine.tpm.pcrs[number]);
    let described = measured.described();
    assert_eq!(described["registers"]["7"], json!(pcr(7)));
    // What differs from machine to machine is not asked of others.
    assert_eq!(described["registers"].get("1"), None);
    let actions = measured.actions();
    let names: Vec<&str> = actions.iter().map(|action| action["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["add_snp_measurement", "add_snp_host_data", "add_azure_register"]);
    let first = json!({ "name": "add_azure_register", "args": { "register": 0, "value": pcr(0) } });
    assert!(actions.contains(&first), "{actions:?}");

    let unreadable = Evidence { quote: b"{}".to_vec(), ..evidence };
    assert!(Measured::of(Platform::AzureCvm, &unreadable).is_err());
}
