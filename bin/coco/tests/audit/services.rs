//! Ledgers that services wrote: ours, and CCF's.

use std::{path::Path, process::Command};

use crate::{COCO, audit, said};

#[test]
fn nodes_of_a_sandbox_are_welcome() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("service");
    let sandbox = Command::new(COCO)
        .args(["sandbox", "--nodes", "2", "--exec", "true", "--dir"])
        .arg(&directory)
        .output()
        .unwrap();
    assert!(sandbox.status.success(), "{sandbox:?}");
    for node in ["node0/ledger", "node1/ledger"] {
        let output = audit(&[node, "--service-cert", "service_cert.pem"], &directory);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{node}\n{said}");
        let decisions: Vec<_> =
            said.lines().filter(|line| line.contains(": welcome; measurement ")).collect();
        assert_eq!(decisions.len(), 2, "{said}");
        assert!(decisions[0].contains(" began the service, Trusted, on Virtual"), "{said}");
        assert!(decisions[1].contains(" joined, "), "{said}");
        assert!(decisions.iter().all(|line| line.contains(" UTC  node ")), "{said}");
        assert!(said.contains("service opens by proposal "), "{said}");
        assert!(said.contains("All decisions about nodes hold: 2, to 2."), "{said}");
    }
}

/// Its virtual nodes show evidence since version 5 and have no recorded time; those on SGX cannot be judged.
#[test]
fn ledgers_of_ccf() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
        return;
    };
    let welcome = "no time recorded         node";
    let nothing = ", on Virtual: DOES NOT HOLD: there is no evidence";
    let cases = [
        ("acme_containing_service", 0, "All decisions about nodes hold: 3, to 2.22.", welcome),
        ("cose_flipflop_service", 0, "All decisions about nodes hold: 1, to 2.46.", welcome),
        (
            "double_sealed_service",
            0,
            "All decisions about nodes hold: 6, to 5.509.",
            "opens by recovery shares",
        ),
        (
            "eol_service",
            1,
            "REFUSED: 11 lines above do not hold, of 11 decisions about nodes, to 10.500.",
            nothing,
        ),
        (
            "expired_service",
            1,
            "REFUSED: 6 lines above do not hold, of 6 decisions about nodes, to 4.74.",
            nothing,
        ),
        ("sgx_service", 1, "of 9 decisions about nodes, to 8.153.", "on OE_SGX_v1: "),
    ];
    for (service, expected, end, text) in cases {
        let service = Path::new(&ccf).join("tests/testdata").join(service);
        let certificate = service.join("common/service_cert.pem").display().to_string();
        let ledger = service.join("ledger").display().to_string();
        let output = audit(&[&ledger, "--recovery", "--service-cert", &certificate], Path::new("."));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(expected), "{ledger}\n{said}");
        assert!(said.contains(end) && said.contains(text), "{ledger}\n{said}");
    }
}
