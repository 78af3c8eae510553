//! Private records: written in clear by the client, encrypted in the ledger.

use coco_app::{
    Call, Caller, Context, Description, Endpoint, ErrorCode, Forwarding, Method, Policy, Redirection, Reject,
    Response, Schema, Status, media,
};
use coco_kv::Reader as _;
use coco_tables::users::Users;
use coco_wire::TableName;
use serde::Serialize;

use crate::{
    ANYONE, Answer, USERS,
    records::{self, Message, Record, Records, key, of_record, takes_batch, takes_record},
};

/// Longest wait for commit of the endpoints that answer then, in milliseconds.
const COMMIT_WAIT_MS: u64 = 60_000;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let private = Records::private();
    let writes = |path, policies: &[Policy], handler| {
        Endpoint::write(Method::Post, path, policies, private.handler(handler)).describe(takes_record())
    };
    let reads = |path| {
        Endpoint::read(Method::Get, path, USERS, private.handler(get)).describe(of_record(Message::schema()))
    };
    let all = |answer| Description::json(None, Some(answer));
    vec![
        writes("/log/private", USERS, post),
        writes("/log/private/batch", USERS, post_batch).describe(takes_batch()),
        reads("/log/private"),
        reads("/log/private/backup").redirection(Redirection::ToBackup),
        Endpoint::write(Method::Delete, "/log/private", USERS, private.handler(delete))
            .describe(of_record(Schema::boolean())),
        Endpoint::write(Method::Delete, "/log/private/all", USERS, private.handler(records::clear))
            .describe(all(Schema::boolean())),
        Endpoint::read(Method::Get, "/log/private/count", USERS, private.handler(records::count))
            .forwarding(Forwarding::Always)
            .redirection(Redirection::ToPrimary)
            .describe(all(Schema::uint64())),
        writes("/log/blocking/private", USERS, post).at_commit(COMMIT_WAIT_MS),
        writes("/log/private/optional_commit", USERS, post)
            .at_commit_if("wait_for_commit", COMMIT_WAIT_MS)
            .describe(takes_record().optional_query("wait_for_commit", Schema::boolean())),
        writes("/log/private/anonymous", ANYONE, post_anonymously),
        writes("/log/private/anonymous/v2", ANYONE, post_for_txid)
            .describe(Description::json(Some(Record::schema()), Some(Written::schema()))),
        writes("/log/private/prefix_cert", &[Policy::UserCert], post_with_user),
        writes("/log/private/admin_only", &[Policy::UserCert], post_as_admin),
        Endpoint::write(Method::Post, "/log/private/raw_text/{id}", USERS, private.handler(post_text)),
    ]
}

fn post(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let record = Record::of(call)?;
    records::put(cx.tx, table, record.id, &record.msg);
    Ok(Response::json(Status::OK, &true))
}

/// All records in one transaction: all are written or none, and there is one receipt for them.
fn post_batch(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    for record in Record::batch_of(call)? {
        records::put(cx.tx, table, record.id, &record.msg);
    }
    Ok(Response::json(Status::OK, &true))
}

fn get(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let id = call.request().number("id")?;
    let record = cx.tx.get(table, &key(id)).ok_or_else(|| records::no_such_record(id))?;
    Ok(Response::json(Status::OK, &Message { msg: records::text(&record)? }))
}

/// Answers whether there was a record.
fn delete(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let key = key(call.request().number("id")?);
    let had = cx.tx.has(table, &key);
    cx.tx.remove(table, key.as_slice());
    Ok(Response::json(Status::OK, &had))
}

fn post_anonymously(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let record = Record::of(call)?;
    records::put(cx.tx, table, record.id, &format!("Anonymous: {}", record.msg));
    Ok(Response::json(Status::OK, &true))
}

/// Answer that names the transaction in its body too.
#[derive(Serialize)]
struct Written {
    success: bool,
    /// Empty; filled in once the write has its place.
    tx_id: &'static str,
}

impl Written {
    fn schema() -> Schema {
        let fields = vec![("success", Schema::boolean()), ("tx_id", Schema::string())];
        Schema::object("LoggingPut__Out", fields, vec![])
    }
}

/// With `fail=true`, shows that a write may be kept although its answer is an error.
fn post_for_txid(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let record = Record::of(call)?;
    records::put(cx.tx, table, record.id, &record.msg);
    if call.request().parameter("fail").as_deref() == Some("true") {
        cx.keep_writes = Some(true);
        return Err(Reject::internal("Failed to execute local commit handler func: didn't set user_data!"));
    }
    Ok(Response::json_with_txid(Status::OK, &Written { success: true, tx_id: "" }))
}

fn post_with_user(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let Caller::User(user) = &call.caller else { return Err(Reject::internal("The caller is no user.")) };
    let record = Record::of(call)?;
    records::put(cx.tx, table, record.id, &format!("{}: {}", user.to_hex(), record.msg));
    Ok(Response::json(Status::OK, &true))
}

/// Only for users whose data, set by the members, says `{"isAdmin": true}`.
fn post_as_admin(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let Caller::User(user) = &call.caller else { return Err(Reject::internal("The caller is no user.")) };
    let info = Users::default().info.get(cx.tx, user).map_err(|error| {
        let user = user.to_hex();
        Reject::internal(format!("Failed to get user data for user {user}: {error}"))
    })?;
    if info.is_none_or(|info| info.user_data["isAdmin"] != true) {
        let text = "Only admins may access this endpoint.";
        return Err(Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, text));
    }
    post(table, call, cx)
}

fn post_text(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let sent = call.request().headers.text("content-type").unwrap_or("");
    if sent != media::TEXT {
        let text = format!("Expected content-type '{}'. Got '{sent}'.", media::TEXT);
        return Err(Reject::new(Status::UNSUPPORTED_MEDIA_TYPE, ErrorCode::InvalidHeaderValue, text));
    }
    let id = call.parameter(0)?;
    let id = id.parse().ok().filter(|_| !id.starts_with('+')).ok_or_else(|| {
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidResourceName, "The ID in the path is no number.")
    })?;
    let msg = str::from_utf8(&call.request().body)
        .map_err(|_| Reject::invalid_input("The log message is not UTF-8."))?;
    records::put(cx.tx, table, id, msg);
    Ok(Response::empty(Status::OK))
}
