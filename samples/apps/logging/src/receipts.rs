//! Proofs that records are in the ledger, in the forms that clients ask for.

use coco_app::{
    Call, Context, Description, Endpoint, EndpointMode, Forwarding, Method, Reject, Response, Schema, Status,
    media,
};
use coco_kv::Reader as _;
use coco_wire::{
    TableName,
    receipt::{JsonReceipt, ReceiptLeaf},
    signature::{COSE_SIGNATURES, RootSignature, SINGLETON_KEY, decode_cose_value},
    text::encode_base64,
};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{
    Answer, USERS, history,
    records::{self, Records, of_record},
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let (private, public) = (Records::private(), Records::public());
    let proof = |path, handler: fn(&Call, &mut Context<'_>) -> Answer| {
        Endpoint::read(Method::Get, path, USERS, handler)
            .mode(EndpointMode::Historical)
            .forwarding(Forwarding::Never)
            .describe(Description::no_content())
    };
    let receipt_of = |path, records: &Records, handler| {
        Endpoint::read(Method::Get, path, USERS, records.handler(handler))
            .mode(EndpointMode::Historical)
            .forwarding(Forwarding::Never)
            .describe(of_record(Proved::schema()))
    };
    vec![
        receipt_of("/log/private/historical_receipt", &private, get_with_receipt),
        receipt_of("/log/public/historical_receipt", &public, get_with_receipt_of_claims),
        proof("/log/public/cbor_merkle_proof", cbor_merkle_proof),
        proof("/log/public/cose_receipt", cose_receipt),
        proof("/log/public/cose_signature", cose_signature).describe(fields(
            "LoggingGetCoseSignature__Out",
            "cose_signature",
            Schema::base64(),
        )),
        proof("/log/public/cose_endorsements", cose_endorsements).describe(fields(
            "LoggingGetCoseEndorsements__Out",
            "endorsements",
            Schema::array(Schema::base64()),
        )),
        proof("/cose_signatures_config", cose_signatures_config).mode(EndpointMode::Read),
    ]
}

fn fields(name: &str, field: &str, schema: Schema) -> Description {
    Description::json(None, Some(Schema::object(name, vec![(field, schema)], vec![])))
}

/// A record with its receipt.
#[derive(Serialize)]
struct Proved<'a> {
    msg: &'a str,
    receipt: Box<RawValue>,
}

impl Proved<'_> {
    fn schema() -> Schema {
        let fields = vec![("msg", Schema::string()), ("receipt", Schema::json())];
        Schema::object("LoggingGetReceipt__Out", fields, vec![])
    }
}

fn get_with_receipt(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    proved(table, call, cx, JsonReceipt::clone)
}

/// Leaves the digest of the claims out: who verifies the receipt has to compute it from the message.
fn get_with_receipt_of_claims(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    proved(table, call, cx, |receipt| {
        let mut receipt = receipt.clone();
        if let ReceiptLeaf::Components(components) = &mut receipt.leaf {
            components.claims_digest = None;
        }
        receipt
    })
}

fn proved(
    table: &TableName,
    call: &Call,
    cx: &Context<'_>,
    shown: fn(&JsonReceipt) -> JsonReceipt,
) -> Answer {
    let id = call.request().number("id")?;
    let historical = cx.historical()?;
    let Some(record) = history::written(historical, table, id) else {
        return Ok(Response::empty(Status::NO_CONTENT));
    };
    let receipt = historical.receipt.json.as_ref().map(shown).ok_or_else(|| missing("JSON receipt"))?;
    let receipt = serde_json::from_slice(&receipt.encode()).expect("a receipt is encoded as JSON");
    Ok(Response::json(Status::OK, &Proved { msg: records::text(record)?, receipt }))
}

fn cbor_merkle_proof(_: &Call, cx: &mut Context<'_>) -> Answer {
    let proof = cx.historical()?.receipt.cose_proof.clone().ok_or_else(|| missing("merkle proof"))?;
    Ok(Response::with_body(Status::OK, media::CBOR, proof))
}

fn cose_signature(_: &Call, cx: &mut Context<'_>) -> Answer {
    let receipt = &cx.historical()?.receipt;
    let signature = receipt.cose_signature.as_ref().ok_or_else(|| missing("COSE signature"))?;
    Ok(Response::json(Status::OK, &json!({ "cose_signature": encode_base64(signature) })))
}

fn cose_receipt(_: &Call, cx: &mut Context<'_>) -> Answer {
    let receipt = &cx.historical()?.receipt;
    let absent = if receipt.cose_signature.is_none() { "COSE signature" } else { "merkle proof" };
    let cose = receipt.cose.clone().ok_or_else(|| missing(absent))?;
    Ok(Response::with_body(Status::OK, media::COSE, cose))
}

fn cose_endorsements(_: &Call, cx: &mut Context<'_>) -> Answer {
    let receipt = &cx.historical()?.receipt;
    let endorsements = receipt.cose_endorsements.as_ref().ok_or_else(|| missing("COSE endorsements"))?;
    let endorsements: Vec<_> = endorsements.iter().map(|endorsement| encode_base64(endorsement)).collect();
    Ok(Response::json(Status::OK, &json!({ "endorsements": endorsements })))
}

fn missing(what: &str) -> Reject {
    Reject::not_found(format!("No {what} available for this transaction"))
}

/// Issuer and subject that the service signs under, as its last signature has them.
fn cose_signatures_config(_: &Call, cx: &mut Context<'_>) -> Answer {
    let header = cx
        .tx
        .get(&TableName::new(COSE_SIGNATURES), &SINGLETON_KEY)
        .and_then(|value| decode_cose_value(&value).ok())
        .and_then(|message| RootSignature::decode(&message).ok())
        .map(|signature| signature.header)
        .ok_or_else(|| Reject::internal("COSE signatures subsystem not available"))?;
    Ok(Response::json(Status::OK, &json!({ "issuer": header.issuer, "subject": header.subject })))
}
