//! Ledgers as a whole: damaged, of another service, without their beginning or end, and what programs are told.

use std::{fs, path::Path};

use coco_tables::nodes::NodeStatus;
use serde_json::Value;

use crate::{
    audit,
    ledger::{Ledger, T},
    said,
};

#[track_caller]
pub(crate) fn told(arguments: &[&str], directory: &Path, expected: i32, text: &str) {
    let output = audit(arguments, directory);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(expected), "{arguments:?}\n{said}");
    assert!(said.contains(text), "{arguments:?}: no `{text}` in\n{said}");
}

#[test]
fn ledgers_that_are_not_sound() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut ledger = Ledger::virtual_platform();
    ledger.join_another(NodeStatus::Trusted, T);
    ledger.save(directory);
    told(&["ledger", "--service-cert", "service_cert.pem"], directory, 0, "hold: 2, to 2.3.");
    told(&["ledger", "--service-certificate", "service_cert.pem"], directory, 0, "hold: 2, to 2.3.");
    told(&["nowhere"], directory, 2, "coco: nowhere: ");
    told(&["."], directory, 2, "coco: no ledger files there");
    told(&["ledger", "--service-cert", "ledger/ledger_1"], directory, 2, "coco: ledger/ledger_1: ");
    told(&["ledger", "--at", "soon"], directory, 2, "--at");

    let other = Ledger::virtual_platform();
    fs::write(directory.join("other.pem"), other.forge.service.certificate.to_pem()).unwrap();
    told(&["ledger", "--service-cert", "other.pem"], directory, 1, "REFUSED: the ledger does not end with");

    let path = directory.join("ledger/ledger_1");
    let bytes = fs::read(&path).unwrap();
    for at in (8..bytes.len()).step_by(211) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let output = audit(&["ledger"], directory);
        // The flags of the last entry are covered by the next signature only.
        let text = said(&output);
        let damaged = text.contains("DAMAGED: ledger_1 at offset ") && !text.contains("All decisions");
        assert_eq!(damaged, output.status.code() == Some(1), "byte {at}\n{text}");
        assert!(output.status.code() == Some(1) || at > bytes.len() - 4096, "byte {at}\n{text}");
    }
    fs::write(&path, &bytes[..4]).unwrap();
    told(&["ledger"], directory, 1, "REFUSED: no signature covers anything in this ledger.");
    fs::remove_file(&path).unwrap();
    fs::write(directory.join("ledger/ledger_57"), bytes).unwrap();
    told(
        &["ledger"],
        directory,
        1,
        "REFUSED: the ledger begins with entry 57. Entries 1 to 56 are not there",
    );
}

#[test]
fn what_no_signature_covers_is_not_audited() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut ledger = Ledger::virtual_platform();
    ledger.forge.sign();
    let signed = ledger.forge.bytes.clone();
    let joiner = ledger.joiner(&ledger.ground, NodeStatus::Trusted);
    ledger.join(&joiner, None);
    let unsigned = ledger.forge.bytes.clone();
    fs::create_dir(directory.join("ledger")).unwrap();
    for (bytes, text) in [
        (signed.as_slice(), "All decisions about nodes hold: 1, to 2.2.\n"),
        (&unsigned, "  not audited  1 entries at the end, which no signature covers"),
        (&unsigned[..unsigned.len() - 1], "All decisions about nodes hold: 1, to 2.2.\n"),
    ] {
        fs::write(directory.join("ledger/ledger_1"), bytes).unwrap();
        told(&["ledger"], directory, 0, text);
    }
}

#[test]
fn programs_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut ledger = Ledger::virtual_platform();
    ledger.open();
    let joiner = ledger.join_another(NodeStatus::Trusted, T);
    ledger.save(directory);
    let output = audit(&["ledger", "--json"], directory);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |what: &str| lines.iter().filter(|line| line["what"] == what).collect::<Vec<_>>();
    assert_eq!((of("service").len(), of("policy").len(), of("open").len()), (1, 2, 1));
    let decisions = of("decision");
    assert_eq!(decisions.len(), 2);
    let last = decisions[1];
    assert_eq!(last["node"], joiner.id().to_hex());
    assert_eq!((&last["transaction"], &last["seqno"], &last["time"]), (&"2.3".into(), &3.into(), &T.into()));
    assert_eq!((&last["act"], &last["status"]), (&"joined".into(), &"Trusted".into()));
    assert_eq!((&last["platform"], &last["authentic"]), (&"Virtual".into(), &true.into()));
    assert_eq!((&last["holds"], &last["faults"][0]["fault"]), (&false.into(), &"not_asked".into()));
    let result = lines.last().unwrap();
    assert_eq!((&result["what"], &result["result"]), (&"result".into(), &"does_not_hold".into()));
    assert_eq!((&result["decisions"], &result["not_holding"]), (&2.into(), &1.into()));
    assert_eq!(result["audited_to"], "2.4");
}
