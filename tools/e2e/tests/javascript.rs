//! An application in JavaScript: installed by vote, called, proved, replaced, and hostile.

use bytes::Bytes;
use coco_client::{Answer, Client, Identity, Method, StatusCode, client::TxStatus, governance};
use coco_e2e::{Consortium, Node};
use serde_json::{Value, json};

const RECORDS: &str = r#"
import { keyOf } from "./lib/keys.js";

export function put(request) {
  const { id, msg } = request.body.json();
  ccf.kv["records"].set(keyOf(id), ccf.strToBuf(msg));
  ccf.rpc.setClaimsDigest(ccf.crypto.digest("SHA-256", ccf.strToBuf(msg)));
  return { body: true };
}

export function get(request) {
  const msg = ccf.kv["records"].get(keyOf(request.params.id));
  return msg === undefined ? { statusCode: 404 } : { body: { msg: ccf.bufToStr(msg) } };
}

export function past(request) {
  const { transactionId, receipt, kv } = ccf.historicalState;
  return { body: { transactionId, msg: ccf.bufToStr(kv.records.get(keyOf(request.params.id))), receipt } };
}

export const who = (request) => ({ body: request.caller });

export function forever() {
  for (;;);
}
"#;
const KEYS: &str = "export const keyOf = (id) => ccf.strToBuf(`${id}`);";

fn bundle() -> Value {
    let endpoint = |function: &str, mode: &str, policies: Value| {
        json!({
            "js_module": "records.js", "js_function": function, "mode": mode, "openapi": {},
            "forwarding_required": "sometimes", "authn_policies": policies,
            "interpreter_reuse": { "key": "records" },
        })
    };
    let (user, anyone) = (json!(["user_cert"]), json!(["no_auth"]));
    json!({
        "metadata": { "endpoints": {
            "/records": { "post": endpoint("put", "readwrite", user.clone()) },
            "/records/{id}": { "get": endpoint("get", "readonly", user.clone()) },
            "/records/{id}/past": { "get": endpoint("past", "historical", user.clone()) },
            "/who": { "get": endpoint("who", "readonly", user) },
            "/forever": { "get": endpoint("forever", "readonly", anyone) },
        }},
        "modules": [
            { "name": "records.js", "module": RECORDS },
            { "name": "lib/keys.js", "module": KEYS },
        ],
    })
}

