//! What may run a node.

use coco_app::{Call, Context, Reject, Response, Status};
use coco_kv::{Decode, Encode, Malformed, Table, Tx};
use coco_tables::{Tables, azure::Azure, intel::Intel, nitro::Nitro, windows::Windows};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{adapter::Governance, gate::internal};

/// What an attestation must show, platform by platform.
pub(crate) fn get(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    describe(governance, cx.tx).map_err(internal)
}

fn describe(governance: &Governance, tx: &Tx) -> Result<Response, Malformed> {
    let platforms = &governance.tables.platforms;
    let mut policy = json!({
        "sgx": { "measurements": keys(&platforms.sgx_measurements, tx)? },
        "virtual": {
            "measurements": keys(&platforms.virtual_measurements, tx)?,
            "hostData": keys(&platforms.virtual_host_data, tx)?,
        },
        "snp": {
            "measurements": keys(&platforms.snp_measurements, tx)?,
            "hostData": rows(&platforms.snp_host_data, tx)?,
            "uvmEndorsements": rows(&platforms.snp_uvm_endorsements, tx)?,
            "tcbVersions": rows(&platforms.snp_tcb_versions, tx)?,
        },
    });
    // What CCF does not have is told only if it is there.
    let mut add = |name: &str, value: Value| {
        if value.as_array().is_none_or(|list| !list.is_empty()) && !value.is_null() {
            policy["snp"][name] = value;
        }
    };
    add("providers", json!(keys(&platforms.snp_providers, tx)?));
    add("chips", json!(keys(&platforms.snp_chips, tx)?));
    add("demands", json!(platforms.snp_demands.get(tx)?));
    for (name, part) in of_others(&governance.tables, tx)? {
        policy[name] = part;
    }
    Ok(Response::json(Status::OK, &policy))
}

/// What CCF does not know, as far as there is any.
fn of_others(tables: &Tables, tx: &Tx) -> Result<Vec<(&'static str, Value)>, Malformed> {
    let [tdx, sgx, machines] = of_intel(&tables.intel, tx)?;
    let parts = [
        ("tdx", tdx),
        ("sgxDcap", sgx),
        ("intelTcb", machines),
        ("vbs", of_windows(&tables.windows, tx)?),
        ("azureCvm", of_azure(&tables.azure, tx)?),
        ("nitro", of_nitro(&tables.nitro, tx)?),
    ];
    Ok(parts.into_iter().filter(|(_, part)| says_something(part)).collect())
}

fn of_windows(windows: &Windows, tx: &Tx) -> Result<Value, Malformed> {
    Ok(json!({
        "images": rows(&windows.images, tx)?,
        "signers": rows(&windows.signers, tx)?,
        "hostData": keys(&windows.host_data, tx)?,
        "attestationKeys": keys(&windows.attestation_keys, tx)?,
        "attestationRoots": keys(&windows.attestation_roots, tx)?,
        "bootAuthorities": keys(&windows.boot_authorities, tx)?,
        "minimums": windows.minimums.get(tx)?,
        "demands": windows.demands.get(tx)?,
        "registers": rows(&windows.registers, tx)?,
    }))
}

fn of_azure(azure: &Azure, tx: &Tx) -> Result<Value, Malformed> {
    Ok(json!({ "registers": rows(&azure.registers, tx)?, "demands": azure.demands.get(tx)? }))
}

fn of_nitro(nitro: &Nitro, tx: &Tx) -> Result<Value, Malformed> {
    Ok(json!({
        "measurements": keys(&nitro.measurements, tx)?,
        "registers": rows(&nitro.registers, tx)?,
        "limits": nitro.limits.get(tx)?,
    }))
}

fn of_intel(intel: &Intel, tx: &Tx) -> Result<[Value; 3], Malformed> {
    let tdx = json!({
        "measurements": keys(&intel.tdx_measurements, tx)?,
        "hostData": keys(&intel.tdx_host_data, tx)?,
        "registers": rows(&intel.tdx_registers, tx)?,
        "attributes": intel.tdx_attributes.get(tx)?,
    });
    let sgx = json!({
        "measurements": keys(&intel.sgx_measurements, tx)?,
        "signers": rows(&intel.sgx_signers, tx)?,
        "hostData": keys(&intel.sgx_host_data, tx)?,
    });
    let machines = rows(&intel.tcb, tx)?;
    Ok([tdx, sgx, machines])
}

/// Whether there is a row in a part of the policy, or in a part of that.
fn says_something(part: &Value) -> bool {
    match part {
        Value::Object(fields) => fields.values().any(says_something),
        Value::Array(keys) => !keys.is_empty(),
        other => !other.is_null(),
    }
}

fn keys<K, V>(table: &Table<K, V>, tx: &Tx) -> Result<Vec<K>, Malformed>
where
    K: Encode + Decode,
    V: Encode + Decode,
{
    table.iter(tx).map(|row| row.map(|(key, _)| key)).collect()
}

fn rows<K, V>(table: &Table<K, V>, tx: &Tx) -> Result<Value, Malformed>
where
    K: Encode + Decode + ToString,
    V: Encode + Decode + Serialize,
{
    let rows = table.iter(tx).map(|row| row.map(|(key, value)| (key.to_string(), json!(value))));
    rows.collect::<Result<Map<_, _>, _>>().map(Value::Object)
}
