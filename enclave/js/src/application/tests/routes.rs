//! Which endpoint a request reaches.

use super::*;

#[test]
fn paths_and_methods_lead_to_endpoints() {
    let module = "export const f = (request) => ({ body: request.route + JSON.stringify(request.params) })";
    let none = || json!({});
    let endpoints = [
        ("GET", "/a", "f", none()),
        ("POST", "/a", "f", none()),
        ("GET", "/a/{x}", "f", none()),
        ("PUT", "/a/fixed", "f", none()),
        ("GET", "/a/{x}:act/{y}", "f", none()),
        ("GET", "/b/{x}", "f", none()),
        ("GET", "/b/{y}", "f", none()),
        ("POST", "/commit", "f", none()),
    ];
    for (line, expected, allow) in [
        ("GET /app/a", "200 /app/a{}", None),
        ("GET /a", "200 /app/a{}", None),
        ("GET /app/a/1", "200 /app/a/{x}{\"x\":\"1\"}", None),
        ("PUT /app/a/fixed", "200 /app/a/fixed{}", None),
        ("GET /app/a/fixed", "200 /app/a/{x}{\"x\":\"fixed\"}", None),
        ("GET /app/a/1:act/2", "200 /app/a/{x}:act/{y}{\"x\":\"1\",\"y\":\"2\"}", None),
        ("GET /app/b/1", "500 Ambiguous path /b/1: matches /b/{x}, /b/{y}", None),
        ("POST /app/commit", "200 /app/commit{}", None),
        ("GET /app/commit", "200 {\"transaction_id\":\"2.9\"}", None),
        (
            "DELETE /app/a",
            "405 Allowed methods for '/a' are: OPTIONS, GET, POST.",
            Some("OPTIONS, GET, POST"),
        ),
        (
            "DELETE /app/commit",
            "405 Allowed methods for '/commit' are: OPTIONS, GET, POST.",
            Some("OPTIONS, GET, POST"),
        ),
        ("OPTIONS /app/a", "204 ", Some("OPTIONS, GET, POST")),
        ("GET /app/c", "404 Unknown path: /c.", None),
        ("GET /app/a/", "404 Unknown path: /a/.", None),
    ] {
        let answer = Node::new(module, &endpoints).ask(line, "");
        assert_eq!(answer.summary(), expected, "{line}");
        assert_eq!(answer.header("allow"), allow, "{line}");
    }
}

#[test]
fn the_openapi_document_describes_what_is_installed() {
    let endpoints = [
        ("GET", "/a/{x}", "f", json!({ "openapi": { "summary": "s" } })),
        ("POST", "/hidden", "f", json!({ "openapi_hidden": true })),
    ];
    let answer = Node::new("", &endpoints).ask("GET /app/api", "");
    let document: Value = serde_json::from_slice(&answer.response.body).unwrap();
    let described = &document["paths"]["/app/a/{x}"];
    assert_eq!(described["get"]["summary"], "s");
    assert_eq!(described["parameters"][0]["name"], "x");
    assert_eq!(document["paths"]["/app/hidden"], Value::Null);
    assert!(document["paths"]["/app/commit"]["get"].is_object());
}

#[test]
fn an_application_is_replaced_and_removed() {
    let mut node = Node::new("export const f = () => ({ body: 'one' })", &[("GET", "/f", "f", json!({}))]);
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 one");
    node.install("export const f = () => ({ body: 'two' })", &[]);
    assert_eq!(node.ask("GET /app/f", "").summary(), "200 two");
    let mut tx = Tx::new(node.store.latest());
    tx.remove(&TableName::new("public:ccf.gov.endpoints"), b"GET /f".as_slice());
    node.commit(tx);
    assert_eq!(node.ask("GET /app/f", "").summary(), "404 Unknown path: /f.");
}

#[test]
fn tables_of_the_service_are_out_of_reach() {
    let module = "
        export function f(request) {
            const found = [];
            for (const name of ['t', 'public:t', 'public:ccf.gov.t', 'public:ccf.internal.t', 'ccf.gov.t']) {
                for (const method of ['size', 'set']) {
                    try {
                        const table = ccf.kv[name];
                        method === 'size' ? table.size : table.set(ccf.strToBuf('k'), ccf.strToBuf('v'));
                        found.push(method[1]);
                    } catch (error) { found.push('-'); }
                }
            }
            return { body: found.join('') };
        }";
    for (mode, expected) in [("readwrite", "ieiei-i---"), ("readonly", "i-i-i-i---")] {
        let answer = Node::new(module, &[("GET", "/f", "f", json!({ "mode": mode }))]).ask("GET /app/f", "");
        assert_eq!(answer.text(), expected, "{mode}");
    }
}
