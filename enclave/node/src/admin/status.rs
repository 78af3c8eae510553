//! This node: its stage, version, readiness and first certificate, and whether it is the primary.

use coco_app::{Call, Context, Description, Endpoint, Forwarding, Method, Reject, Response, Schema, Status};
use serde_json::json;

use super::{Admin, ok, redirect::to_primary, schemas};
use crate::view::{Stage, State};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let own = |method, path, handle| admin.read(method, path, handle).forwarding(Forwarding::Never);
    let no_content = || Description::default().status(Status::NO_CONTENT);
    let certificate = Schema::object(
        "SelfSignedNodeCertificateInfo",
        vec![("self_signed_certificate", schemas::pem())],
        vec![],
    );
    vec![
        admin.get_own("/state", state_schema(), state),
        admin.get_own("/version", version_schema(), version),
        own(Method::Get, "/ready/app", ready_app).describe(no_content()),
        own(Method::Get, "/ready/gov", ready_gov).describe(no_content()),
        admin.get_own("/self_signed_certificate", certificate, self_signed_certificate),
        own(Method::Head, "/primary", head_primary),
        own(Method::Get, "/primary", primary),
        own(Method::Get, "/backup", backup),
    ]
}

fn state_schema() -> Schema {
    let stages = [
        "Uninitialized",
        "Initialized",
        "Pending",
        "PartOfPublicNetwork",
        "PartOfNetwork",
        "ReadingPublicLedger",
        "ReadingPrivateLedger",
    ];
    let required = vec![
        ("node_id", schemas::node_id()),
        ("state", Schema::one_of("ccf__NodeStartupState", &stages)),
        ("last_signed_seqno", Schema::uint64()),
        ("startup_seqno", Schema::uint64()),
        ("stop_notice", Schema::boolean()),
    ];
    let optional =
        vec![("last_recovered_seqno", Schema::uint64()), ("recovery_target_seqno", Schema::uint64())];
    Schema::object("GetState__Out", required, optional)
}

fn state(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    let state = admin.state();
    Ok(ok(&json!({
        "node_id": admin.node_id(),
        "state": state.stage.name(),
        "last_signed_seqno": state.signed.seqno,
        "startup_seqno": admin.shared.startup_seqno(),
        "stop_notice": state.stop_notice,
    })))
}

fn version_schema() -> Schema {
    let required = vec![
        ("ccf_version", Schema::string()),
        ("quickjs_version", Schema::string()),
        ("unsafe", Schema::boolean()),
    ];
    Schema::object("GetVersion__Out", required, vec![])
}

fn version(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(ok(&json!({
        "ccf_version": admin.facts.ccf_version,
        "quickjs_version": admin.facts.quickjs_version,
        "unsafe": admin.facts.unsafe_build,
    })))
}

fn ready_app(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    let state = admin.state();
    Ok(readiness(is_ready(&state) && state.open))
}

fn ready_gov(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(readiness(is_ready(&admin.state())))
}

/// Whether the node takes part in the service, and nobody announced that it will be stopped.
fn is_ready(state: &State) -> bool {
    state.stage == Stage::PartOfNetwork && !state.stop_notice
}

fn readiness(ready: bool) -> Response {
    Response::empty(if ready { Status::NO_CONTENT } else { Status::SERVICE_UNAVAILABLE })
}

fn self_signed_certificate(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(ok(&json!({ "self_signed_certificate": admin.shared.keys.self_signed.load().to_pem() })))
}

fn head_primary(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    if admin.state().primary {
        return Ok(Response::empty(Status::OK));
    }
    let location = to_primary(admin, call, cx, "/node/primary")?;
    Ok(Response::empty(Status::PERMANENT_REDIRECT).header("location", location))
}

fn primary(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    if admin.state().primary {
        Ok(Response::empty(Status::OK))
    } else {
        Err(Reject::not_found("Node is not primary"))
    }
}

fn backup(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    if admin.state().primary {
        Err(Reject::not_found("Node is not backup"))
    } else {
        Ok(Response::empty(Status::OK))
    }
}

pub(super) fn primary_unknown() -> Reject {
    Reject::internal("Primary unknown")
}
