//! The application that the simulated service runs: registers, and counters that count up.

use bytes::Bytes;
use coco_app::{
    Adapter, Call, CallBody, Caller, Context, ErrorCode, Forwarding, Freshness, Manifest, Method, Mode,
    Origin, Plan, Reject, ReplyAt, Request, Response, Status, Weight, media, request::Headers,
};
use coco_kv::Reader as _;
use coco_wire::{Digest, TableName};

/// Where both live; a name is a register's or a counter's.
pub(super) const ITEMS: &str = "items";
/// How long a read may wait that is to miss nothing, in milliseconds.
const READ_WAIT_MS: u64 = 1500;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    /// No two have the same.
    pub(super) number: u64,
    pub(super) what: What,
    pub(super) name: String,
}

/// What is to be done to a register or counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// Write a register.
    Put(String),
    /// Count one up; the answer is how far that is.
    Add,
    /// Read one or the other; the answer is empty if it was never written.
    Get(Seeing),
}

/// What a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Seeing {
    /// The latest state of its node.
    Latest,
    /// The last committed state of its node.
    Committed,
    /// A committed state that misses nothing which was committed anywhere before.
    All,
}

impl Wish {
    /// As clients send it.
    pub(super) fn request(&self) -> Request {
        Request::new(Method::Post, "/app/line".to_owned(), Headers::default(), Bytes::from(self.line()))
    }

    pub(super) fn call(&self) -> Call {
        call(self.line().into_bytes())
    }

    fn line(&self) -> String {
        let Self { number, what, name } = self;
        match what {
            What::Put(value) => format!("{number} put {name} {value}"),
            What::Add => format!("{number} add {name}"),
            What::Get(Seeing::Latest) => format!("{number} get {name}"),
            What::Get(Seeing::Committed) => format!("{number} committed {name}"),
            What::Get(Seeing::All) => format!("{number} all {name}"),
        }
    }

    /// What a call asks for; none if it is none of ours.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let CallBody::Bytes(line) = &call.body else { return None };
        let line = str::from_utf8(line).ok()?;
        let words: Vec<_> = line.split(' ').collect();
        let (number, what, name) = match words[..] {
            [number, "put", name, value] => (number, What::Put(value.to_owned()), name),
            [number, "add", name] => (number, What::Add, name),
            [number, "get", name] => (number, What::Get(Seeing::Latest), name),
            [number, "committed", name] => (number, What::Get(Seeing::Committed), name),
            [number, "all", name] => (number, What::Get(Seeing::All), name),
            _ => return None,
        };
        Some(Self { number: number.parse().ok()?, what, name: name.to_owned() })
    }
}

fn call(line: Vec<u8>) -> Call {
    Call { caller: Caller::Anyone, route: "line".into(), body: CallBody::Bytes(line) }
}

/// Runs [`Wish`]es.
pub(super) struct Items(Manifest);

impl Items {
    pub(super) fn new() -> Self {
        Self(Manifest {
            name: "items",
            indexed_tables: Vec::new(),
            window: None,
            timer_ms: None,
            ..Manifest::default()
        })
    }
}

impl Adapter for Items {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn decode(&self, request: Request, _: &Origin<'_>) -> Result<Plan, Response> {
        let call = call(request.body.to_vec());
        let Some(wish) = Wish::of(&call) else {
            let unknown = Reject::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, "No line.");
            return Err(unknown.into());
        };
        let mode = match wish.what {
            What::Put(_) | What::Add => Mode::Execute,
            What::Get(Seeing::Latest) => Mode::Query,
            What::Get(Seeing::Committed | Seeing::All) => Mode::QueryCommitted,
        };
        let freshness = match wish.what {
            What::Get(Seeing::All) => Freshness::Linearizable { within_ms: READ_WAIT_MS },
            _ => Freshness::Local,
        };
        let (weight, reply_at) = (Weight::Light, ReplyAt::Execution);
        let forwarding = Forwarding::Sometimes;
        Ok(Plan { calls: vec![call], mode, weight, reply_at, freshness, forwarding, then: None })
    }

    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        self.execute(call, cx)
    }

    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        let Some(Wish { what, name, .. }) = Wish::of(call) else {
            return Err(Reject::invalid_input("Not a line."));
        };
        let items = TableName::new(ITEMS);
        let answer = match what {
            What::Put(value) => {
                cx.tx.put(&items, name.as_bytes(), value.as_bytes());
                cx.claims = Some(Digest([1; 32]));
                value
            }
            What::Add => {
                let old = cx.tx.get(&items, name.as_bytes());
                let old = old.and_then(|old| str::from_utf8(&old).ok()?.parse().ok()).unwrap_or(0_u64);
                let new = (old + 1).to_string();
                cx.tx.put(&items, name.as_bytes(), new.as_bytes());
                new
            }
            What::Get(_) => {
                let value = cx.tx.get(&items, name.as_bytes());
                value.map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
            }
        };
        Ok(Response::with_body(Status::OK, media::TEXT, answer.into_bytes()))
    }
}
