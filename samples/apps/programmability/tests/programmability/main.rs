//! The programmability application through its adapter: who may change it, what is kept of that, and what scripts may do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod service;

use coco_kv::Reader as _;
use coco_wire::TableName;
use serde_json::{Value, json};

use crate::service::{NOW_S, Service};

/// One endpoint at `path`, the function `f` of a module.
fn bundle(path: &str, module: &str) -> Value {
    let endpoint = json!({
        "js_module": "a.js", "js_function": "f", "forwarding_required": "never",
        "redirection_strategy": "none", "authn_policies": ["no_auth"], "openapi": {},
    });
    json!({
        "metadata": { "endpoints": { path: { "post": endpoint } } },
        "modules": [{ "name": "a.js", "module": module }],
    })
}

const HELLO: &str = "export const f = () => ({ body: 'hello' });";
const PUT: &str = "PUT /app/custom_endpoints";
const OPTIONS: &str = "/app/custom_endpoints/runtime_options";

#[test]
fn admins_install_endpoints_and_leave_a_trail() {
    let mut service = Service::new();
    assert_eq!(service.anyone("POST /app/a", &json!({})), "404 Unknown path: /a.");
    assert_eq!(service.admin(PUT, &bundle("/a", HELLO)), "204 ");
    assert_eq!(service.anyone("POST /app/a", &json!({})), "200 hello");
    let admin = service.admin.id();
    assert_eq!(
        service.only("public:custom_endpoints.audit.info"),
        json!({ "format": "JSON", "user_id": admin, "action_name": "PUT /app/custom_endpoints" })
    );

    let message = service.admin.sign("custom_endpoints", Some(NOW_S), &bundle("/b", HELLO));
    assert_eq!(service.signed(PUT, &message), "204 ");
    assert_eq!(service.anyone("POST /app/a", &json!({})), "404 Unknown path: /a.");
    assert_eq!(service.anyone("POST /app/b", &json!({})), "200 hello");
    let info = service.only("public:custom_endpoints.audit.info");
    assert_eq!((&info["format"], &info["user_id"]), (&json!("COSE"), &json!(admin)));
    let input = service.only("public:custom_endpoints.audit.input");
    assert_eq!(input, coco_wire::text::encode_base64(&message));

    let mut expected = bundle("/b", HELLO);
    expected["modules"][0]["name"] = "/a.js".into();
    let endpoint = expected["metadata"]["endpoints"]["/b"]["post"].take();
    expected["metadata"]["endpoints"]["/b"] = json!({ "POST": endpoint });
    let shown = service.anyone("GET /app/custom_endpoints", &json!({}));
    let shown: Value = serde_json::from_str(shown.strip_prefix("200 ").unwrap()).unwrap();
    assert_eq!(shown, expected);
    for (query, answer) in [
        ("?module_name=a.js", format!("200 {HELLO}")),
        ("?module_name=/a.js", format!("200 {HELLO}")),
        ("?module_name=b.js", "404 Failed to get module: NotFound".to_owned()),
        ("", "400 Missing query parameter 'module_name'".to_owned()),
    ] {
        assert_eq!(service.anyone(&format!("GET /app/custom_endpoints/modules{query}"), &json!({})), answer);
    }
}

#[test]
fn others_install_nothing() {
    let mut service = Service::new();
    let good = bundle("/a", HELLO);
    let unauthenticated = "401 Invalid authentication credentials.";
    assert_eq!(service.anyone(PUT, &good), unauthenticated);
    assert_eq!(service.user(PUT, &good), "403 Only admins may access this endpoint.");
    assert_eq!(
        service.user(&format!("PATCH {OPTIONS}"), &json!({})),
        "403 Only admins may access this endpoint."
    );
    let message = service.user.sign("custom_endpoints", Some(NOW_S), &good);
    assert_eq!(service.signed(PUT, &message), "403 Only admins may access this endpoint.");
    let message = service.admin.sign("runtime_options", Some(NOW_S), &good);
    assert_eq!(service.signed(PUT, &message), unauthenticated, "it was signed for another purpose");
    let message = service.admin.sign("custom_endpoints", None, &good);
    assert_eq!(service.signed(PUT, &message), "400 Missing app.msg.created_at protected header");
    for (what, part) in [
        (json!([]), "400 The request is not a JSON object."),
        (json!({ "modules": [] }), "400 missing field `metadata`"),
        (bundle("a", HELLO), "400 No endpoint can be POST a"),
        (bundle("/a", "export const f ="), "400 Failed to install endpoints: "),
        (bundle("/a", "import './b.js';"), "400 Failed to install endpoints: "),
    ] {
        let answer = service.admin(PUT, &what);
        assert!(answer.starts_with(part), "{what}: {answer}");
    }
    assert_eq!(service.anyone("POST /app/a", &json!({})), "404 Unknown path: /a.");
    let table = TableName::new("public:custom_endpoints.audit.info");
    assert!(service.store.latest().is_empty(&table), "what was refused leaves nothing");
}

