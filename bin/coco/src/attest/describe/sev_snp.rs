//! Reports of AMD SEV-SNP.

use coco_attest::sev_snp::{Product, Report, uvm};
use serde_json::{Value, json};

use crate::attest::{facts::Facts, piece::Piece, verify::Refused};

/// A report and who endorses its utility VM.
pub(in crate::attest) fn with_endorsements(piece: &Piece) -> Result<Vec<Facts>, Refused> {
    let report = Report::read(&piece.evidence)?;
    let mut all = vec![facts(&report, product(&report))];
    if let Some(message) = &piece.uvm {
        let mut facts = Facts::new("uvm_endorsements", "Endorsements of the utility VM");
        match uvm::Endorsers::Anyone.verify(message, &report.measurement) {
            Ok(claims) => endorser(&mut facts, &claims),
            Err(refusal) => facts.text("unusable", refusal, ""),
        }
        all.push(facts);
    }
    Ok(all)
}

fn endorser(facts: &mut Facts, claims: &uvm::Claims) {
    facts.text("issuer", &claims.did, "who signed that this is the guest's measurement");
    facts.text("feed", &claims.feed, "under what name");
    facts.number("svn", claims.svn, "its security version");
}

/// The line of processors, if the report names it.
pub(in crate::attest) fn product(report: &Report) -> Option<Product> {
    report.processor.and_then(|processor| processor.product().ok())
}

/// What a report says.
pub(in crate::attest) fn facts(report: &Report, product: Option<Product>) -> Facts {
    let mut facts =
        Facts::new("sev_snp", format!("Report of AMD SEV-SNP, version {} of the format", report.version));
    processor(&mut facts, report, product);
    facts.bytes("measurement", &report.measurement, "SHA-384 of the guest's memory at its launch");
    facts.bytes(
        "host_data",
        &report.host_data,
        "what the host configured at the launch; in Azure's containers, SHA-256 of the security policy",
    );
    facts.bytes(
        "report_data",
        &report.report_data,
        "what the guest had signed; of a node, SHA-256 of its public key and zeros",
    );
    vmpl(&mut facts, report.vmpl);
    policy(&mut facts, report);
    for (name, packed, meaning) in [
        ("reported_tcb", report.reported_tcb, "the versions that the signing key belongs to"),
        ("committed_tcb", report.committed_tcb, "the versions that the host cannot go back behind"),
        ("current_tcb", report.current_tcb, "the versions that run"),
        ("launch_tcb", report.launch_tcb, "the versions that launched and measured the guest"),
    ] {
        let (value, text) = tcb(product, packed);
        facts.add(name, value, text, meaning);
    }
    host(&mut facts, report);
    identity(&mut facts, report);
    facts
}

fn processor(facts: &mut Facts, report: &Report, product: Option<Product>) {
    let Some(processor) = report.processor else {
        let (value, text) = match product {
            Some(product) => (json!({ "product": product.name() }), product.name()),
            None => (Value::Null, "not named"),
        };
        facts.add("processor", value, text, "reports name it from version 3 on");
        return;
    };
    let (family, model, stepping) = (processor.family, processor.model, processor.stepping);
    let name = product.map_or("of a line that this program does not know", Product::name);
    let cpuid = format!("{:08x}", processor.cpuid());
    let value = json!({
        "product": product.map(Product::name), "family": family, "model": model, "stepping": stepping, "cpuid": cpuid,
    });
    let text = format!("{name}: family {family:#x}, model {model:#x}, stepping {stepping} (CPUID {cpuid})");
    facts.add("processor", value, text, "");
}

fn vmpl(facts: &mut Facts, vmpl: u32) {
    let meaning = match vmpl {
        0 => "the guest's most privileged code asked for the report",
        1..=3 => "less privileged code of the guest asked for the report",
        _ => "NOT the guest but its host asked for the report",
    };
    facts.number("vmpl", vmpl, meaning);
}

