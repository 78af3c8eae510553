//! An index of the application's own: private records as of the last committed transaction.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_app::{
    Call, CommitObserver, Committed, Context, Description, Endpoint, ErrorCode, IndexStatus, Method,
    Response, Status, media,
};
use coco_wire::{Key, Seqno, TxId, Value, View};
use serde_json::json;

use crate::{
    ANYONE, Answer,
    records::{self, Message, PRIVATE, of_record},
};

/// The index, while it is installed.
#[derive(Default)]
pub(crate) struct CommittedRecords(Mutex<Option<Content>>);

struct Content {
    records: BTreeMap<Key, Value>,
    /// Last transaction seen.
    to: Seqno,
}

impl CommittedRecords {
    fn lock(&self) -> MutexGuard<'_, Option<Content>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitObserver for CommittedRecords {
    fn index(&self, committed: &Committed<'_>) {
        if let Some(content) = self.lock().as_mut().filter(|content| content.to < committed.seqno) {
            for (key, value) in committed.writes.table(PRIVATE).into_iter().flatten() {
                match value {
                    Some(value) => content.records.insert(key.clone(), value.clone()),
                    None => content.records.remove(key),
                };
            }
            content.to = committed.seqno;
        }
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        let status = |content: &Content| IndexStatus {
            name: format!("CommittedRecords {PRIVATE}"),
            next: Seqno(content.to.0 + 1),
        };
        self.lock().iter().map(status).collect()
    }
}

pub(crate) fn endpoints(index: &Arc<CommittedRecords>) -> Vec<Endpoint> {
    let on = |handler: fn(&CommittedRecords, &Call, &Context<'_>) -> Answer| {
        let index = Arc::clone(index);
        move |call: &Call, cx: &mut Context<'_>| handler(&index, call, cx)
    };
    vec![
        Endpoint::read(Method::Post, "/log/private/install_committed_index", ANYONE, on(install))
            .describe(Description::no_content()),
        Endpoint::read(Method::Post, "/log/private/uninstall_committed_index", ANYONE, on(uninstall))
            .describe(Description::no_content()),
        Endpoint::read(Method::Get, "/log/private/committed", ANYONE, on(get))
            .describe(of_record(Message::schema())),
    ]
}

/// Begins with what is committed from now on.
fn install(index: &CommittedRecords, _: &Call, cx: &Context<'_>) -> Answer {
    let mut content = index.lock();
    if content.is_some() {
        return Ok(refused("Already installed"));
    }
    *content = Some(Content { records: BTreeMap::new(), to: cx.services.chain().committed.seqno });
    Ok(Response::empty(Status::OK))
}

fn uninstall(index: &CommittedRecords, _: &Call, _: &Context<'_>) -> Answer {
    match index.lock().take() {
        Some(_) => Ok(Response::empty(Status::OK)),
        None => Ok(refused("Not currently installed")),
    }
}

fn get(index: &CommittedRecords, call: &Call, cx: &Context<'_>) -> Answer {
    let id = call.request().number("id")?;
    let content = index.lock();
    let Some(content) = content.as_ref() else { return Ok(refused("Not currently installed")) };
    if let Some(record) = content.records.get(records::key(id).as_slice()) {
        return Ok(Response::json(Status::OK, &Message { msg: records::text(record)? }));
    }
    // Says how far the index is, so that the client knows whether to ask again.
    let view = cx.services.chain().view_of(content.to).unwrap_or(View(0));
    let error = json!({
        "code": ErrorCode::ResourceNotFound,
        "message": format!("No such record: {id}."),
        "current_txid": TxId { view, seqno: content.to }.to_string(),
    });
    Ok(Response::json(Status::BAD_REQUEST, &json!({ "error": error })))
}

fn refused(text: &str) -> Response {
    Response::with_body(Status::PRECONDITION_FAILED, media::TEXT, text.into())
}
