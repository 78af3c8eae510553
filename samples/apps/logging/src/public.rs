//! Public records: readable in the ledger, with entity tags and claims.

use coco_app::{
    Call, Context, Description, Endpoint, Forwarding, Method, Redirection, Response, Schema, Status,
};
use coco_crypto::hash::sha256;
use coco_kv::Reader as _;
use coco_wire::TableName;

use crate::{
    Answer, USERS,
    etag::{Condition, Verdict, etag, precondition_failed},
    records::{self, Message, Record, Records, key, of_record, takes_record},
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let public = Records::public();
    let reads = |path| {
        Endpoint::read(Method::Get, path, USERS, public.handler(get)).describe(of_record(Message::schema()))
    };
    let all = |answer| Description::json(None, Some(answer));
    vec![
        Endpoint::write(Method::Post, "/log/public", USERS, public.handler(post)).describe(takes_record()),
        reads("/log/public"),
        reads("/log/public/backup").redirection(Redirection::ToBackup),
        Endpoint::write(Method::Delete, "/log/public", USERS, public.handler(delete))
            .describe(of_record(Schema::boolean())),
        Endpoint::write(Method::Delete, "/log/public/all", USERS, public.handler(records::clear))
            .describe(all(Schema::boolean())),
        Endpoint::read(Method::Get, "/log/public/count", USERS, public.handler(records::count))
            .forwarding(Forwarding::Always)
            .redirection(Redirection::ToPrimary)
            .describe(all(Schema::uint64())),
    ]
}

/// A condition is about the record that is replaced; where there is none, it holds.
fn post(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let record = Record::of(call)?;
    let condition = Condition::of(&call.request().headers)?;
    // Only a conditional write depends on what was there.
    if !matches!(condition, Condition::None) {
        let current = cx.tx.get(table, &key(record.id));
        if current.is_some_and(|current| condition.check(&current) != Verdict::Holds) {
            return Err(precondition_failed());
        }
    }
    records::put(cx.tx, table, record.id, &record.msg);
    if record.record_claim {
        cx.claims = Some(sha256(record.msg.as_bytes()));
    }
    Ok(Response::json(Status::OK, &true).header("etag", etag(record.msg.as_bytes())))
}

fn get(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let request = call.request();
    let id = request.number("id")?;
    let record = cx.tx.get(table, &key(id)).ok_or_else(|| records::no_such_record(id))?;
    match Condition::of(&request.headers)?.check(&record) {
        Verdict::Changed => Err(precondition_failed()),
        Verdict::Unchanged => Ok(Response::empty(Status::NOT_MODIFIED)),
        Verdict::Holds => {
            let response = Response::json(Status::OK, &Message { msg: records::text(&record)? });
            Ok(response.header("etag", etag(&record)))
        }
    }
}

/// Answers whether there was a record.
fn delete(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let request = call.request();
    let key = key(request.number("id")?);
    let current = cx.tx.get(table, &key);
    if let Some(record) = &current {
        match Condition::of(&request.headers)?.check(record) {
            Verdict::Changed => return Err(precondition_failed()),
            Verdict::Unchanged => return Ok(Response::empty(Status::NOT_MODIFIED)),
            Verdict::Holds => {}
        }
    }
    cx.tx.remove(table, key.as_slice());
    Ok(Response::json(Status::OK, &current.is_some()))
}