#[test]
fn a_signed_action_is_done_once() {
    let mut service = Service::new();
    let sign = |service: &Service, at_s| service.admin.sign("runtime_options", Some(at_s), &json!({}));
    let patch = format!("PATCH {OPTIONS}");
    let first = sign(&service, NOW_S);
    assert!(service.signed(&patch, &first).starts_with("200 "));
    assert_eq!(service.signed(&patch, &first), "400 Action was already applied");
    for at_s in 1..=250 {
        let message = sign(&service, NOW_S + at_s);
        assert!(service.signed(&patch, &message).starts_with("200 "), "{at_s}");
    }
    let recent = TableName::new("public:custom_endpoints.recent_actions");
    assert_eq!(service.store.latest().len(&recent), 100);
    for (at_s, expected) in [(0, "400 "), (150, "400 "), (199, "400 "), (201, "200 "), (249, "200 ")] {
        let message = sign(&service, NOW_S + at_s);
        let answer = service.signed(&patch, &message);
        assert!(answer.starts_with(expected), "{at_s}: {answer}");
    }
    assert_eq!(service.signed(&patch, &first), "400 Action created_at timestamp is too old");
}

#[test]
fn options_are_patched() {
    let mut service = Service::new();
    let read = |answer: String| serde_json::from_str::<Value>(answer.strip_prefix("200 ").unwrap()).unwrap();
    let defaults = read(service.anyone(&format!("GET {OPTIONS}"), &json!({})));
    assert_eq!(defaults["max_heap_bytes"], 104_857_600);
    let patch = format!("PATCH {OPTIONS}");
    let steps = [
        (json!({}), json!({})),
        (
            json!({ "max_execution_time_ms": 50, "max_heap_bytes": 1_u64 << 40 }),
            json!({ "max_heap_bytes": 1_u64 << 40, "max_execution_time_ms": 50 }),
        ),
        (json!({ "max_heap_bytes": null }), json!({ "max_execution_time_ms": 50 })),
    ];
    for (change, differs) in steps {
        let mut expected = defaults.clone();
        expected.as_object_mut().unwrap().extend(differs.as_object().unwrap().clone());
        assert_eq!(read(service.admin(&patch, &change)), expected, "{change}");
        assert_eq!(read(service.anyone(&format!("GET {OPTIONS}"), &json!({}))), expected);
    }
    for wrong in [json!({ "max_heap_bytes": "much" }), json!({ "max_stack_bytes": -1 })] {
        assert!(service.admin(&patch, &wrong).starts_with("400 "), "{wrong}");
    }
    // They are those of scripts that are installed here.
    assert_eq!(service.admin(PUT, &bundle("/a", "export function f() { for (;;); }")), "204 ");
    assert_eq!(service.anyone("POST /app/a", &json!({})), "500 Operation took too long to complete.");
}

#[test]
fn no_limit_exceeds_the_ceiling() {
    let mut service = Service::new();
    let options = json!({ "max_heap_bytes": 1_u64 << 40, "max_execution_time_ms": 86_400_000 });
    assert!(service.admin(&format!("PATCH {OPTIONS}"), &options).starts_with("200 "));
    let hoard = "export function f() { const kept = []; for (;;) kept.push(new Uint8Array(1 << 20)); }";
    assert_eq!(service.admin(PUT, &bundle("/a", hoard)), "204 ");
    assert_eq!(service.anyone("POST /app/a", &json!({})), "500 Exception thrown while executing.");
}