/// Asks for a past transaction until it is there.
async fn past(client: &mut Client, path: &str, transaction: &str) -> Answer {
    loop {
        let headers = [("x-ms-ccf-transaction-id", transaction)];
        let answer = client.send(Method::GET, path, &headers, Bytes::new()).await;
        let answer = answer.expect("the node answers");
        if answer.status != StatusCode::ACCEPTED {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_installed_called_and_removed() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let node = Node::start_app("js", &consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let (mut anyone, members) = (node.client(None), consortium.signers());
    let mut user = node.client(Some(consortium.user()));
    assert_eq!(anyone.get("/app/who").await.unwrap().status, StatusCode::NOT_FOUND);

    let broken = json!({ "metadata": { "endpoints": {} }, "modules": [{ "name": "a.js", "module": "{" }] });
    let install = |bundle: Value| json!([{ "name": "set_js_app", "args": { "bundle": bundle } }]);
    assert!(
        governance::decide(&mut anyone, &members, &install(broken)).await.is_err(),
        "it is no JavaScript"
    );
    governance::decide(&mut anyone, &members, &install(bundle())).await.unwrap();

    assert_eq!(anyone.get("/app/who").await.unwrap().status, StatusCode::UNAUTHORIZED);
    let who: Value = user.get("/app/who").await.unwrap().json().unwrap();
    assert_eq!(who["policy"], "user_cert");
    let written = user.post("/app/records", &json!({ "id": 7, "msg": "hello" })).await.unwrap();
    let transaction = written.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
    user.wait_for_commit(transaction, std::time::Duration::from_secs(60)).await.unwrap();
    let read: Value = user.get("/app/records/7").await.unwrap().json().unwrap();
    assert_eq!(read, json!({ "msg": "hello" }));
    assert_eq!(user.get("/app/records/8").await.unwrap().status, StatusCode::NOT_FOUND);
    let proved: Value =
        past(&mut user, "/app/records/7/past", &transaction.to_string()).await.json().unwrap();
    assert_eq!(proved["transactionId"], transaction.to_string());
    assert_eq!(proved["msg"], "hello");
    assert!(proved["receipt"]["leaf_components"]["write_set_digest"].is_string(), "{proved}");

    let options =
        json!({ "max_heap_bytes": 104_857_600, "max_stack_bytes": 1_048_576, "max_execution_time_ms": 200 });
    let limit = json!([{ "name": "set_js_runtime_options", "args": options }]);
    governance::decide(&mut anyone, &members, &limit).await.unwrap();
    for _ in 0..3 {
        let ended = anyone.get("/app/forever").await.unwrap();
        assert_eq!(ended.status, StatusCode::INTERNAL_SERVER_ERROR);
        let body: Value = ended.json().unwrap();
        assert_eq!(body["error"]["message"], "Operation took too long to complete.");
        assert_eq!(user.get("/app/records/7").await.unwrap().status, StatusCode::OK);
    }

    let refresh = json!([{ "name": "refresh_js_app_bytecode_cache", "args": {} }]);
    governance::decide(&mut anyone, &members, &refresh).await.unwrap();
    assert_eq!(user.get("/app/records/7").await.unwrap().status, StatusCode::OK);
    let remove = json!([{ "name": "remove_js_app", "args": {} }]);
    governance::decide(&mut anyone, &members, &remove).await.unwrap();
    assert_eq!(user.get("/app/records/7").await.unwrap().status, StatusCode::NOT_FOUND);
}

const SMALL: &str = r#"
export function put(request) {
  ccf.kv["records"].set(ccf.strToBuf("k"), ccf.strToBuf("v"));
  console.log("put", request.route);
  return {};
}

export function fail() {
  console.warn("soon");
  throw new Error("no such luck");
}
"#;

/// A bundle of `SMALL` with these endpoints: path, function, and what differs.
fn small(module: &str, endpoints: &[(&str, &str, Value)]) -> Value {
    let mut described = json!({});
    for (path, function, differs) in endpoints {
        let mut endpoint = json!({
            "js_module": "small.js", "js_function": function, "mode": "readwrite", "openapi": {},
            "forwarding_required": "always", "authn_policies": ["no_auth"],
        });
        for (name, value) in differs.as_object().into_iter().flatten() {
            endpoint[name] = value.clone();
        }
        described[path] = json!({ "post": endpoint });
    }
    let modules = json!([{ "name": "small.js", "module": module }]);
    let bundle = json!({ "metadata": { "endpoints": described }, "modules": modules });
    json!([{ "name": "set_js_app", "args": { "bundle": bundle } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_answer_at_commit() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    // Nothing is committed but by this timer.
    let signing =
        json!({ "ledger_signatures": { "timing": "fixed", "tx_count": 100_000, "delay": "300ms" } });
    let node = Node::start_app("js", &consortium, &directory.path().join("node"), &signing);
    node.open(&consortium).await;
    let (mut anyone, members) = (node.client(None), consortium.signers());
    let too_long = small(SMALL, &[("/late", "put", json!({ "at_commit_ms": 60_001 }))]);
    assert!(governance::decide(&mut anyone, &members, &too_long).await.is_err());
    let endpoints = [
        ("/now", "put", json!({})),
        ("/late", "put", json!({ "at_commit_ms": 60_000 })),
        ("/hasty", "put", json!({ "at_commit_ms": 1 })),
    ];
    governance::decide(&mut anyone, &members, &small(SMALL, &endpoints)).await.unwrap();

    let mut pending = 0;
    for _ in 0..5 {
        let written = anyone.post("/app/late", &json!({})).await.unwrap();
        assert!(written.headers.contains_key("preference-applied"), "{written:?}");
        let transaction = written.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
        assert_eq!(anyone.status(transaction).await.unwrap(), TxStatus::Committed);
        for path in ["/app/now", "/app/hasty"] {
            let written = anyone.post(path, &json!({})).await.unwrap();
            let transaction = written.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
            pending += usize::from(anyone.status(transaction).await.unwrap() == TxStatus::Pending);
        }
    }
    assert!(pending > 0, "the others do not wait");
}

/// What a client is told of what the application printed.
async fn console(node: &Node, identity: Option<&Identity>, query: &str) -> (StatusCode, Value) {
    let path = format!("/gov/coco/javascript-app/console?api-version=2024-07-01{query}");
    let answer = node.client(identity).get(&path).await.expect("the node answers");
    (answer.status, answer.json().expect("it answers in JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_read_what_an_application_prints() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let node = Node::start_app("js", &consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let (mut anyone, members) = (node.client(None), consortium.signers());
    let endpoints = [("/put", "put", json!({})), ("/fail", "fail", json!({}))];
    governance::decide(&mut anyone, &members, &small(SMALL, &endpoints)).await.unwrap();
    let options = json!({
        "max_heap_bytes": 104_857_600, "max_stack_bytes": 1_048_576, "max_execution_time_ms": 5000,
        "log_exception_details": true,
    });
    let options = json!([{ "name": "set_js_runtime_options", "args": options }]);
    governance::decide(&mut anyone, &members, &options).await.unwrap();
    for (path, status) in [("/app/put", 200), ("/app/fail", 500), ("/app/put", 200)] {
        assert_eq!(anyone.post(path, &json!({})).await.unwrap().status.as_u16(), status);
    }

    for outsider in [None, Some(consortium.user())] {
        assert_eq!(console(&node, outsider, "").await.0, StatusCode::UNAUTHORIZED);
    }
    let member = Some(&members[1]);
    let (status, page) = console(&node, member, "").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let lines: Vec<_> = page["value"].as_array().unwrap().iter().collect();
    let line = |line: &Value| {
        let text = line["text"].as_str().unwrap().lines().next().unwrap().to_owned();
        (line["endpoint"].as_str().unwrap().to_owned(), line["level"].as_str().unwrap().to_owned(), text)
    };
    let expected =
        |endpoint: &str, level: &str, text: &str| (endpoint.to_owned(), level.to_owned(), text.to_owned());
    let exception = "Exception thrown while executing. Error: no such luck:     at fail (/small.js:10:13)";
    assert_eq!(
        lines.iter().map(|it| line(it)).collect::<Vec<_>>(),
        [
            expected("POST /put", "info", "put /app/put"),
            expected("POST /fail", "fail", "soon"),
            expected("POST /fail", "exception", exception),
            expected("POST /put", "info", "put /app/put"),
        ]
    );
    let (_, page) = console(&node, member, "&endpoint=POST%20%2Ffail&after=2").await;
    assert_eq!((page["value"].as_array().unwrap().len(), &page["last"]), (1, &json!(4)));

    let silent = "export function put() { return {}; }";
    governance::decide(&mut anyone, &members, &small(silent, &endpoints[..1])).await.unwrap();
    assert_eq!(console(&node, member, "").await.1, json!({ "value": [], "dropped": 0, "last": 4 }));
}

/// CCF's logging application, read from its sources, with exceptions shown.
#[tokio::test(flavor = "multi_thread")]
async fn the_logging_application_of_ccf_runs_unchanged() {
    let Some(root) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, so CCF's logging application is not run");
        return;
    };
    let folder = std::path::Path::new(&root).join("samples/apps/logging/js");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let metadata: Value = serde_json::from_str(&read("app.json")).unwrap();
    let bundle = json!({
        "metadata": metadata, "modules": [{ "name": "logging.js", "module": read("src/logging.js") }],
    });
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let node = Node::start_app("js_generic", &consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let (mut anyone, members) = (node.client(None), consortium.signers());
    let options = json!({
        "max_heap_bytes": 104_857_600, "max_stack_bytes": 1_048_576, "max_execution_time_ms": 5000,
        "return_exception_details": true,
    });
    let actions = json!([
        { "name": "set_js_app", "args": { "bundle": bundle } },
        { "name": "set_js_runtime_options", "args": options },
    ]);
    governance::decide(&mut anyone, &members, &actions).await.unwrap();
    let mut user = node.client(Some(consortium.user()));
    for round in 0..20 {
        for table in ["public", "private"] {
            let path = format!("/app/log/{table}");
            let answer = user.post(&path, &json!({ "id": round, "msg": "m" })).await.unwrap();
            answer.expect(StatusCode::OK, "a write").unwrap();
            let answer = user.get(&format!("{path}?id={round}")).await.unwrap();
            let read: Value = answer.expect(StatusCode::OK, "a read").unwrap().json().unwrap();
            assert_eq!(read, json!({ "msg": "m" }));
            let answer = user.get(&format!("{path}/count")).await.unwrap();
            let count: u64 = answer.expect(StatusCode::OK, "a count").unwrap().json().unwrap();
            assert_eq!(count, round + 1);
        }
    }
}
