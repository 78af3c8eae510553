//! Records: text under a number, in a table that the client may choose by a scope.

use std::borrow::Cow;

use coco_app::{Call, Context, Description, Reject, Response, Schema, Status};
use coco_kv::{Reader as _, Tx};
use coco_wire::{TableName, Value};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// Table of the records that anyone who holds the ledger can read.
pub(crate) const PUBLIC: &str = "public:records";

/// Table of the records that are encrypted in the ledger.
pub(crate) const PRIVATE: &str = "records";

/// Most records that are written by one call.
const MAX_BATCH: usize = 1_000;

/// A handler that works on one table of records.
pub(crate) type RecordHandler = fn(&TableName, &Call, &mut Context<'_>) -> Answer;

/// A family of tables: one for calls without a scope, and one for each scope.
#[derive(Clone)]
pub(crate) struct Records {
    unscoped: TableName,
}

impl Records {
    pub(crate) fn private() -> Self {
        Self { unscoped: TableName::new(PRIVATE) }
    }

    pub(crate) fn public() -> Self {
        Self { unscoped: TableName::new(PUBLIC) }
    }

    /// Gives `handler` the table that each call asks for by its query parameter `scope`.
    pub(crate) fn handler(
        &self,
        handler: RecordHandler,
    ) -> impl Fn(&Call, &mut Context<'_>) -> Answer + Send + Sync + use<> {
        let unscoped = self.unscoped.clone();
        move |call, cx| match call.request().parameter("scope") {
            None => handler(&unscoped, call, cx),
            Some(scope) => {
                let scoped = TableName::new(&format!("{}-{scope}", unscoped.as_str()));
                handler(&scoped, call, cx)
            }
        }
    }
}

/// What a client writes.
#[derive(Deserialize)]
pub(crate) struct Record<'a> {
    pub(crate) id: u64,
    #[serde(borrow)]
    pub(crate) msg: Cow<'a, str>,
    /// Whether the receipt is to prove the message.
    #[serde(default)]
    pub(crate) record_claim: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn of(call: &'a Call) -> Result<Self, Reject> {
        call.json::<Self>()?.checked()
    }

    /// The records of a batch.
    pub(crate) fn batch_of(call: &'a Call) -> Result<Vec<Self>, Reject> {
        call.json_objects::<Self>(MAX_BATCH)?.into_iter().map(Self::checked).collect()
    }

    fn checked(self) -> Result<Self, Reject> {
        if self.msg.is_empty() {
            return Err(Reject::invalid_input("Cannot record an empty log message."));
        }
        Ok(self)
    }

    pub(crate) fn schema() -> Schema {
        let required = vec![("id", Schema::uint64()), ("msg", Schema::string())];
        Schema::object("LoggingRecord__In", required, vec![("record_claim", Schema::boolean())])
    }
}

/// What a client reads.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) msg: &'a str,
}

impl Message<'_> {
    pub(crate) fn schema() -> Schema {
        Schema::object("LoggingGet__Out", vec![("msg", Schema::string())], vec![])
    }
}

/// Key of a record: eight bytes, little-endian.
pub(crate) fn key(id: u64) -> [u8; 8] {
    id.to_le_bytes()
}

/// Writes a record.
pub(crate) fn put(tx: &mut Tx, table: &TableName, id: u64, msg: &str) {
    tx.put(table, key(id).as_slice(), msg.as_bytes());
}

/// The text of a record; tables recovered from elsewhere may hold other bytes.
pub(crate) fn text(record: &Value) -> Result<&str, Reject> {
    str::from_utf8(record).map_err(|_| Reject::internal("The record is not text."))
}

/// The refusal of a call for a record that is not there.
pub(crate) fn no_such_record(id: u64) -> Reject {
    Reject::not_found(format!("No such record: {id}."))
}

/// Removes all records.
pub(crate) fn clear(table: &TableName, _: &Call, cx: &mut Context<'_>) -> Answer {
    cx.tx.clear(table);
    Ok(Response::json(Status::OK, &true))
}

/// Counts the records.
pub(crate) fn count(table: &TableName, _: &Call, cx: &mut Context<'_>) -> Answer {
    Ok(Response::json(Status::OK, &cx.tx.len(table)))
}

/// Describes an endpoint that takes a record.
pub(crate) fn takes_record() -> Description {
    Description::json(Some(Record::schema()), Some(Schema::boolean()))
}

/// Describes an endpoint that takes a batch of records.
pub(crate) fn takes_batch() -> Description {
    Description::json(Some(Schema::array(Record::schema())), Some(Schema::boolean()))
}

/// Describes an endpoint that answers about the record of an ID.
pub(crate) fn of_record(answer: Schema) -> Description {
    Description::json(None, Some(answer)).query("id", Schema::uint64())
}
