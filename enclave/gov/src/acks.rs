//! Members acknowledge the state of the service, which makes them active.

use coco_app::{Call, Context, ErrorCode, Reject, Response, Status};
use coco_tables::{
    members::MemberStatus,
    service::{ServiceInfo, ServiceStatus},
};
use coco_wire::{Digest, text::Base64};
use serde_json::json;

use crate::{
    adapter::Governance,
    gate::{Signed, internal},
};

/// The state that a member was asked to acknowledge last.
pub(crate) fn get(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let text = call.parameter(0)?;
    let acks = &governance.tables.members.acks;
    let ack = match text.parse::<Digest>() {
        Ok(member) => acks.get(&*cx.tx, &member).map_err(internal)?,
        Err(_) => None,
    };
    let ack = ack.ok_or_else(|| Reject::not_found(no_record(&text)))?;
    Ok(Response::json(Status::OK, &json!({ "memberId": text, "stateDigest": ack.state_digest })))
}

/// Sets the state to acknowledge to the last one that the service signed.
pub(crate) fn update(
    governance: &Governance,
    signed: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let member = signer_in_path(signed)?;
    let root = cx.services.root();
    if root == Digest::ZERO {
        return Err(Reject::internal("Service has no signatures to ack yet - try again soon."));
    }
    let acks = &governance.tables.members.acks;
    let mut ack = acks.get(&*cx.tx, &member).map_err(internal)?.unwrap_or_default();
    ack.state_digest = root.to_hex();
    acks.put(cx.tx, &member, &ack);
    Ok(Response::json(Status::OK, &json!({ "memberId": member, "stateDigest": ack.state_digest })))
}

/// Records that the member acknowledged that state, and activates the member. A new recovery member of an open
/// service gets a share at once.
pub(crate) fn ack(
    governance: &Governance,
    signed: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let member = signer_in_path(signed)?;
    let tables = &governance.tables;
    let ack = tables.members.acks.get(&*cx.tx, &member).map_err(internal)?;
    let mut ack = ack.ok_or_else(|| {
        Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, no_record(&member.to_hex()))
    })?;
    let (expected, received) = (&ack.state_digest, signed.text_field("stateDigest")?);
    if received != *expected {
        let message =
            format!("Submitted state digest is not valid.\nExpected\n {expected}\nReceived\n {received}");
        return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::StateDigestMismatch, message));
    }
    ack.signed_req = None;
    ack.cose_sign1_req = Some(Base64(signed.message.envelope.clone()));
    tables.members.acks.put(cx.tx, &member, &ack);

    let newly_active = activate(governance, &member, cx)?;
    if newly_active && tables.members.encryption_public_keys.has(&*cx.tx, &member) {
        let service = service_info(governance, cx)?;
        if service.status == ServiceStatus::Open {
            governance
                .refresh_shares(cx.tx)
                .map_err(|refusal| internal(format!("Error issuing new recovery shares: {refusal}")))?;
        }
    }
    Ok(Response::empty(Status::NO_CONTENT))
}

/// Whether the member was not active before.
fn activate(governance: &Governance, member: &Digest, cx: &mut Context<'_>) -> Result<bool, Reject> {
    let infos = &governance.tables.members.info;
    let mut info = infos.get(&*cx.tx, member).map_err(internal)?.ok_or_else(|| {
        internal(format!(
            "Error activating member: Member m[{member}] cannot be activated as they do not exist"
        ))
    })?;
    let newly_active = info.status != MemberStatus::Active;
    info.status = MemberStatus::Active;
    infos.put(cx.tx, member, &info);
    Ok(newly_active)
}

fn service_info(governance: &Governance, cx: &Context<'_>) -> Result<ServiceInfo, Reject> {
    let info = governance.tables.service.info.get(&*cx.tx).map_err(internal)?;
    info.ok_or_else(|| Reject::internal("No service currently available."))
}

fn signer_in_path(signed: &Signed<'_>) -> Result<Digest, Reject> {
    let named = signed.call.parameter(0)?;
    let signer = signed.member;
    if *named == *signer.to_hex() {
        return Ok(signer);
    }
    let message = format!(
        "Member ID from path parameter (m[{named}]) does not match member ID from body signature (m[{signer}])."
    );
    Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidAuthenticationInfo, message))
}

fn no_record(member: &str) -> String {
    format!("No ACK record exists for member m[{member}].")
}
