//! Enclaves of Windows.

use coco_attest::vbs::{Image, Report};
use coco_wire::text::encode_hex;
use serde_json::{Value, json};

use crate::attest::facts::{Facts, hex, printable};

/// What a secure kernel says of an enclave.
pub(in crate::attest) fn facts(report: &Report) -> Facts {
    let mut facts = Facts::new("vbs", "Report of a VBS enclave of Windows");
    let identity = &report.identity;
    facts.bytes("measurement", &identity.image.unique_id, "hash of the enclave's image (unique ID)");
    facts.bytes("author_id", &identity.image.author_id, "who signed the image");
    facts.bytes("family_id", &identity.image.family_id, "by its author");
    facts.bytes("image_id", &identity.image.image_id, "by its author");
    facts.number("svn", identity.image.svn, "security version of the image, by its author");
    facts.bytes("report_data", &report.enclave_data, "what the enclave had signed");
    facts.bytes("host_data", &identity.owner_id, "what whoever created the enclave gave it (owner ID)");
    facts.flag(
        "debug",
        identity.flags.debug(),
        ["THE HOST CAN READ the enclave: nothing in it is confidential", "the host cannot debug the enclave"],
    );
    facts.number("secure_kernel_svn", identity.secure_kernel_svn, "security version of the secure kernel");
    facts.number("platform_svn", identity.platform_svn, "security version of the platform");
    facts.number("signing_level", identity.signing_level, "how trustworthy its signature is to Windows");
    let text: Vec<String> = report
        .modules
        .iter()
        .map(|module| format!("{}  {}", hex(&module.image.unique_id), printable(&module.name)))
        .collect();
    let value = report.modules.iter().map(|module| image(&module.name, &module.image));
    facts.add("modules", value.collect(), text.join("\n"), "what is loaded in it, itself included");
    facts
}

fn image(name: &str, image: &Image) -> Value {
    json!({
        "name": name,
        "unique_id": encode_hex(&image.unique_id),
        "author_id": encode_hex(&image.author_id),
        "family_id": encode_hex(&image.family_id),
        "image_id": encode_hex(&image.image_id),
        "svn": image.svn,
    })
}
