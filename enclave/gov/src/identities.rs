//! Members, users and nodes as the API shows them.

use coco_app::{Call, Context, Reject, Response, Status};
use coco_kv::Tx;
use coco_tables::{
    members::{MemberInfo, RecoveryRole},
    nodes::{NodeInfo, QuoteFormat, QuoteInfo},
};
use coco_wire::{
    Digest,
    text::{decode_hex, encode_base64},
};
use serde_json::{Value, json};

use crate::{
    adapter::Governance,
    gate::{entity_id, internal, member_id},
};

/// All members.
pub(crate) fn members(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let mut value = Vec::new();
    for row in governance.tables.members.info.iter(&*cx.tx) {
        let (id, info) = row.map_err(internal)?;
        value.push(describe_member(governance, cx.tx, &id, &info)?);
    }
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

/// One member.
pub(crate) fn member(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = member_id(call, 0)?;
    let info = governance.tables.members.info.get(&*cx.tx, &id).map_err(internal)?;
    let info = info.ok_or_else(|| Reject::not_found(format!("Member m[{id}] does not exist.")))?;
    Ok(Response::json(Status::OK, &describe_member(governance, cx.tx, &id, &info)?))
}

/// All users.
pub(crate) fn users(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let mut value = Vec::new();
    for row in governance.tables.users.certs.iter(&*cx.tx) {
        let (id, certificate) = row.map_err(internal)?;
        value.push(describe_user(governance, cx.tx, &id, &certificate)?);
    }
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

/// One user.
pub(crate) fn user(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = entity_id(call, 0, "user")?;
    let certificate = governance.tables.users.certs.get(&*cx.tx, &id).map_err(internal)?;
    let certificate =
        certificate.ok_or_else(|| Reject::not_found(format!("User u[{id}] does not exist.")))?;
    Ok(Response::json(Status::OK, &describe_user(governance, cx.tx, &id, &certificate)?))
}

/// All nodes.
pub(crate) fn nodes(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let mut value = Vec::new();
    for row in governance.tables.nodes.info.iter(&*cx.tx) {
        let (id, info) = row.map_err(internal)?;
        value.push(describe_node(governance, cx.tx, &id, &info)?);
    }
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

/// One node.
pub(crate) fn node(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = entity_id(call, 0, "node")?;
    let info = governance.tables.nodes.info.get(&*cx.tx, &id).map_err(internal)?;
    let info = info.ok_or_else(|| Reject::not_found(format!("Node n[{id}] does not exist.")))?;
    Ok(Response::json(Status::OK, &describe_node(governance, cx.tx, &id, &info)?))
}

fn describe_member(
    governance: &Governance,
    tx: &Tx,
    id: &Digest,
    info: &MemberInfo,
) -> Result<Value, Reject> {
    let members = &governance.tables.members;
    let key = members.encryption_public_keys.get(tx, id).map_err(internal)?;
    let by_key = if key.is_some() { RecoveryRole::Participant } else { RecoveryRole::NonParticipant };
    let mut member = json!({
        "memberId": id,
        "status": info.status,
        "memberData": info.member_data,
        "recoveryRole": info.recovery_role.unwrap_or(by_key),
    });
    if let Some(certificate) = members.certs.get(tx, id).map_err(internal)? {
        member["certificate"] = certificate.into();
    }
    if let Some(key) = key {
        member["publicEncryptionKey"] = key.into();
    }
    Ok(member)
}

fn describe_user(governance: &Governance, tx: &Tx, id: &Digest, certificate: &str) -> Result<Value, Reject> {
    let info = governance.tables.users.info.get(tx, id).map_err(internal)?;
    Ok(json!({ "userId": id, "certificate": certificate, "userData": info }))
}

fn describe_node(governance: &Governance, tx: &Tx, id: &Digest, info: &NodeInfo) -> Result<Value, Reject> {
    let interfaces = info.network.rpc_interfaces.iter().map(|(name, interface)| {
        let mut described = json!({ "publishedAddress": interface.published_address });
        if let Some(protocol) = &interface.app_protocol {
            described["protocol"] = json!(protocol);
        }
        (name.clone(), described)
    });
    let mut node = json!({
        "nodeId": id,
        "status": info.status,
        "nodeData": info.node_data,
        "retiredCommitted": info.retired_committed,
        "quoteInfo": describe_quote(&info.quote_info)?,
        "rpcInterfaces": Value::Object(interfaces.collect()),
    });
    if let Some(certificate) = governance.tables.nodes.endorsed_certificates.get(tx, id).map_err(internal)? {
        node["certificate"] = certificate.into();
    }
    Ok(node)
}

fn describe_quote(info: &QuoteInfo) -> Result<Value, Reject> {
    let mut quote = json!({ "format": info.format });
    match info.format {
        QuoteFormat::OeSgxV1
        | QuoteFormat::IntelSgxDcapV1
        | QuoteFormat::IntelTdxV1
        | QuoteFormat::WindowsVbsV1
        | QuoteFormat::AzureCvmSnpV1
        | QuoteFormat::AwsNitroV1 => {
            quote["quote"] = json!(info.quote);
            quote["endorsements"] = json!(info.endorsements);
        }
        QuoteFormat::InsecureVirtual => {
            let details: Value = serde_json::from_slice(&info.quote.0).map_err(internal)?;
            quote["rawQuote"] = json!(info.quote);
            quote["details"] = json!({
                "measurement": details["measurement"],
                "reportData": details["report_data"],
                "hostData": details["host_data"],
            });
        }
        QuoteFormat::AmdSevSnpV1 => {
            if let Some(endorsements) = &info.uvm_endorsements {
                quote["uvmEndorsements"] = json!(endorsements);
            }
            if let Some(tcb) = &info.endorsed_tcb {
                quote["endorsedTcb"] = encode_base64(&decode_hex(tcb).map_err(internal)?).into();
            }
        }
    }
    Ok(quote)
}
