//! Counts, for people and for monitoring.

use coco_app::{
    Call, Context, Description, Endpoint, Forwarding, Index as _, Method, Reject, Response, Schema, Status,
    media, openapi::Content,
};
use coco_wire::TxId;
use serde_json::{Map, Value, json};

use super::{Admin, InterfaceReport, ok, prometheus};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let text = Content { media_type: media::TEXT, schema: Schema::string() };
    let text = Description { response: Some(text), ..Description::default() };
    vec![
        admin.get_own("/metrics", metrics_schema(), metrics),
        admin
            .read(Method::Get, "/metrics/prometheus", prometheus)
            .forwarding(Forwarding::Never)
            .describe(text.says("Metrics of this node in Prometheus' text format", "")),
        admin.get("/js_metrics", js_schema(), js_metrics),
        admin.get_own("/index/strategies", Schema::json(), index_strategies),
    ]
}

fn metrics_schema() -> Schema {
    let count = |name| (name, Schema::uint64());
    let errors = ["parsing", "request_payload_too_large", "request_header_too_large"].map(count);
    let errors = Schema::object("SessionMetrics__Errors", errors.into(), vec![]);
    let mut interface: Vec<_> = ["active", "peak", "soft_cap", "hard_cap"].map(count).into();
    interface.push(("errors", errors));
    let interface = Schema::object("SessionMetrics__PerInterface", interface, vec![]);
    let interfaces = Schema::map("string", interface);
    let sessions = vec![count("active"), count("peak"), ("interfaces", interfaces)];
    let sessions = Schema::object("SessionMetrics", sessions, vec![]);
    Schema::object("NodeMetrics", vec![("sessions", sessions)], vec![])
}

fn metrics(admin: &Admin, _: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    let report = admin.facts.sessions.report();
    let interfaces: Map<_, _> =
        report.interfaces.iter().map(|it| (it.name.as_str().to_owned(), interface(it))).collect();
    Ok(ok(&json!({ "sessions": {
        "active": report.active,
        "peak": report.peak,
        "interfaces": interfaces,
    }})))
}

fn interface(report: &InterfaceReport) -> Value {
    json!({
        "active": report.active,
        "peak": report.peak,
        "soft_cap": report.soft_cap,
        "hard_cap": report.hard_cap,
        "errors": {
            "parsing": report.parsing,
            "request_payload_too_large": report.request_payload_too_large,
            "request_header_too_large": report.request_header_too_large,
        },
    })
}

fn prometheus(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let text = prometheus::text(admin, cx.services.now_ms());
    Ok(Response::with_body(Status::OK, prometheus::MEDIA_TYPE, text.into_bytes()))
}

fn js_schema() -> Schema {
    let required = vec![
        ("bytecode_size", Schema::uint64()),
        ("bytecode_used", Schema::boolean()),
        ("max_heap_size", Schema::uint64()),
        ("max_stack_size", Schema::uint64()),
        ("max_execution_time", Schema::uint64()),
        ("max_cached_interpreters", Schema::uint64()),
    ];
    Schema::object("JavaScriptMetrics", required, vec![])
}

fn js_metrics(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let scripts = &admin.tables.scripts;
    let mut bytecode_size = 0;
    for row in scripts.bytecode.iter(&*cx.tx) {
        let (_, bytecode) = row?;
        bytecode_size += bytecode.len();
    }
    let made_by = scripts.bytecode_version.get(cx.tx)?;
    let options = scripts.runtime_options.get(cx.tx)?.unwrap_or_default();
    Ok(ok(&json!({
        "bytecode_size": bytecode_size,
        // Bytecode of another engine is ignored.
        "bytecode_used": made_by.as_ref() == Some(&admin.facts.quickjs_version),
        "max_heap_size": options.max_heap_bytes,
        "max_stack_size": options.max_stack_bytes,
        "max_execution_time": options.max_execution_time_ms,
        "max_cached_interpreters": options.max_cached_interpreters,
    })))
}

fn index_strategies(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let chain = cx.services.chain();
    let indexes = &admin.shared.indexes;
    let describe = |table: &str| {
        let to = indexes.table(table)?.indexed_to();
        let watermark = TxId { view: chain.view_of(to).unwrap_or_default(), seqno: to };
        Some(json!({
            "name": format!("SeqnosByKey {table}"),
            "target_map": table,
            "indexed_watermark": watermark,
            "next_requested_seqno": to.next(),
        }))
    };
    let own = admin.facts.app.indexes().into_iter().map(|index| {
        let seqno = index.next.previous();
        let watermark = TxId { view: chain.view_of(seqno).unwrap_or_default(), seqno };
        json!({ "name": index.name, "indexed_watermark": watermark, "next_requested_seqno": index.next })
    });
    let described: Value = indexes.names().filter_map(describe).chain(own).collect();
    Ok(ok(&described))
}
