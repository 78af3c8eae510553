//! What members read of what scripts print.

use coco_app::console::{Level, Query};

use super::*;

const PRINTING: &str = "
    export function print(request) {
        console.log('log', request.query, { a: 1 }); console.info('info');
        console.warn('warn'); console.error('error');
        return { statusCode: Number(request.query) };
    }
    export function much() { for (let i = 0; i < 300; i++) console.log(i); return {}; }
    export function long() { console.log('é'.repeat(5000)); return {}; }
    export function silent() { return {}; }
    export function fail() {
        console.log('before');
        throw new Error('no such luck');
    }";

fn node(differs: &Value) -> Node {
    let functions = ["print", "much", "long", "silent", "fail"];
    let paths = ["/print", "/much", "/long", "/silent", "/fail"];
    let endpoints = functions.iter().zip(paths);
    let endpoints: Vec<_> =
        endpoints.map(|(function, path)| ("GET", path, *function, differs.clone())).collect();
    Node::new(PRINTING, &endpoints)
}

/// Each line kept: endpoint, level, text.
fn lines(node: &Node) -> Vec<(String, Level, String)> {
    let query = Query { endpoint: None, after: None, limit: usize::MAX };
    let page = node.app.console(&node.store.latest(), &query);
    page.lines.into_iter().map(|line| (line.endpoint.to_string(), line.level, line.text)).collect()
}

fn line(endpoint: &str, level: Level, text: &str) -> (String, Level, String) {
    (endpoint.to_owned(), level, text.to_owned())
}

#[test]
fn lines_outlive_the_interpreter_and_the_transaction() {
    for differs in [json!({}), json!({ "interpreter_reuse": { "key": "k" } }), json!({ "mode": "readonly" })]
    {
        let mut node = node(&differs);
        let mut expected = Vec::new();
        // Whether the writes are kept makes no difference.
        for status in ["200", "400", "200"] {
            let answer = node.ask(&format!("GET /app/print?{status}"), "");
            assert_eq!(answer.response.status.0.to_string(), status);
            expected.extend([
                line("GET /print", Level::Info, &format!("log {status} {{\"a\":1}}")),
                line("GET /print", Level::Info, "info"),
                line("GET /print", Level::Fail, "warn"),
                line("GET /print", Level::Fail, "error"),
            ]);
            node.ask("GET /app/silent", "");
        }
        assert_eq!(lines(&node), expected, "{differs}");
    }
}

#[test]
fn lines_say_when_and_where() {
    let mut node = node(&json!({}));
    node.ask("GET /app/print?200", "");
    let query = Query { endpoint: Some("GET /print".to_owned()), after: None, limit: 1 };
    let page = node.app.console(&node.store.latest(), &query);
    let [last] = &*page.lines else { panic!("{page:?}") };
    assert_eq!((last.number, last.time_ms), (4, NOW_MS));
    assert_eq!(last.read_at, TxId { view: View(2), seqno: Seqno(node.seqno) });
}

#[test]
fn a_call_prints_so_much_and_no_more() {
    let mut node = node(&json!({}));
    node.ask("GET /app/much", "");
    node.ask("GET /app/long", "");
    let page = node.app.console(&node.store.latest(), &Query { endpoint: None, after: None, limit: 1000 });
    assert_eq!((page.lines.len(), page.dropped), (257, 44));
    assert_eq!(page.lines[256].text.len(), 4096);
}

#[test]
fn exceptions_are_kept_with_their_trace_if_the_members_log_them() {
    let mut node = node(&json!({}));
    node.ask("GET /app/fail", "");
    assert_eq!(lines(&node), [line("GET /fail", Level::Info, "before")]);
    node.options(&json!({ "log_exception_details": true }));
    node.ask("GET /app/fail", "");
    let [.., (endpoint, Level::Exception, text)] = &*lines(&node) else { panic!("{:?}", lines(&node)) };
    assert_eq!(endpoint, "GET /fail");
    assert!(
        text.starts_with("Exception thrown while executing. Error: no such luck:     at fail (/app.js:12:"),
        "{text}"
    );
}

#[test]
fn another_application_begins_anew() {
    let mut node = node(&json!({}));
    node.ask("GET /app/print?200", "");
    assert_eq!(lines(&node).len(), 4);
    node.put("modules", "/app.js", b"export function print() { console.log('new'); return {}; }");
    assert_eq!(lines(&node), []);
    node.ask("GET /app/print?200", "");
    assert_eq!(lines(&node), [line("GET /print", Level::Info, "new")]);
    node.options(&json!({ "max_execution_time_ms": 100 }));
    assert_eq!(lines(&node).len(), 1, "the application is the same");
    node.put("interpreter.flush", "\0\0\0\0\0\0\0\0", b"true");
    assert_eq!(lines(&node), []);
}
