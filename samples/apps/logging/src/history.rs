//! What records were: reads of committed transactions, one or many.

use std::sync::Arc;

use coco_app::{
    Call, Chain, Context, Description, Endpoint, EndpointMode, ErrorCode, Forwarding, Historical, Lookup,
    Method, Redirection, Reject, Response, Schema, Status, TxStatus, media,
};
use coco_kv::Reader as _;
use coco_wire::{Seqno, TableName, TxId, Value};
use serde::Serialize;

use crate::{
    Answer, USERS,
    records::{self, Message, Records, key, of_record},
};

/// Most records in one answer to a range.
const PAGE: usize = 1_000;

const RANGE: &str = "/log/public/historical/range";

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let (private, public) = (Records::private(), Records::public());
    let read = |path, handler| {
        Endpoint::read(Method::Get, path, USERS, private.handler(handler)).forwarding(Forwarding::Never)
    };
    let range_out = || Description::json(None, Some(Page::schema()));
    let number = Schema::uint64;
    vec![
        read("/log/private/historical", get)
            .mode(EndpointMode::Historical)
            .describe(of_record(Message::schema())),
        read("/log/private/historical/handle", get_receipt).describe(
            Description::json(None, Some(Schema::json())).query("handle", number()).query("seqno", number()),
        ),
        read("/log/private/historical/sparse", get_sparse)
            .redirection(Redirection::ToPrimary)
            .heavy()
            .describe(range_out().query("seqnos", Schema::string()).query("id", number())),
        Endpoint::read(Method::Get, RANGE, USERS, public.handler(get_range))
            .forwarding(Forwarding::Never)
            .redirection(Redirection::ToPrimary)
            .heavy()
            .describe(
                range_out()
                    .optional_query("from_seqno", number())
                    .optional_query("to_seqno", number())
                    .query("id", number()),
            ),
    ]
}

/// What `historical` wrote to a record, if it did.
pub(crate) fn written<'a>(historical: &'a Historical, table: &TableName, id: u64) -> Option<&'a Value> {
    historical.writes.table(table.as_str())?.get(key(id).as_slice())?.as_ref()
}

/// The record as the transaction wrote it; 204 if it wrote another.
fn get(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let id = call.request().number("id")?;
    match written(cx.historical()?, table, id) {
        Some(record) => Ok(Response::json(Status::OK, &Message { msg: records::text(record)? })),
        None => Ok(Response::empty(Status::NO_CONTENT)),
    }
}

/// The receipt of the transaction at a seqno. The handle, by which CCF's clients tell their requests apart, is not needed.
fn get_receipt(_: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    call.request().number("handle")?;
    let seqno = Seqno(call.request().number("seqno")?);
    if status_of(cx.services.chain(), seqno) != TxStatus::Committed {
        let text = "Requested historical TxID is not committed";
        return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, text));
    }
    match cx.services.history(&[seqno])? {
        Lookup::Loading => Ok(try_later("Pending".into())),
        Lookup::Found(found) => match found.first().and_then(|historical| historical.receipt.json.as_ref()) {
            Some(receipt) => Ok(Response::with_body(Status::OK, media::JSON, receipt.encode())),
            None => Ok(Response::empty(Status::NO_CONTENT)),
        },
    }
}

