//! Metrics in the text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use coco_app::Index as _;

use super::{Admin, InterfaceReport};

/// Media type of the format.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a node at this moment (milliseconds since 1970).
pub(super) fn text(admin: &Admin, now_ms: u64) -> String {
    let mut page = Page::default();
    node(admin, now_ms, &mut page);
    ledger(admin, &mut page);
    sessions(admin, &mut page);
    page.text
}

fn node(admin: &Admin, now_ms: u64, page: &mut Page) {
    let (facts, state) = (&admin.facts, admin.state());
    page.family("coco_build_info", Kind::Gauge, "Versions of the node.");
    let versions =
        [("ccf_version", facts.ccf_version.as_str()), ("quickjs_version", facts.quickjs_version.as_str())];
    page.sample(&versions, 1);
    page.family("coco_node_state", Kind::Gauge, "How far the node has come, by name.");
    page.sample(&[("state", state.stage.name())], 1);
    let uptime = now_ms.saturating_sub(facts.started.0);
    page.single("coco_uptime_seconds", Kind::Gauge, "Time since the process began.", Seconds(uptime));
    let primary = "Whether the node appends transactions.";
    page.single("coco_node_primary", Kind::Gauge, primary, u8::from(state.primary));
    let notice = "Whether the host announced that it will stop the node.";
    page.single("coco_node_stop_notice", Kind::Gauge, notice, u8::from(state.stop_notice));
    let open = "Whether the application takes requests.";
    page.single("coco_service_open", Kind::Gauge, open, u8::from(state.open));
}

fn ledger(admin: &Admin, page: &mut Page) {
    let state = admin.state();
    let chain = &state.chain;
    page.single("coco_consensus_view", Kind::Gauge, "View of consensus.", chain.latest.view);
    let seqnos = [
        ("coco_ledger_latest_seqno", "Last transaction that has its place.", chain.latest.seqno),
        ("coco_ledger_signed_seqno", "Last signature made.", state.signed.seqno),
        ("coco_ledger_committed_seqno", "Last committed transaction.", chain.committed.seqno),
    ];
    for (name, help, seqno) in seqnos {
        page.single(name, Kind::Gauge, help, seqno);
    }
    let commits = admin.shared.history.signatures();
    let help = "Signatures by which transactions were committed.";
    page.single("coco_ledger_commits_total", Kind::Counter, help, commits);
    let indexes = &admin.shared.indexes;
    page.family("coco_index_seqno", Kind::Gauge, "Up to where a table is indexed.");
    for table in indexes.names() {
        if let Some(index) = indexes.table(table) {
            page.sample(&[("table", table)], index.indexed_to());
        }
    }
}

/// One of the counts of an interface.
type Count = fn(&InterfaceReport) -> usize;

fn sessions(admin: &Admin, page: &mut Page) {
    let report = admin.facts.sessions.report();
    page.single("coco_sessions_active", Kind::Gauge, "Sessions open now.", report.active);
    page.single("coco_sessions_peak", Kind::Gauge, "Most sessions open at a time.", report.peak);
    let of_interface: [(_, _, Count); 4] = [
        ("coco_interface_sessions_active", "Sessions open now.", |it| it.active),
        ("coco_interface_sessions_peak", "Most sessions open at a time.", |it| it.peak),
        ("coco_interface_sessions_soft_cap", "More sessions are told to come back later.", |it| it.soft_cap),
        ("coco_interface_sessions_hard_cap", "More sessions are closed at once.", |it| it.hard_cap),
    ];
    for (name, help, count) in of_interface {
        page.family(name, Kind::Gauge, help);
        for interface in &report.interfaces {
            page.sample(&[("interface", interface.name.as_str())], count(interface));
        }
    }
    page.family(
        "coco_interface_requests_refused_total",
        Kind::Counter,
        "Requests refused unread, by reason.",
    );
    for interface in &report.interfaces {
        let reasons = [
            ("parsing", interface.parsing),
            ("payload_too_large", interface.request_payload_too_large),
            ("header_too_large", interface.request_header_too_large),
        ];
        for (reason, count) in reasons {
            page.sample(&[("interface", interface.name.as_str()), ("reason", reason)], count);
        }
    }
}

/// Milliseconds, written as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Text in the making; each sample belongs to the family before it.
#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.family = name;
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.family);
        for (at, (name, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.put(format_args!("{}{name}=\"{text}\"", if at == 0 { '{' } else { ',' }));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        self.put(format_args!("{close} {value}\n"));
    }

    fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes any text");
    }
}
