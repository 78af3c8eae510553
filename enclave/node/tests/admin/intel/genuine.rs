//! Genuine quotes of machines of Intel's, in the directory that `COCO_VECTORS` names.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{MACHINE, UNVERIFIED, tcb};
use crate::{applicant::Applicant, harness::Admin, join::refusal};

/// A quote, its collateral, its format, and the kind of its machine.
const VECTORS: [(&str, &str, &str); 2] = [
    ("tdx/dcap-qvl/tdx_quote", "tdx/dcap-qvl/tdx_quote_collateral.json", "Intel_TDX_v1"),
    ("sgx/dcap-qvl/sgx_quote", "sgx/dcap-qvl/sgx_quote_collateral.json", "Intel_SGX_DCAP_v1"),
];

#[test]
fn a_genuine_quote_is_of_another_time() {
    let Some(directory) = std::env::var_os("COCO_VECTORS").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: genuine quotes of Intel are not tested, as COCO_VECTORS does not name their directory"
        );
        return;
    };
    for (quote, collateral, format) in VECTORS {
        let [quote, collateral] = [quote, collateral].map(|file| fs::read(directory.join(file)).unwrap());
        let kind = coco_attest::dcap::fmspc(&quote).unwrap();
        let mut admin = Admin::start();
        admin.node.tick(1000);
        let applicant = Applicant::new();
        let mut body = applicant.body();
        body["quote_info"] = json!({ "format": format, "quote": STANDARD.encode(&quote),
            "endorsements": STANDARD.encode(&collateral) });
        let told = |admin: &mut Admin, expected| {
            assert_eq!(refusal(&applicant.ask(admin, &body)), (401, "InvalidQuote", expected), "{format}");
        };
        told(&mut admin, MACHINE);
        admin.write(|tables, tx| tables.intel.tcb.put(tx, &coco_wire::text::encode_hex(&kind), &tcb()));
        told(&mut admin, UNVERIFIED);
    }
}
