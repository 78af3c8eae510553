//! `coco node --measurement`: what evidence of a node that runs this executable says, and how members admit it.

use std::{collections::BTreeMap, io, path::Path, process::ExitCode};

use coco_attest::{
    Platform, azure_cvm, insecure_virtual,
    nitro::{self, Register},
    sev_snp, sgx, tdx,
    tpm::{Form, Pcrs, Quote},
    vbs,
};
use coco_boundary::{Evidence, Log};
use coco_crypto::hash::sha256;
use coco_host::process::read_input;
use coco_wire::{
    Digest,
    text::{decode_base64, encode_hex},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    config::attestation::Attestation,
    exit,
    run::{
        self, RunError,
        platform::{Vouching, named, of_machine},
    },
};

/// Largest file of a security policy, in bytes.
const MAX_POLICY: u64 = 1 << 20;

/// Prints it as JSON.
pub(crate) fn execute(attestation: &Attestation) -> ExitCode {
    let printed = measurements(attestation).and_then(|found| {
        let text = serde_json::to_string_pretty(&found).expect("it has only texts");
        exit::print(|out| writeln!(out, "{text}")).map_err(NotMeasured::from)
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::failed(error),
    }
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
enum NotMeasured {
    #[error(transparent)]
    System(#[from] io::Error),
    #[error(transparent)]
    Machine(Box<RunError>),
    #[error("the evidence of this machine cannot be read: {0}")]
    Evidence(coco_attest::Refusal),
    #[error("this machine gives no evidence")]
    NoEvidence,
    #[error("{0}: not the base64 of a security policy")]
    Policy(String),
}

/// What one platform says of the executable.
struct Measured {
    platform: &'static str,
    measurement: Option<String>,
    host_data: Option<String>,
    /// The text that the host data is the digest of.
    policy: Option<String>,
    /// Values of PCRs, in hexadecimal, where these say what runs.
    registers: BTreeMap<u8, String>,
}

fn measurements(attestation: &Attestation) -> Result<Value, NotMeasured> {
    let executable = run::executable_digest()?;
    let of_virtual = Measured {
        platform: "virtual",
        measurement: Some(insecure_virtual::MEASUREMENT.to_owned()),
        host_data: Some(executable.to_hex()),
        policy: None,
        registers: BTreeMap::new(),
    };
    let mut found = json!({ "executable": executable, "virtual": of_virtual.described() });
    let mut actions = of_virtual.actions();
    for measured in [of_hardware(attestation, executable)?, of_policy(attestation)?].into_iter().flatten() {
        found[measured.platform] = measured.described();
        actions.extend(measured.actions());
    }
    found["actions"] = actions.into();
    Ok(found)
}

/// What the hardware says of this process, if there is any.
fn of_hardware(attestation: &Attestation, executable: Digest) -> Result<Option<Measured>, NotMeasured> {
    let machine = |error: RunError| NotMeasured::Machine(Box::new(error));
    let platform = of_machine().map_err(|error| machine(error.into()))?;
    if platform == Platform::InsecureVirtual {
        return Ok(None);
    }
    let (_stop, stopping) = watch::channel(false);
    let named = named();
    let root = (Path::new("/"), named.as_deref());
    let vouching = Vouching::begin(root, executable, attestation, stopping, &Log::discard());
    let vouching = vouching.map_err(machine)?;
    let evidence = vouching.source.quote(Digest::ZERO).map_err(|_| NotMeasured::NoEvidence)?;
    let measured = Measured::of(platform, &evidence).map_err(NotMeasured::Evidence)?;
    Ok(Some(Measured { policy: vouching.security_policy, ..measured }))
}

/// The host data of SEV-SNP that a policy leads to, wherever that is told.
fn of_policy(attestation: &Attestation) -> Result<Option<Measured>, NotMeasured> {
    let Some(path) = &attestation.snp_security_policy_file else { return Ok(None) };
    let bytes = read_input(path, MAX_POLICY)?;
    let unusable = || NotMeasured::Policy(path.display().to_string());
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable())?;
    let policy = decode_base64(text.trim()).map_err(|_| unusable())?;
    let host_data = Some(sha256(&policy).to_hex());
    let policy = Some(String::from_utf8(policy).map_err(|_| unusable())?);
    let (platform, registers) = (key(Platform::SevSnp), BTreeMap::new());
    Ok(Some(Measured { platform, measurement: None, host_data, policy, registers }))
}

/// Measurement and host data of evidence, of which nothing is believed.
fn read(platform: Platform, evidence: &Evidence) -> Result<(String, String), coco_attest::Refusal> {
    let quote = &evidence.quote;
    let hex = |measurement: &[u8], host_data: &[u8]| (encode_hex(measurement), encode_hex(host_data));
    Ok(match platform {
        Platform::InsecureVirtual => {
            let statement = insecure_virtual::Statement::read(quote)?;
            (statement.measurement.to_string(), statement.host_data.to_hex())
        }
        Platform::SevSnp => {
            let report = sev_snp::Report::read(quote)?;
            hex(&report.measurement, &report.host_data)
        }
        Platform::Sgx => {
            let enclave = sgx::Enclave::of_quote(quote)?;
            hex(&enclave.measurement, &enclave.config_id)
        }
        Platform::Tdx => {
            let domain = tdx::Domain::of_quote(quote)?;
            hex(&domain.measurement, &domain.config_id)
        }
        Platform::Vbs => {
            let report = vbs::Report::of_package(&form(quote)?.report.0)?;
            hex(&report.identity.image.unique_id, &report.identity.owner_id)
        }
        Platform::AzureCvm => {
            let report = azure_cvm::reported(quote)?;
            hex(&report.measurement, &report.host_data)
        }
        Platform::Nitro => {
            let (document, _) = nitro::read(quote)?;
            hex(document.registers.get(&Register::IMAGE).map_or(&[][..], |value| value), &[])
        }
    })
}

/// Values of the PCRs that say what a machine of Azure runs.
fn registers(platform: Platform, evidence: &Evidence) -> Result<BTreeMap<u8, String>, coco_attest::Refusal> {
    if platform != Platform::AzureCvm {
        return Ok(BTreeMap::new());
    }
    let form = form(&evidence.quote)?;
    let quote = Quote::read(&form.message.0).map_err(azure_cvm::Refusal::from)?;
    let pcrs = Pcrs::new(&quote, &form.pcrs.0).ok_or(coco_attest::Refusal::Malformed)?;
    let value = |number| Some((number, encode_hex(pcrs.value(number)?)));
    Ok(azure_cvm::CODE.numbers().filter_map(value).collect())
}

/// What a node with a TPM shows.
fn form(quote: &[u8]) -> Result<Form, coco_attest::Refusal> {
    Form::from_json(quote).ok_or(coco_attest::Refusal::Malformed)
}

/// As actions are named.
fn key(platform: Platform) -> &'static str {
    match platform {
        Platform::InsecureVirtual => "virtual",
        Platform::SevSnp => "snp",
        Platform::Sgx => "sgx",
        Platform::Tdx => "tdx",
        Platform::Vbs => "vbs",
        // Tables of SEV-SNP say which paravisors count.
        Platform::AzureCvm => "snp",
        Platform::Nitro => "nitro",
    }
}

impl Measured {
    /// What evidence says, of which nothing is believed.
    fn of(platform: Platform, evidence: &Evidence) -> Result<Self, coco_attest::Refusal> {
        let (measurement, host_data) = read(platform, evidence)?;
        Ok(Self {
            platform: key(platform),
            measurement: Some(measurement),
            // Nitro Enclaves have none.
            host_data: Some(host_data).filter(|host_data| !host_data.is_empty()),
            policy: None,
            registers: registers(platform, evidence)?,
        })
    }

    fn described(&self) -> Value {
        let mut described = json!({});
        if let Some(measurement) = &self.measurement {
            described["measurement"] = json!(measurement);
        }
        if let Some(host_data) = &self.host_data {
            described["host_data"] = json!(host_data);
        }
        if !self.registers.is_empty() {
            described["registers"] = json!(self.registers);
        }
        described
    }

    /// What members vote for to admit it. On the virtual platform all code has the same measurement.
    fn actions(&self) -> Vec<Value> {
        let platform = self.platform;
        let measurement = self.measurement.iter().filter(|_| platform != "virtual").map(|measurement| {
            if platform == "vbs" {
                let args = json!({ "unique_id": measurement, "role": "Enclave" });
                return json!({ "name": "add_vbs_image", "args": args });
            }
            json!({ "name": format!("add_{platform}_measurement"), "args": { "measurement": measurement } })
        });
        let host_data = self.host_data.iter().map(|host_data| {
            let mut args = json!({ "host_data": host_data });
            if platform == "snp" {
                args["security_policy"] = json!(self.policy.as_deref().unwrap_or_default());
            }
            json!({ "name": format!("add_{platform}_host_data"), "args": args })
        });
        // Tables of SEV-SNP have the rest of such a machine.
        let registers = self.registers.iter().map(|(register, value)| {
            json!({ "name": "add_azure_register", "args": { "register": register, "value": value } })
        });
        measurement.chain(host_data).chain(registers).collect()
    }
}

#[cfg(test)]
mod tests;
