//! Snapshots that operators ask for.

use coco_app::{Call, Context, Endpoint, Method, Redirection, Reject, Response, Status};
use coco_tables::{signatures::ASKED_FOR, value::Present};

use super::Admin;

/// Path of requests for a snapshot.
pub(crate) const CREATE: &str = "/node/snapshot:create";

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let admin = admin.clone();
    let create =
        Endpoint::write(Method::Post, "/snapshot:create", &[], move |call, cx| create(&admin, call, cx));
    vec![create.redirection(Redirection::ToPrimary).hidden()]
}

/// Has all nodes make a snapshot at the next signature, as the action `trigger_snapshot` does. An interface takes such
/// requests only if its configuration says so.
fn create(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    admin.tables.signatures.snapshot_requests.put(cx.tx, ASKED_FOR, &Present);
    Ok(Response::empty(Status::OK))
}
