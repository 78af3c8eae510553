//! Scripts that try to stop the node, or to reach what is not theirs: they end, and the next call is served.

use super::*;

#[test]
fn hostile_scripts_end_and_the_next_call_is_served() {
    let exception = "500 Exception thrown while executing.";
    let late = "500 Operation took too long to complete.";
    for (body, expected) in [
        ("for (;;);", late),
        ("while (true) { try { for (;;); } catch {} finally { continue; } }", late),
        ("const f = () => f() + 1; return { body: f() }", exception),
        ("const a = []; for (;;) a.push(new Uint8Array(1 << 20))", exception),
        ("let s = 'x'; for (;;) s += s", exception),
        ("new Uint8Array(1 << 28)", exception),
        ("return { body: { toJSON() { for (;;); } } }", late),
        ("return { get body() { for (;;); } }", late),
        ("return { headers: new Proxy({}, { ownKeys() { for (;;); } }) }", late),
        ("return { body: 'x', headers: { a: { toString() { for (;;); } } } }", late),
        ("/(a+)+$/.test('a'.repeat(40) + 'b'); for (;;);", late),
        ("for (;;) ccf.kv['t' + Math.random()].size", exception),
        ("let i = 0; for (;;) ccf.kv.t.set(ccf.strToBuf(`${i++}`), new ArrayBuffer(1 << 16))", exception),
        (
            "const a = []; a[0] = a; return { body: a }",
            "500 Invalid endpoint function return value (error during JSON conversion of body).",
        ),
        (
            "let a = {}; for (let i = 0; i < 1e4; i++) a = { a }; return { body: a }",
            "500 Invalid endpoint function return value (error during JSON conversion of body).",
        ),
        (
            "Object.defineProperty(Object.prototype, 'statusCode', { value: 299 }); Object.prototype.value = 2; \
          Object.prototype.get = () => 1; Array.prototype.map = null; return { body: request.method }",
            "299 POST",
        ),
        (
            "JSON.parse = JSON.stringify = ArrayBuffer = Reflect = undefined; return { body: request.body.json() }",
            "200 {\"a\":1}",
        ),
        ("globalThis.ccf = undefined; return { body: request.caller }", "200 {\"policy\":\"no_auth\"}"),
        ("Object.freeze(ccf); Object.freeze(request); return { body: 1 }", "200 1"),
    ] {
        let module =
            format!("export function f(request) {{ {body} }} export const g = () => ({{ body: 'served' }});");
        let shared = || json!({ "interpreter_reuse": { "key": "k" } });
        for differs in [json!({}), shared()] {
            let mut node =
                Node::new(&module, &[("POST", "/f", "f", differs.clone()), ("GET", "/g", "g", differs)]);
            // What is to end by its memory has time enough on a busy machine.
            let time_ms = if expected == late { 300 } else { 30_000 };
            node.options(&json!({ "max_execution_time_ms": time_ms, "max_heap_bytes": 8 << 20 }));
            assert_eq!(node.ask("POST /app/f", "{\"a\":1}").summary(), expected, "{body}");
            if expected.starts_with('5') {
                assert_eq!(node.ask("GET /app/g", "").summary(), "200 served", "{body}");
            }
        }
    }
}

/// The texts are those that CCF's tests expect (`tests/js-custom-authorization`).
#[test]
fn what_ended_a_script_is_told_in_the_words_of_ccf() {
    for (body, expected) in [
        ("const f = () => f() + 1; f()", "InternalError: stack overflow"),
        ("new Uint8Array(1 << 28)", "InternalError: out of memory"),
        (
            "try { new Uint8Array(1 << 28) } catch { throw new Error('the image is out of memory') }",
            "Error: the image is out of memory",
        ),
        ("for (;;);", "InternalError: interrupted"),
    ] {
        let module = format!("export function f() {{ {body} }}");
        let mut node = Node::new(&module, &[("GET", "/f", "f", json!({}))]);
        let time_ms = if body == "for (;;);" { 300 } else { 30_000 };
        node.options(&json!({ "max_execution_time_ms": time_ms, "return_exception_details": true }));
        let answer: Value = serde_json::from_slice(&node.ask("GET /app/f", "").response.body).unwrap();
        assert_eq!(answer["error"]["details"][0]["message"], expected, "{body}");
    }
}

/// Where no memory is left for the error itself, the engine throws `null`.
#[test]
fn the_end_of_memory_is_told_wherever_it_comes() {
    let module = "export function f() { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); }";
    let mut node = Node::new(module, &[("GET", "/f", "f", json!({}))]);
    for heap_bytes in (2 << 20..2_100_000).step_by(80) {
        node.options(&json!({
            "max_execution_time_ms": 30_000, "max_heap_bytes": heap_bytes, "return_exception_details": true,
        }));
        let answer: Value = serde_json::from_slice(&node.ask("GET /app/f", "").response.body).unwrap();
        assert_eq!(answer["error"]["details"][0]["message"], "InternalError: out of memory", "{heap_bytes}");
    }
}

#[test]
fn modules_are_bounded_while_they_are_evaluated() {
    for (module, expected) in [
        ("for (;;);", "500 Operation took too long to complete."),
        (
            "const f = () => f() + 1; f();",
            "500 Failed to execute /app.js: RangeError: Maximum call stack size exceeded",
        ),
        ("import { f } from './app.js'; export { f };", "500 Failed to execute /app.js"),
        ("import './nothing.js';", "500 Failed to execute /app.js"),
        ("{", "500 Failed to execute /app.js: SyntaxError"),
    ] {
        let mut node = Node::new(module, &[("GET", "/f", "f", json!({}))]);
        let summary = node.ask("GET /app/f", "").summary();
        assert!(summary.starts_with(expected), "{module}: {summary}");
    }
}

#[test]
fn limits_that_are_too_low_keep_functions_from_running() {
    let module = "
        export function f(request) { const n = Number(request.query); return { body: g(n) } }
        const g = (n) => n > 0 ? g(n - 1) : new Uint8Array(10).length;";
    let exception = "500 Exception thrown while executing.";
    for (options, expected) in [
        (json!({}), "200 10"),
        (json!({ "max_stack_bytes": 100 }), exception),
        (json!({ "max_heap_bytes": 100 }), exception),
        (json!({ "max_execution_time_ms": 0 }), "500 Operation took too long to complete."),
    ] {
        let mut node = Node::new(module, &[("GET", "/f", "f", json!({}))]);
        node.options(&options);
        assert_eq!(node.ask("GET /app/f?5", "").summary(), expected, "{options}");
    }
}
