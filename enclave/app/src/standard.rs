//! Endpoints that the application and the node interface both have.

use coco_wire::{TxId, View};
use serde_json::json;

use crate::{
    adapter::Call,
    context::{Chain, Context},
    endpoint::{Endpoint, EndpointMode},
    error::{ErrorCode, Reject},
    openapi::{Content, Description, Schema},
    request::{Method, Response, Status, media, parse_txid},
};

/// `/commit`, `/tx`, `/local_tx`, `/receipt` and `/receipt/cose`.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let status = || Schema::one_of("TxStatus", &["Unknown", "Pending", "Committed", "Invalid"]);
    let tx_out = Schema::object(
        "GetTxStatus__Out",
        vec![("transaction_id", Schema::transaction_id()), ("status", status())],
        vec![],
    );
    let commit_out = Schema::object(
        "GetCommit__Out",
        vec![("transaction_id", Schema::transaction_id())],
        vec![("view_history", Schema::array(Schema::transaction_id()))],
    );
    let cose = Content { media_type: media::COSE, schema: Schema::string() };
    vec![
        Endpoint::read(Method::Get, "/commit", &[], commit).describe(
            Description::json(None, Some(commit_out))
                .says(
                    "Current commit level",
                    "Latest transaction ID that has been committed on the service",
                )
                .optional_query("view_history", Schema::boolean())
                .optional_query("view_history_since", Schema::uint64()),
        ),
        Endpoint::read(Method::Get, "/tx", &[], tx).describe(
            Description::json(None, Some(tx_out))
                .says(
                    "Current status of a transaction",
                    "Possible statuses returned are Unknown, Pending, Committed or Invalid.",
                )
                .query("transaction_id", Schema::transaction_id()),
        ),
        Endpoint::read(Method::Get, "/local_tx", &[], tx).hidden(),
        Endpoint::read(Method::Get, "/receipt", &[], receipt).mode(EndpointMode::Receipt).describe(
            Description::json(None, Some(Schema::json()))
                .says(
                    "Receipt for a transaction",
                    "A signed statement from the service over a transaction entry in the ledger",
                )
                .query("transaction_id", Schema::transaction_id()),
        ),
        Endpoint::read(Method::Get, "/receipt/cose", &[], cose_receipt).mode(EndpointMode::Receipt).describe(
            Description { response: Some(cose), ..Description::default() }
                .says(
                    "COSE receipt for a transaction",
                    "A signed statement from the service over a transaction entry in the ledger, as COSE_Sign1",
                )
                .query("transaction_id", Schema::transaction_id()),
        ),
    ]
}

/// `/api`, which answers with `document`.
pub(crate) fn api_endpoint(document: Response) -> Endpoint {
    Endpoint::read(Method::Get, "/api", &[], move |_, _| Ok(document.clone()))
        .describe(Description::json(None, Some(Schema::json())).says("OpenAPI schema", ""))
}

fn commit(call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let request = call.request();
    let chain = cx.services.chain();
    let mut body = json!({ "transaction_id": chain.committed });
    if let Some(since) = request.parameter("view_history_since") {
        let since = since.parse().map(View).map_err(|_| invalid_view(Status::BAD_REQUEST))?;
        body["view_history"] = json!(history_since(chain, since)?);
    }
    match request.parameter("view_history").as_deref() {
        Some("true") => body["view_history"] = json!(history_since(chain, View(1))?),
        Some("false") | None => {}
        Some(_) => {
            let message = "Invalid value for view_history, must be one of [true, false] when present";
            let code = ErrorCode::InvalidQueryParameterValue;
            return Err(Reject::new(Status::BAD_REQUEST, code, message));
        }
    }
    Ok(Response::json(Status::OK, &body))
}

/// Where each view begins. One without a transaction begins where the next one does, as in CCF: so does the first.
fn history_since(chain: &Chain, since: View) -> Result<Vec<TxId>, Reject> {
    if since.0 < 1 {
        return Err(invalid_view(Status::BAD_REQUEST));
    }
    let mut from = since.0;
    let mut history = Vec::new();
    for (view, seqno) in chain.views.iter().filter(|(view, _)| *view >= since) {
        history.extend((from..=view.0).map(|view| TxId { view: View(view), seqno: *seqno }));
        from = view.0 + 1;
    }
    if history.is_empty() { Err(invalid_view(Status::NOT_FOUND)) } else { Ok(history) }
}

fn invalid_view(status: Status) -> Reject {
    let message = "Invalid value for view_history_since, must be in range [1, current_term]";
    Reject::new(status, ErrorCode::InvalidQueryParameterValue, message)
}

fn tx(call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let refuse = |message| Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message);
    let text = call
        .request()
        .parameter("transaction_id")
        .ok_or_else(|| refuse("Missing query parameter 'transaction_id'".to_owned()))?;
    let txid = parse_txid(&text).ok_or_else(|| {
        refuse(format!(
            "The value '{text}' passed as query parameter 'transaction_id' could not be converted to a valid \
             Transaction ID."
        ))
    })?;
    let status = cx.services.chain().status(txid);
    Ok(Response::json(Status::OK, &json!({ "transaction_id": txid, "status": status })))
}

fn receipt(_: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let historical = cx.historical()?;
    match &historical.receipt.json {
        Some(receipt) => Ok(Response::with_body(Status::OK, media::JSON, receipt.encode())),
        None => Err(Reject::not_found("The ledger carries COSE signatures only: ask for /receipt/cose.")),
    }
}

fn cose_receipt(_: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let historical = cx.historical()?;
    match &historical.receipt.cose {
        Some(receipt) => Ok(Response::with_body(Status::OK, media::COSE, receipt.clone())),
        None => Err(Reject::not_found("No COSE receipt is available for this transaction.")),
    }
}