/// All that was written to a record between two seqnos, page by page.
fn get_range(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let request = call.request();
    let id = request.number("id")?;
    let from = Seqno(request.optional_number("from_seqno")?.unwrap_or(1));
    let to = match request.optional_number("to_seqno")? {
        Some(to) => Seqno(to),
        // The last write; of a record that is not there now, perhaps removed, all that is committed.
        None => {
            cx.tx.version_of_previous_write(table, &key(id)).unwrap_or(cx.services.chain().committed.seqno)
        }
    };
    if to < from {
        return Err(Reject::invalid_input(format!("Invalid range: Starts at {from} but ends at {to}")));
    }
    check_committed(cx.services.chain(), to)?;
    let index = cx
        .services
        .index(table.as_str())
        .ok_or_else(|| Reject::invalid_input("Records with a scope are not indexed."))?;
    let indexed_to = index.indexed_to();
    if indexed_to < to {
        let text =
            format!("Still constructing index for public records on key {id} - indexed to {indexed_to}/{to}");
        return Ok(try_later(text));
    }
    let mut seqnos = index.seqnos(&key(id), from, to, PAGE + 1);
    let next = if seqnos.len() > PAGE { seqnos.pop() } else { None };
    let Lookup::Found(found) = cx.services.history(&seqnos)? else {
        let text = format!("Historical transactions from {from} to {to} are not yet available, fetching now");
        return Ok(try_later(text));
    };
    if let Some(next) = next {
        // Begins to load the page that will be asked for; whether it is there does not matter yet.
        cx.services.history(&index.seqnos(&key(id), next, to, PAGE))?;
    }
    let next_link = next.map(|next| format!("/app{RANGE}?from_seqno={next}&to_seqno={to}&id={id}"));
    page(&found, table, id, next_link)
}

/// What was written to a record at each of the seqnos given.
fn get_sparse(table: &TableName, call: &Call, cx: &mut Context<'_>) -> Answer {
    let request = call.request();
    let id = request.number("id")?;
    let refuse = |text: String| Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, text);
    let list =
        request.parameter("seqnos").ok_or_else(|| refuse("Missing query parameter 'seqnos'".into()))?;
    let mut seqnos = Vec::new();
    for term in list.split(',') {
        let seqno = term.parse().ok().filter(|_| !term.starts_with('+'));
        seqnos.push(Seqno(seqno.ok_or_else(|| refuse(format!("Unable to parse '{term}' as a seqno")))?));
    }
    seqnos.sort_unstable();
    seqnos.dedup();
    check_committed(cx.services.chain(), seqnos.last().copied().unwrap_or_default())?;
    match cx.services.history(&seqnos)? {
        Lookup::Found(found) => page(&found, table, id, None),
        Lookup::Loading => {
            Ok(try_later("Historical transactions are not yet available, fetching now".into()))
        }
    }
}

/// Some of the writes to a record, and where the others are.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(rename = "@nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: u64,
    msg: &'a str,
    seqno: Seqno,
}

impl Page<'_> {
    fn schema() -> Schema {
        let fields = vec![("seqno", Schema::uint64()), ("id", Schema::uint64()), ("msg", Schema::string())];
        let entry = Schema::object("LoggingGetHistoricalRange__Entry", fields, vec![]);
        let entries = vec![("entries", Schema::array(entry))];
        Schema::object("LoggingGetHistoricalRange__Out", entries, vec![("@nextLink", Schema::string())])
    }
}

/// Lists what `found` wrote to the record; transactions that did not, or that removed it, are left out.
fn page(found: &[Arc<Historical>], table: &TableName, id: u64, next_link: Option<String>) -> Answer {
    let mut entries = Vec::new();
    for historical in found {
        if let Some(record) = written(historical, table, id) {
            entries.push(Entry { id, msg: records::text(record)?, seqno: historical.txid.seqno });
        }
    }
    Ok(Response::json(Status::OK, &Page { next_link, entries }))
}

fn check_committed(chain: &Chain, seqno: Seqno) -> Result<(), Reject> {
    match status_of(chain, seqno) {
        TxStatus::Committed => Ok(()),
        status => Err(Reject::invalid_input(format!(
            "Only committed transactions can be queried. Transaction at seqno {seqno} is {status:?}"
        ))),
    }
}

fn status_of(chain: &Chain, seqno: Seqno) -> TxStatus {
    chain.view_of(seqno).map_or(TxStatus::Unknown, |view| chain.status(TxId { view, seqno }))
}

/// 202: the ledger is being read.
fn try_later(text: String) -> Response {
    Response::with_body(Status::ACCEPTED, media::TEXT, text.into_bytes()).header("retry-after", "3")
}
