//! Header `Prefer` (RFC 7240): what [`RestAdapter`](crate::RestAdapter) makes of it. CCF has no such preferences.

use serde_json::{Value, json};

use crate::endpoint::EndpointMode;

/// Names of the components.
const COMMIT: &str = "PreferCommit";
const CONSISTENCY: &str = "PreferConsistency";

/// What a client may prefer of such an endpoint, as an entry of an operation's `parameters`.
pub(super) fn parameter(mode: EndpointMode) -> Option<Value> {
    let name = match mode {
        EndpointMode::Write => COMMIT,
        EndpointMode::Read => CONSISTENCY,
        EndpointMode::Host | EndpointMode::Receipt | EndpointMode::Historical => return None,
    };
    Some(json!({ "$ref": format!("#/components/parameters/{name}") }))
}

/// The header as components: once for writes and once for reads.
pub(super) fn components() -> Value {
    let header = |description: &str, example: &str| {
        json!({
            "in": "header",
            "name": "Prefer",
            "required": false,
            "description": description,
            "schema": { "type": "string" },
            "example": example,
        })
    };
    json!({
        COMMIT: header(
            "`wait=SECONDS`, at most 60: the answer is sent once the transaction is committed, and then has the header \
             `Preference-Applied`; at the end of that time it is sent in any case.",
            "wait=10",
        ),
        CONSISTENCY: header(
            "`consistency=linearizable`: the answer shows everything that was committed before the request was sent, and \
             then has the header `Preference-Applied`. `wait=SECONDS`, at most 60, says how long that may take, 3 \
             otherwise; the request is answered 503 at the end of that time.",
            "consistency=linearizable, wait=10",
        ),
    })
}
