//! What scripts of the application printed on this node, for active members. CCF has no such endpoint.

use std::{borrow::Cow, str::FromStr};

use coco_app::{
    Call, Caller, Context, Description, Endpoint, ErrorCode, Forwarding, Method, Policy, Reject, Response,
    Schema, Status, console::Query,
};
use coco_tables::members::MemberStatus;

use crate::{
    adapter::Governance,
    gate::{ApiVersion, internal, request_of},
};

/// Lines of an answer, unless the member says otherwise.
const DEFAULT_LINES: usize = 256;
/// Most lines of an answer, of at most 4 KiB each.
const MAX_LINES: usize = 1024;

/// The endpoint. Each node answers for itself.
pub(crate) fn endpoint(governance: &Governance) -> Endpoint {
    let governance = governance.clone();
    let path = "/coco/javascript-app/console";
    let endpoint = Endpoint::read(Method::Get, path, &[Policy::MemberCert], move |call, cx| {
        ApiVersion::First.asked(call)?;
        check_active(&governance, call, cx)?;
        let page = (governance.authority.application_console)(cx.tx.snapshot(), &query(call)?);
        Ok(Response::json(Status::OK, &page))
    });
    let description = Description::json(None, Some(Schema::json()))
        .says("What scripts of the application printed on this node", "")
        .query("api-version", Schema::string())
        .optional_query("endpoint", Schema::string())
        .optional_query("after", Schema::uint64())
        .optional_query("limit", Schema::uint64());
    endpoint.heavy().forwarding(Forwarding::Never).describe(description)
}

/// What scripts print may be confidential.
fn check_active(governance: &Governance, call: &Call, cx: &Context<'_>) -> Result<(), Reject> {
    let Caller::Member(member) = &call.caller else {
        return Err(internal("The policy of the endpoint admits members only."));
    };
    let info = governance.tables.members.info.get(&*cx.tx, member).map_err(internal)?;
    if info.is_some_and(|info| info.status == MemberStatus::Active) {
        return Ok(());
    }
    let text = "Only active members may read what the application printed.";
    Err(Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, text))
}

fn query(call: &Call) -> Result<Query, Reject> {
    let limit = number(call, "limit")?.unwrap_or(DEFAULT_LINES);
    let endpoint = request_of(call).parameter("endpoint").map(Cow::into_owned);
    Ok(Query { endpoint, after: number(call, "after")?, limit: limit.min(MAX_LINES) })
}

/// A query parameter that is a natural number.
fn number<T: FromStr>(call: &Call, name: &str) -> Result<Option<T>, Reject> {
    let Some(text) = request_of(call).parameter(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message = format!("The value '{text}' of the query parameter '{name}' is not a natural number.");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
    })
}
