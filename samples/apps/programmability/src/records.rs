//! Native endpoints, to show that they live beside those in JavaScript: records of bytes under a name.

use std::collections::BTreeMap;

use coco_app::{
    Call, Context, Description, Endpoint, ErrorCode, Forwarding, Method, Policy, Redirection, Reject,
    Response, Schema, Status, media,
};
use coco_kv::Table;
use coco_tables::value::JsonText;
use coco_wire::text::Base64;

use crate::Answer;

/// Table of the records. Keys and values are JSON, as those of CCF's typed tables are.
pub(crate) const TABLE: &str = "programmability.records";

const USERS: &[Policy] = &[Policy::UserCert];

fn records() -> Table<JsonText, Base64> {
    Table::new(TABLE)
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::write(Method::Put, "/records/{key}", USERS, put)
            .forwarding(Forwarding::Never)
            .redirection(Redirection::ToPrimary),
        Endpoint::read(Method::Get, "/records/{key}", USERS, get)
            .forwarding(Forwarding::Never)
            .describe(Description::text()),
        Endpoint::write(Method::Post, "/records", USERS, post)
            .describe(Description::json(Some(Schema::json()), None)),
    ]
}

fn put(call: &Call, cx: &mut Context<'_>) -> Answer {
    let key = JsonText(call.parameter(0)?.into_owned());
    records().put(cx.tx, &key, &Base64(call.request().body.to_vec()));
    Ok(Response::empty(Status::NO_CONTENT))
}

fn get(call: &Call, cx: &mut Context<'_>) -> Answer {
    let key = JsonText(call.parameter(0)?.into_owned());
    match records().get(cx.tx, &key)? {
        Some(Base64(record)) => Ok(Response::with_body(Status::OK, media::TEXT, record)),
        None => Err(Reject::new(Status::NOT_FOUND, ErrorCode::InvalidResourceName, "No such key")),
    }
}

/// Takes a JSON object of texts.
fn post(call: &Call, cx: &mut Context<'_>) -> Answer {
    let sent: BTreeMap<String, String> = call.json()?;
    for (key, text) in sent {
        records().put(cx.tx, &JsonText(key), &Base64(text.into_bytes()));
    }
    Ok(Response::empty(Status::NO_CONTENT))
}
