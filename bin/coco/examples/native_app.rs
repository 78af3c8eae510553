//! A native application as an executable of its own: counters that anyone may raise and read.
//!
//! Build it, then try it: `coco sandbox --app target/debug/examples/native_app`, and
//! `curl --cacert .. -X POST https://../app/counter/apples`.

use std::{process::ExitCode, sync::Arc};

use coco_app::{ApiInfo, Call, Context, Endpoint, Manifest, Method, Reject, Response, RestAdapter, Status};
use coco_kv::Table;
use serde_json::json;

fn main() -> ExitCode {
    coco::application(counters())
}

fn counters() -> RestAdapter {
    let manifest = Manifest { name: "counters", ..Manifest::default() };
    let info = ApiInfo {
        mount: "/app",
        title: "Counters",
        description: "Counters that anyone may raise and read.",
        version: "1.0.0",
    };
    let table: Arc<Table<String, u64>> = Arc::new(Table::new("public:counters"));
    let (raised, read) = (Arc::clone(&table), table);
    RestAdapter::new(manifest, info)
        .with(Endpoint::write(Method::Post, "/counter/{name}", &[], move |call, cx| raise(&raised, call, cx)))
        .with(Endpoint::read(Method::Get, "/counter/{name}", &[], move |call, cx| value(&read, call, cx)))
        .with_api()
}

fn raise(table: &Table<String, u64>, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?.into_owned();
    let value = table.get(cx.tx, &name)?.unwrap_or(0) + 1;
    table.put(cx.tx, &name, &value);
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

fn value(table: &Table<String, u64>, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?.into_owned();
    let value = table.get(cx.tx, &name)?.unwrap_or(0);
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}
