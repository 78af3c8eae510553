//! What members configured, and the identity that the service had before a recovery.

use coco_app::{Call, Context, Endpoint, Reject, Response, Schema, Status};
use serde_json::json;

use super::{Admin, schemas};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let previous = Schema::object(
        "GetServicePreviousIdentity__Out",
        vec![("previous_service_identity", schemas::pem())],
        vec![],
    );
    vec![
        admin.get_own("/service/configuration", configuration_schema(), configuration),
        admin.get("/service/previous_identity", previous, previous_identity),
    ]
}

fn configuration_schema() -> Schema {
    let optional = vec![
        ("consensus", Schema::one_of("ConsensusType", &["CFT", "BFT"])),
        ("maximum_node_certificate_validity_days", Schema::uint64()),
        ("maximum_service_certificate_validity_days", Schema::uint64()),
        ("recent_cose_proposals_window_size", Schema::uint64()),
        ("reconfiguration_type", schemas::reconfiguration_type()),
    ];
    Schema::object("ServiceConfiguration", vec![("recovery_threshold", Schema::uint64())], optional)
}

fn configuration(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let configuration = admin.tables.service.config.get(cx.tx)?;
    Ok(match configuration {
        Some(configuration) => Response::json(Status::OK, &configuration),
        None => Response::empty(Status::NO_CONTENT),
    })
}

fn previous_identity(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let identity = admin
        .tables
        .service
        .previous_identity
        .get(cx.tx)?
        .ok_or_else(|| Reject::not_found("This service is not a recovery of a previous service."))?;
    Ok(super::ok(&json!({ "previous_service_identity": identity })))
}
