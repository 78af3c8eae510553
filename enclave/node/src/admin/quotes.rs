//! Evidence of what the nodes run, as it is in the ledger.

use coco_app::{Call, Context, Endpoint, ErrorCode, Reject, Response, Schema, Status};
use coco_tables::nodes::{NodeInfo, NodeStatus, QuoteInfo};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{Admin, ok, schemas};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let list = |name, field, item| Schema::object(name, vec![(field, Schema::array(item))], vec![]);
    let quotes_schema = list("GetQuotes__Out", "quotes", quote_schema("Quote"));
    let attestations_schema = list("GetAttestations__Out", "attestations", quote_schema("Attestation"));
    vec![
        admin.get("/quotes", quotes_schema, quotes),
        admin.get_own("/quotes/self", quote_schema("Quote"), own_quote),
        admin.get("/attestations", attestations_schema, attestations),
        admin.get_own("/attestations/self", quote_schema("Attestation"), own_quote),
    ]
}

fn quote_schema(name: &str) -> Schema {
    let mut required = vec![("node_id", schemas::node_id())];
    required.extend(evidence_schemas());
    let optional = vec![("measurement", Schema::string()), ("uvm_endorsements", Schema::base64())];
    Schema::object(name, required, optional)
}

/// What [`evidence`] always has.
pub(super) fn evidence_schemas() -> Vec<(&'static str, Schema)> {
    let formats = [
        "OE_SGX_v1",
        "Insecure_Virtual",
        "AMD_SEV_SNP_v1",
        "Intel_SGX_DCAP_v1",
        "Intel_TDX_v1",
        "Windows_VBS_v1",
        "Azure_CVM_SNP_v1",
        "AWS_Nitro_v1",
    ];
    vec![
        ("raw", Schema::base64()),
        ("endorsements", Schema::base64()),
        ("format", Schema::one_of("QuoteFormat", &formats)),
    ]
}

fn quotes(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(ok(&json!({ "quotes": trusted(admin, cx)? })))
}

fn attestations(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(ok(&json!({ "attestations": trusted(admin, cx)? })))
}

fn trusted(admin: &Admin, cx: &Context<'_>) -> Result<Vec<Value>, Reject> {
    let mut found = Vec::new();
    for row in admin.tables.nodes.info.iter(&*cx.tx) {
        let (id, info) = row?;
        if info.status == NodeStatus::Trusted {
            found.push(describe(&id, &info));
        }
    }
    Ok(found)
}

fn own_quote(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = admin.node_id();
    let info = admin.tables.nodes.info.get(cx.tx, &id)?;
    let info = info.ok_or_else(|| Reject::not_found("Could not find node quote."))?;
    if info.code_digest.is_none() {
        let message = "Failed to extract code id from node quote.";
        return Err(Reject::new(Status::INTERNAL_SERVER_ERROR, ErrorCode::InvalidQuote, message));
    }
    Ok(ok(&describe(&id, &info)))
}

fn describe(id: &Digest, info: &NodeInfo) -> Value {
    let mut body = evidence(&info.quote_info);
    body["node_id"] = json!(id);
    if let Some(measurement) = &info.code_digest {
        body["measurement"] = json!(measurement);
    }
    body
}

/// Evidence in the form of CCF's answers.
pub(super) fn evidence(quote: &QuoteInfo) -> Value {
    let mut body = json!({
        "raw": quote.quote,
        "endorsements": quote.endorsements,
        "format": quote.format,
    });
    if let Some(endorsements) = &quote.uvm_endorsements {
        body["uvm_endorsements"] = json!(endorsements);
    }
    body
}
