//! Confidential VMs of Azure.

use coco_attest::{
    azure_cvm::{Frame, Hardware, Runtime},
    sev_snp::Report,
};
use coco_crypto::PublicKey;
use serde_json::json;

use super::sev_snp;
use crate::attest::{facts::Facts, verify::Refused};

/// What a paravisor keeps: what the hardware says, and what it says itself.
pub(in crate::attest) fn of_frame(bytes: &[u8]) -> Result<Vec<Facts>, Refused> {
    let frame = Frame::read(bytes)?;
    let hardware = match frame.hardware {
        Hardware::Snp(report) => {
            let report = Report::read(report)?;
            sev_snp::facts(&report, sev_snp::product(&report))
        }
        Hardware::Tdx(report_data) => {
            let mut facts =
                Facts::new("tdx", "Report of Intel TDX for the machine itself, which only it can check");
            facts.bytes("report_data", report_data, "what the paravisor had signed");
            facts
        }
    };
    Ok(vec![hardware, runtime(&Runtime::read(frame.runtime)?, &frame)])
}

/// What the paravisor says.
pub(in crate::attest) fn runtime(runtime: &Runtime, frame: &Frame<'_>) -> Facts {
    let mut facts = Facts::new("azure", "What Azure's paravisor says of the machine");
    facts.bytes("digest", &frame.must_bind(), "what the hardware's report data must be");
    let key = PublicKey::Rsa(runtime.key.clone());
    facts.text("tpm_key", key.id(), "SHA-256 of the public key with which the machine's TPM signs");
    let configuration = &runtime.configuration;
    for (name, value, meaning) in [
        ("secure_boot", configuration.secure_boot, "whether only code that somebody known signed is started"),
        ("console", configuration.console, "whether the host has a console of the machine"),
    ] {
        let text = value.map_or("not said", |holds| if holds { "yes" } else { "no" });
        facts.add(name, json!(value), text, meaning);
    }
    facts.text(
        "machine",
        configuration.machine.as_deref().unwrap_or("not said"),
        "its name among all of Azure",
    );
    match &runtime.user_data {
        Some(data) => facts.bytes("user_data", data, "what the machine had written into the report"),
        None => facts.add("user_data", json!(null), "none", ""),
    }
    facts
}