fn policy(facts: &mut Facts, report: &Report) {
    let policy = report.policy;
    facts.flag(
        "debug",
        policy.allows_debug(),
        [
            "THE HOST CAN READ AND CHANGE the guest: nothing in it is confidential",
            "the host cannot debug the guest",
        ],
    );
    facts.flag(
        "migration",
        policy.allows_migration(),
        ["a migration agent can move the guest, and sees its memory", "the guest stays on its machine"],
    );
    facts.flag(
        "smt_allowed",
        policy.allows_smt(),
        ["the guest runs also where threads share cores", "the guest runs only where threads share no cores"],
    );
    facts.flag("single_socket", policy.demands_single_socket(), ["the guest runs on one socket only", ""]);
    facts.flag(
        "hidden_ciphertext",
        policy.demands_hidden_ciphertext(),
        ["the host does not see the ciphertext of memory", "the host may see the ciphertext of memory"],
    );
    let abi = format!("{}.{}", policy.abi_major(), policy.abi_minor());
    facts.text("minimum_abi", abi, "the oldest firmware interface that the guest runs on");
}

fn host(facts: &mut Facts, report: &Report) {
    for (name, version) in [("current_firmware", report.current), ("committed_firmware", report.committed)] {
        facts.text(name, format!("{}.{}.{}", version.major, version.minor, version.build), "");
    }
    let info = report.platform_info;
    facts.flag("smt", info.smt(), ["threads share cores on this machine", "threads share no cores"]);
    facts.flag("tsme", info.tsme(), ["all memory of the machine is encrypted", ""]);
    facts.flag(
        "alias_check",
        info.alias_check_complete(),
        [
            "the firmware found no two addresses for the same memory",
            "nobody looked for two addresses of the same memory",
        ],
    );
    if let Some(mitigations) = report.mitigations {
        let (launch, current) = (mitigations.launch, mitigations.current);
        facts.add(
            "mitigations",
            json!({ "launch": format!("{launch:016x}"), "current": format!("{current:016x}") }),
            format!("{launch:#x} at the launch, {current:#x} now"),
            "bits of vulnerabilities that are mitigated",
        );
    }
}

fn identity(facts: &mut Facts, report: &Report) {
    let key = match report.flags.signing_key() {
        0 => "VCEK",
        1 => "VLEK",
        7 => "none",
        _ => "unknown",
    };
    facts.text("signing_key", key, "VCEK is the chip's own, VLEK one of the provider of the cloud");
    facts.bytes(
        "chip_id",
        &report.chip_id,
        if report.flags.mask_chip_key() { "hidden by the host" } else { "" },
    );
    facts.number("guest_svn", report.guest_svn, "security version of the guest, by its owner");
    facts.bytes("family_id", &report.family_id, "by the guest's owner");
    facts.bytes("image_id", &report.image_id, "by the guest's owner");
    facts.bytes(
        "id_key_digest",
        &report.id_key_digest,
        "SHA-384 of the key that signed the guest's identity",
    );
    facts.bytes("author_key_digest", &report.author_key_digest, "SHA-384 of the key that signed that key");
    facts.bytes("report_id", &report.report_id, "names this guest while it runs");
}

/// A version of the trusted computing base, taken apart where the line of processors is known.
fn tcb(product: Option<Product>, packed: u64) -> (Value, String) {
    let Some(product) = product else {
        return (json!({ "packed": format!("{packed:016x}") }), format!("{packed:016x}"));
    };
    let parts = product.tcb_version(packed);
    let mut value = json!({
        "packed": format!("{packed:016x}"),
        "microcode": parts.microcode,
        "snp": parts.snp,
        "tee": parts.tee,
        "boot_loader": parts.boot_loader,
    });
    let mut text = format!(
        "{packed:016x}: microcode {}, SNP {}, TEE {}, boot loader {}",
        parts.microcode, parts.snp, parts.tee, parts.boot_loader
    );
    if let Some(fmc) = parts.fmc {
        value["fmc"] = json!(fmc);
        text.push_str(&format!(", FMC {fmc}"));
    }
    (value, text)
}
