//! Quotes of Intel TDX.

use coco_attest::tdx::{Attributes, Domain};
use coco_wire::text::encode_hex;
use serde_json::{Value, json};

use crate::attest::facts::{Facts, hex};

/// What the module of TDX says of a domain.
pub(in crate::attest) fn facts(domain: &Domain) -> Facts {
    let mut facts = Facts::new("tdx", "Quote of Intel TDX");
    facts.bytes("measurement", &domain.measurement, "MRTD: SHA-384 of the domain's contents at the launch");
    facts.bytes("host_data", &domain.config_id, "MRCONFIGID: what the owner configured at the launch");
    facts.bytes("report_data", &domain.report_data, "what the domain had signed");
    let registers: Vec<String> =
        domain.registers.iter().enumerate().map(|(at, value)| format!("{at}  {}", hex(value))).collect();
    let value: Vec<Value> = domain.registers.iter().map(|value| json!(encode_hex(value))).collect();
    facts.add(
        "registers",
        Value::Array(value),
        registers.join("\n"),
        "RTMR0 to RTMR3: what the domain measured since: firmware, boot loader, system, applications",
    );
    attributes(&mut facts, domain.attributes);
    facts.text("features", format!("{:016x}", domain.features), "XFAM: features of the processor");
    facts.bytes("owner", &domain.owner, "MROWNER");
    facts.bytes("owner_config", &domain.owner_config, "MROWNERCONFIG");
    facts.bytes("module", &domain.module, "MRSEAM: SHA-384 of the module of TDX");
    facts.bytes("module_signer", &domain.module_signer, "MRSIGNERSEAM: zeros for Intel's own");
    facts.text("module_attributes", format!("{:016x}", domain.module_attributes), "SEAMATTRIBUTES");
    facts.bytes("tcb_svn", &domain.tcb_svn, "versions of module and firmware at the launch");
    if let Some(current) = &domain.current {
        facts.bytes("current_tcb_svn", &current.tcb_svn, "versions of module and firmware now");
        facts.bytes(
            "service_domains",
            &current.service_domains,
            "MRSERVICETD: domains that may change this one",
        );
        if let Some(extended) = &current.extended {
            facts.bytes("id", &extended.id, "drawn at each launch");
            facts.bytes("devices", &extended.devices, "digest of what is known of its devices");
        }
    }
    facts
}

fn attributes(facts: &mut Facts, attributes: Attributes) {
    facts.flag(
        "debug",
        attributes.debug(),
        [
            "THE HOST CAN READ AND CHANGE the domain: nothing in it is confidential",
            "the host cannot debug the domain",
        ],
    );
    facts.flag(
        "migration",
        attributes.migratable(),
        ["a service domain can move it to another machine", "the domain stays on its machine"],
    );
    facts.flag(
        "sept_ve_disable",
        attributes.ept_violations_disabled(),
        [
            "missing pages are the host's affair alone",
            "the host can have it run exception code when pages are missing",
        ],
    );
    facts.flag("perfmon", attributes.counters(), ["it may use counters of performance", ""]);
    facts.text("attributes", format!("{:016x}", attributes.0), "ATTRIBUTES");
}
