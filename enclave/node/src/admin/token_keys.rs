//! `/node/jwt_keys`: the primary stores the keys of token issuers that it fetched, and counts how often it did.

use coco_app::{
    Call, Caller, Context, Endpoint, Forwarding, Method, Policy, Redirection, Reject, Response, Schema,
    jwt::set_signing_keys,
};
use coco_crypto::Certificate;
use serde_json::json;

use super::{Admin, ok};
use crate::token_keys::{PATH, Refresh};

/// Most characters of a reason that are logged: part of it is an issuer's word.
const MAX_REASON: usize = 200;

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let counts = ["attempts", "successes", "failures"].map(|name| (name, Schema::uint64()));
    let storing = admin.clone();
    vec![
        admin.get(
            "/jwt_keys/refresh/metrics",
            Schema::object("JWTRefreshMetrics", counts.into(), vec![]),
            |admin, _, _| Ok(ok(&json!(admin.shared.refreshing.metrics()))),
        ),
        Endpoint::write(Method::Post, PATH, &[Policy::AnyCert], move |call, cx| refresh(&storing, call, cx))
            .forwarding(Forwarding::Never)
            .redirection(Redirection::None)
            .hidden(),
    ]
}

/// All errors are the node's own: nobody else has a reason to ask.
fn refresh(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let primary = admin.primary().ok_or_else(|| Reject::internal("Primary is unknown"))?;
    let caller = match &call.caller {
        Caller::AnyCertificate(_, der, _) => Certificate::from_der(der).ok(),
        _ => None,
    };
    if caller.is_none_or(|caller| caller.public_key().id() != primary) {
        return Err(Reject::internal("Request does not originate from primary."));
    }
    let Refresh { issuer, jwks } = serde_json::from_slice(&call.request().body)
        .map_err(|_| Reject::internal("Unable to parse body."))?;
    let tables = &admin.tables.jwt;
    let known = tables.issuers.get(&*cx.tx, &issuer)?;
    let known = known.ok_or_else(|| Reject::internal(format!("{issuer} is not a valid issuer.")))?;
    if !known.auto_refresh {
        return Err(Reject::internal(format!("{issuer} does not have auto_refresh enabled.")));
    }
    set_signing_keys(tables, cx.tx, &issuer, &jwks).map_err(|error| {
        let reason: String = error.to_string().chars().take(MAX_REASON).collect();
        admin.shared.log.fail(format_args!("Keys of token issuer {issuer} are not stored: {reason}"));
        Reject::internal(format!("Error while storing signing keys for issuer {issuer}."))
    })?;
    Ok(ok(&json!(true)))
}
