//! A toy protocol that uses all of the adapter trait: lines of text that set and get keys.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use coco_app::{
    Adapter, Call, CallBody, Caller, Committed, Context, Event, Forwarding, Freshness, Headers, IndexStatus,
    Manifest, Method, Mode, Origin, Plan, Reject, ReplyAt, Request, Response, Status, Weight, Window,
    WindowRule, media,
};
use coco_kv::{Reader as _, Tx};
use coco_wire::{Digest, Seqno, TableName};

/// Keys and values.
pub(crate) const ITEMS: &str = "items";
/// One row for each closed window: first and last seqno, number of calls.
pub(crate) const BLOCKS: &str = "public:blocks";
/// How often the timer ran.
pub(crate) const TIMER: &str = "public:timer";

pub(crate) struct Toy {
    manifest: Manifest,
    pub(crate) told: Arc<Told>,
}

impl Toy {
    pub(crate) fn new(window: Option<WindowRule>, timer_ms: Option<u64>) -> Self {
        let manifest =
            Manifest { name: "toy", indexed_tables: vec![ITEMS], window, timer_ms, ..Manifest::default() };
        Self { manifest, told: Arc::default() }
    }
}

/// An index of its own: every committed transaction, with the items that it wrote.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<(Seqno, Vec<String>)>>);

impl Told {
    pub(crate) fn all(&self) -> Vec<(Seqno, Vec<String>)> {
        self.0.lock().expect("tests have one thread").clone()
    }
}

/// A message of lines, each `set KEY VALUE`, `get KEY` or `fail`; all gets make a query.
pub(crate) fn message(lines: &str) -> Request {
    Request::new(
        Method::Post,
        "/app/toy".into(),
        Headers::default(),
        Bytes::copy_from_slice(lines.as_bytes()),
    )
}

impl Adapter for Toy {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn genesis(&self, tx: &mut Tx) -> Result<Digest, Reject> {
        tx.put(&TableName::new(ITEMS), b"genesis".as_slice(), b"yes".as_slice());
        Ok(Digest([1; 32]))
    }

    fn decode(&self, message: Request, _: &Origin<'_>) -> Result<Plan, Response> {
        let text =
            str::from_utf8(&message.body).map_err(|_| Reject::invalid_input("The message is not text."))?;
        let calls: Vec<_> = text
            .lines()
            .map(|line| Call {
                caller: Caller::Anyone,
                route: line.split(' ').next().unwrap_or("").into(),
                body: CallBody::Bytes(line.as_bytes().to_vec()),
            })
            .collect();
        let queries = calls.iter().all(|call| &*call.route == "get");
        Ok(Plan {
            calls,
            mode: if queries { Mode::Query } else { Mode::Execute },
            weight: Weight::Light,
            reply_at: ReplyAt::Execution,
            freshness: Freshness::Local,
            forwarding: Forwarding::Always,
            then: None,
        })
    }

    fn encode(&self, _: &[Call], replies: Vec<Response>) -> Response {
        let lines: Vec<_> = replies.iter().map(|reply| String::from_utf8_lossy(&reply.body)).collect();
        let txid = replies.last().and_then(|reply| reply.txid);
        let response = Response::with_body(Status::OK, media::TEXT, lines.join("\n").into_bytes());
        Response { txid, ..response }
    }

    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        self.execute(call, cx)
    }

    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        let CallBody::Bytes(line) = &call.body else { return Err(Reject::invalid_input("Not a line.")) };
        let line = String::from_utf8_lossy(line);
        let words: Vec<_> = line.split(' ').collect();
        let items = TableName::new(ITEMS);
        let answer = match words[..] {
            ["set", key, value] => {
                cx.tx.put(&items, key.as_bytes(), value.as_bytes());
                "ok".to_owned()
            }
            ["add", key] => {
                let old = cx.tx.get(&items, key.as_bytes()).map_or(0, |value| value.len());
                cx.tx.put(&items, key.as_bytes(), vec![b'x'; old + 1]);
                (old + 1).to_string()
            }
            ["get", key] => match cx.tx.get(&items, key.as_bytes()) {
                Some(value) => String::from_utf8_lossy(&value).into_owned(),
                None => "none".to_owned(),
            },
            ["fail"] => {
                cx.tx.put(&items, b"failed".as_slice(), b"yes".as_slice());
                return Err(Reject::invalid_input("failed"));
            }
            _ => return Err(Reject::invalid_input("Unknown word.")),
        };
        Ok(Response::with_body(Status::OK, media::TEXT, answer.into_bytes()))
    }

    fn close_window(&self, window: &Window, cx: &mut Context<'_>) -> Result<(), Reject> {
        let row = format!("{} {} {}", window.first, window.last, window.calls);
        cx.tx.put(&TableName::new(BLOCKS), window.last.to_string().as_bytes(), row.into_bytes());
        Ok(())
    }

    fn committed(&self, committed: &Committed<'_>) -> Vec<Event> {
        let writes = committed.writes.table(ITEMS).into_iter().flatten();
        let events = writes.map(|(key, _)| Event {
            topic: Arc::from("items"),
            seqno: committed.seqno,
            data: key.to_vec(),
        });
        events.collect()
    }

    fn index(&self, committed: &Committed<'_>) {
        let mut told = self.told.0.lock().expect("tests have one thread");
        if committed.seqno.0 > told.len() as u64 {
            let items = committed.writes.table(ITEMS).into_iter().flatten();
            let items = items.map(|(key, _)| String::from_utf8_lossy(key).into_owned());
            told.push((committed.seqno, items.collect()));
        }
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        let next = Seqno(self.told.all().len() as u64 + 1);
        vec![IndexStatus { name: "everything".to_owned(), next }]
    }

    fn timer(&self, cx: &mut Context<'_>) -> Result<(), Reject> {
        let table = TableName::new(TIMER);
        let count = cx.tx.get(&table, b"count").map_or(0, |value| value[0]);
        cx.tx.put(&table, b"count".as_slice(), vec![count + 1]);
        Ok(())
    }
}
