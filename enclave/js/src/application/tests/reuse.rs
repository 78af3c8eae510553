//! What calls share, and what they must not.

use super::*;

const COUNTER: &str = "
    let count = 0;
    let kept;
    export function count_up(request) {
        globalThis.seen = (globalThis.seen ?? 0) + 1;
        return { body: [++count, globalThis.seen] };
    }
    export function keep(request) { kept = request; return { body: request.query }; }
    let body;
    export function stash(request) { body ??= request.body; return { body: body.text() }; }
    export function look(request) {
        return { body: [kept.query, kept.path, request.query === 'headers' ? kept.headers : null] };
    }
    export function failing() { count++; throw new Error('x'); }
    export async function later() { await 1; count++; }
    export function forever() { for (;;); }";

fn endpoints() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let shared = |key| json!({ "interpreter_reuse": { "key": key } });
    vec![
        ("GET", "/own", "count_up", json!({})),
        ("GET", "/a", "count_up", shared("a")),
        ("GET", "/b", "count_up", shared("b")),
        ("GET", "/read", "count_up", json!({ "interpreter_reuse": { "key": "a" }, "mode": "readonly" })),
        ("GET", "/failing", "failing", shared("a")),
        ("GET", "/later", "later", shared("a")),
        ("GET", "/forever", "forever", shared("a")),
        ("GET", "/keep", "keep", shared("k")),
        ("GET", "/look", "look", shared("k")),
        ("POST", "/stash", "stash", shared("s")),
    ]
}

#[test]
fn interpreters_are_shared_by_key_only() {
    let mut node = Node::new(COUNTER, &endpoints());
    node.options(&json!({ "max_execution_time_ms": 30 }));
    for (path, expected) in [
        ("own", "200 [1,1]"),
        ("own", "200 [1,1]"),
        ("a", "200 [1,1]"),
        ("a", "200 [2,2]"),
        ("b", "200 [1,1]"),
        ("read", "200 [1,1]"),
        ("a", "200 [3,3]"),
        ("failing", "500 Exception thrown while executing."),
        ("a", "200 [5,4]"),
        // A promise that is never settled, and a script that was ended, leave nothing that others could use.
        ("later", "200 "),
        ("a", "200 [1,1]"),
        ("forever", "500 Operation took too long to complete."),
        ("a", "200 [1,1]"),
    ] {
        assert_eq!(node.ask(&format!("GET /app/{path}"), "").summary(), expected, "{path}");
    }
    node.install(COUNTER, &[]);
    assert_eq!(node.ask("GET /app/a", "").summary(), "200 [1,1]", "the modules were written again");
    assert_eq!(node.ask("GET /app/a", "").summary(), "200 [2,2]");
    node.put("interpreter.flush", "\0\0\0\0\0\0\0\0", b"true");
    assert_eq!(node.ask("GET /app/a", "").summary(), "200 [1,1]", "the members asked for that");
}

#[test]
fn as_many_interpreters_are_kept_as_the_members_allow() {
    let mut node = Node::new(COUNTER, &endpoints());
    for (most, expected) in [(10, "200 [2,2]"), (1, "200 [1,1]"), (0, "200 [1,1]")] {
        node.options(&json!({ "max_cached_interpreters": most }));
        node.install(COUNTER, &[]);
        for path in ["a", "b"] {
            assert_eq!(node.ask(&format!("GET /app/{path}"), "").summary(), "200 [1,1]");
        }
        assert_eq!(node.ask("GET /app/a", "").summary(), expected, "{most}");
    }
}

#[test]
fn a_request_that_is_over_shows_nothing_of_the_next() {
    let mut node = Node::new(COUNTER, &endpoints());
    assert_eq!(node.ask("GET /app/keep?secret", "").summary(), "200 secret");
    assert_eq!(node.ask("GET /app/look?other", "").summary(), "200 [\"secret\",\"/app/keep\",null]");
    assert_eq!(node.ask("GET /app/look?headers", "").summary(), "500 Exception thrown while executing.");
}

#[test]
fn a_body_that_was_kept_is_that_of_the_current_call() {
    let mut node = Node::new(COUNTER, &endpoints());
    for body in ["first", "second"] {
        assert_eq!(node.ask("POST /app/stash", body).summary(), format!("200 {body}"));
    }
}

#[test]
fn interpreters_go_from_thread_to_thread() {
    let mut node = Node::new(COUNTER, &endpoints());
    node.options(&json!({ "return_exception_details": true }));
    assert_eq!(node.ask("GET /app/a", "").text(), "[1,1]");
    // Each thread is alive while the next one asks, so that all have stacks of their own.
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            assert_eq!(node.ask("GET /app/a", "").text(), "[2,2]");
            std::thread::scope(|scope| {
                let asked = scope.spawn(|| assert_eq!(node.ask("GET /app/a", "").text(), "[3,3]"));
                asked.join().unwrap();
            });
        });
        asked.join().unwrap();
    });
}

/// CCF's logging application, read from its sources.
#[test]
fn the_logging_application_of_ccf_runs_unchanged() {
    let Some(root) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, so CCF's logging application is not run");
        return;
    };
    let folder = std::path::Path::new(&root).join("samples/apps/logging/js");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let metadata: Value = serde_json::from_str(&read("app.json")).unwrap();
    let mut node = Node::new("", &[]);
    node.put("modules", "/logging.js", read("src/logging.js").as_bytes());
    for (path, methods) in metadata["endpoints"].as_object().unwrap() {
        for (method, properties) in methods.as_object().unwrap() {
            let mut properties = properties.clone();
            properties["authn_policies"] = json!([]);
            let key = format!("{} {path}", method.to_ascii_uppercase());
            node.put("endpoints", &key, properties.to_string().as_bytes());
        }
    }
    node.options(&json!({ "return_exception_details": true }));
    for (line, body, expected) in [
        ("GET /app/log/public/count?scope=test", "", "0"),
        ("GET /app/log/private/count?scope=test", "", "0"),
        ("POST /app/log/private?scope=test", "{\"id\":1,\"msg\":\"m\"}", "true"),
        ("GET /app/log/private?scope=test&id=1", "", "{\"msg\":\"m\"}"),
        ("GET /app/log/private/count?scope=test", "", "1"),
        ("DELETE /app/log/private?scope=test&id=1", "", "true"),
        ("GET /app/log/private?scope=test&id=1", "", "{\"error\":{\"code\":\"ResourceNotFound\"}}"),
        (
            "POST /app/multi_auth",
            "",
            "Unauthenticated\nThe caller did not provide any authenticated identity",
        ),
    ] {
        assert_eq!(node.ask(line, body).text(), expected, "{line}");
    }
}
