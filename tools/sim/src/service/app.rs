//! The application that the simulated service runs: registers, and counters that count up.

use coco_app::{
    Adapter, Call, CallBody, Caller, Context, ErrorCode, Manifest, Origin, Plan, Reject, Request, Response,
    Status, media,
};
use coco_kv::Reader as _;
use coco_wire::{Digest, TableName};

/// Where both live; a name is a register's or a counter's.
pub(super) const ITEMS: &str = "items";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wish {
    /// Write a register.
    Put { name: String, value: String },
    /// Count one up; the answer is how far that is.
    Add { name: String },
    /// Read one or the other; the answer is empty if it was never written.
    Get { name: String },
}

impl Wish {
    pub(super) fn call(&self) -> Call {
        let line = match self {
            Self::Put { name, value } => format!("put {name} {value}"),
            Self::Add { name } => format!("add {name}"),
            Self::Get { name } => format!("get {name}"),
        };
        Call { caller: Caller::Anyone, route: "line".into(), body: CallBody::Bytes(line.into_bytes()) }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Put { name, .. } | Self::Add { name } | Self::Get { name } => name,
        }
    }
}

/// Runs [`Wish`]es.
pub(super) struct Items(Manifest);

impl Items {
    pub(super) fn new() -> Self {
        Self(Manifest { name: "items", indexed_tables: Vec::new(), window: None, timer_ms: None })
    }
}

impl Adapter for Items {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn decode(&self, _: Request, _: &Origin<'_>) -> Result<Plan, Response> {
        // Calls are made without HTTP here.
        Err(Reject::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, "No path.").into())
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
            ["put", name, value] => {
                cx.tx.put(&items, name.as_bytes(), value.as_bytes());
                cx.claims = Some(Digest([1; 32]));
                value.to_owned()
            }
            ["add", name] => {
                let old = cx.tx.get(&items, name.as_bytes());
                let old = old.and_then(|old| str::from_utf8(&old).ok()?.parse().ok()).unwrap_or(0_u64);
                let new = (old + 1).to_string();
                cx.tx.put(&items, name.as_bytes(), new.as_bytes());
                new
            }
            ["get", name] => {
                let value = cx.tx.get(&items, name.as_bytes());
                value.map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
            }
            _ => return Err(Reject::invalid_input("Unknown word.")),
        };
        Ok(Response::with_body(Status::OK, media::TEXT, answer.into_bytes()))
    }
}
