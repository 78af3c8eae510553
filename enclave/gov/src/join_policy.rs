//! What may run a node.

use coco_app::{Call, Context, Reject, Response, Status};
use coco_kv::{Decode, Encode, Malformed, Table, Tx};
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
    Ok(Response::json(Status::OK, &policy))
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
