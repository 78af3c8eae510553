//! Members fetch their recovery shares.

use coco_app::{Call, Context, ErrorCode, Reject, Response, Status};
use coco_tables::service::ServiceStatus;
use serde_json::json;

use crate::{
    adapter::Governance,
    gate::{Signed, internal, member_id},
};

/// The share of a member, encrypted to the member's key.
pub(crate) fn encrypted_share(
    governance: &Governance,
    call: &Call,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let member = member_id(call, 0)?;
    let shares = governance.tables.secrets.recovery_shares.get(&*cx.tx).map_err(internal)?;
    let share = shares.and_then(|mut shares| shares.encrypted_shares.remove(&member));
    let share = share
        .ok_or_else(|| Reject::not_found(format!("Recovery share not found for member m[{member}].")))?;
    Ok(Response::json(Status::OK, &json!({ "memberId": member, "encryptedShare": share })))
}

/// Refuses a share: the service has its ledger secret.
pub(crate) fn submit(
    governance: &Governance,
    _: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let info = governance.tables.service.info.get(&*cx.tx).map_err(internal)?;
    if info.is_some_and(|info| info.status == ServiceStatus::WaitingForRecoveryShares) {
        let text = "This node cannot recover a ledger secret.";
        return Err(Reject::new(Status::NOT_IMPLEMENTED, ErrorCode::NotImplemented, text));
    }
    let text = "Service is not waiting for recovery shares.";
    Err(Reject::new(Status::FORBIDDEN, ErrorCode::ServiceNotWaitingForRecoveryShares, text))
}