/// What a script may do with a table: read and write, each `1` if it may.
#[test]
fn tables_of_the_application_are_not_for_scripts() {
    let module = "
        const attempt = (act) => { try { act(); return 1; } catch (e) { return `0 ${e.message} `; } };
        export function f(request) {
            const table = () => ccf.kv[request.body.text()], key = new ArrayBuffer(8);
            return { body: `${attempt(() => table().get(key))}${attempt(() => table().set(key, key))}` };
        }";
    let mut service = Service::new();
    assert_eq!(service.admin(PUT, &bundle("/a", module)), "204 ");
    for (table, expected) in [
        ("mine", "11"),
        ("public:mine", "11"),
        ("programmability", "11"),
        (
            "programmability.records",
            "10 Cannot call set on table named programmability.records. The programmability.records map is managed by native endpoints, so is read-only in JS. ",
        ),
        (
            "programmability.x",
            "0 Cannot call get on table named programmability.x. The 'programmability.' prefix is reserved",
        ),
        ("public:programmability.roles.Reader", "0 Cannot call get"),
        (
            "public:custom_endpoints.modules",
            "10 Cannot call set on table named public:custom_endpoints.modules.",
        ),
        ("public:custom_endpoints.audit.input", "10 Cannot call set"),
        ("public:custom_endpoints.recent_actions", "10 Cannot call set"),
        (
            "public:ccf.gov.users.info",
            "10 Cannot call set on table named public:ccf.gov.users.info. This table is read-only in current (application)",
        ),
        ("ccf.gov.x", "0 "),
    ] {
        let answer = service.send(None, "POST /app/a", &[], table.as_bytes());
        let answer = answer.strip_prefix("200 ").unwrap();
        assert!(answer.starts_with(expected), "{table}: {answer}");
    }
}

#[test]
fn scripts_ask_native_code_for_roles() {
    let module = "export function f(request) {
        const [user, action] = request.body.json();
        return { body: `${my_object.my_constant} ${my_object.hasRole(user, action)}` };
    }";
    let mut service = Service::new();
    assert_eq!(service.admin(PUT, &bundle("/a", module)), "204 ");
    let (admin, user) = (service.admin.id(), service.user.id());
    let check = |service: &mut Service, arguments: Value, expected: &str| {
        assert_eq!(service.anyone("POST /app/a", &arguments), expected, "{arguments}");
    };
    check(&mut service, json!([admin, "/a/read"]), "200 Hello world false");
    service.write("public:programmability.roles.Reader", "\"/a/read\"", "\0\0\0\0\0\0\0\0");
    check(&mut service, json!([admin, "/a/read"]), "200 Hello world true");
    check(&mut service, json!([admin, "/a/write"]), "200 Hello world false");
    check(&mut service, json!([user, "/a/read"]), "200 Hello world false");
    check(&mut service, json!(["nobody", "/a/read"]), "200 Hello world false");
    for call in ["hasRole('a')", "hasRole('a', 'b', 'c')", "hasRole(Symbol(), 'b')"] {
        let module = format!("export const f = () => ({{ body: my_object.{call} }});");
        assert_eq!(service.admin(PUT, &bundle("/a", &module)), "204 ");
        check(&mut service, json!({}), "500 Exception thrown while executing.");
    }
}

#[test]
fn native_endpoints_live_beside_them() {
    let mut service = Service::new();
    assert_eq!(service.admin(PUT, &bundle("/records", HELLO)), "204 ");
    let record = "/app/records/a%20b";
    assert_eq!(service.user(&format!("GET {record}"), &json!({})), "404 No such key");
    assert_eq!(service.user(&format!("PUT {record}"), &json!("x")), "204 ");
    assert_eq!(service.user(&format!("GET {record}"), &json!({})), "200 \"x\"");
    assert_eq!(
        service.anyone(&format!("GET {record}"), &json!({})),
        "401 Invalid authentication credentials."
    );
    let shown = service.store.latest().get(&TableName::new("programmability.records"), b"\"a b\"").unwrap();
    assert_eq!(&*shown, b"\"Ingi\"", "base64 of what was sent, as CCF stores it");
    // Endpoints in JavaScript come first.
    assert_eq!(service.user("POST /app/records", &json!({ "k": "v" })), "200 hello");
    assert_eq!(service.admin(PUT, &bundle("/other", HELLO)), "204 ");
    assert_eq!(service.user("POST /app/records", &json!({ "k": "v" })), "204 ");
    assert_eq!(service.user("GET /app/records/k", &json!({})), "200 v");
    assert_eq!(
        service.user("POST /app/records", &json!({ "k": 1 })),
        "400 invalid type: integer `1`, expected a string at line 1 column 6"
    );
    assert!(service.anyone("GET /app/api", &json!({})).contains("/app/custom_endpoints/runtime_options"));
}
