//! Hostile scripts, several at a time: each ends as it should, the node lives, and others hardly notice.
//!
//! The full size is `cargo xtask long scripts`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod governors;
mod honest;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use coco_client::{Client, governance};
use coco_e2e::{Consortium, Node, scale};
use serde_json::{Map, Value, json};

use crate::{
    cases::{ENDLESS, MODULES, OTHERS},
    honest::{Ask, Honest, Latencies},
};

const HONEST: &str = "
export const get = () => ({ body: { sum: [1, 2].map((n) => n).reduce((a, b) => a + b) } });
export function put(request) {
  ccf.kv.honest.set(ccf.strToBuf('k'), ccf.jsonCompatibleToBuf(request.body.json().value));
  return { body: true };
}";

/// An endpoint that is called again and again, and what is to come of it.
#[derive(Clone)]
struct Hostile {
    name: &'static str,
    path: String,
    expected: String,
}

/// The endpoint of a case: every other one shares its interpreter with others.
fn endpoint(module: &str, function: &str, number: usize) -> Value {
    let mut endpoint = json!({
        "js_module": module, "js_function": function, "mode": "readwrite", "openapi": {},
        "forwarding_required": "sometimes", "authn_policies": ["no_auth"],
    });
    if number % 2 == 1 {
        endpoint["interpreter_reuse"] = json!({ "key": "hostile" });
    }
    endpoint
}

/// All hostile endpoints and the honest ones.
fn bundle() -> Value {
    let (mut endpoints, mut source, mut modules) = (Map::new(), String::new(), Vec::new());
    let bodies = ENDLESS.iter().map(|(_, body)| body).chain(OTHERS.iter().map(|(_, body, _)| body));
    for (number, body) in bodies.enumerate() {
        source += &format!("export function h{number}(request) {{ {body} }}\n");
        let hostile = endpoint("hostile.js", &format!("h{number}"), number);
        endpoints.insert(format!("/hostile/{number}"), json!({ "post": hostile }));
    }
    for (name, source, _) in MODULES {
        endpoints.insert(format!("/{name}"), json!({ "post": endpoint(name, "f", 0) }));
        modules.push(json!({ "name": name, "module": source }));
    }
    let (read, write) = (endpoint("honest.js", "get", 0), endpoint("honest.js", "put", 0));
    endpoints.insert("/honest".into(), json!({ "get": read, "post": write }));
    modules.push(json!({ "name": "hostile.js", "module": source }));
    modules.push(json!({ "name": "honest.js", "module": HONEST }));
    json!({ "metadata": { "endpoints": endpoints }, "modules": modules })
}

fn endless() -> Vec<Hostile> {
    let expected = "500 Operation took too long to complete.: InternalError: interrupted";
    let hostile = ENDLESS.iter().enumerate().map(|(number, (name, _))| Hostile {
        name,
        path: format!("/app/hostile/{number}"),
        expected: expected.to_owned(),
    });
    hostile.collect()
}

fn others() -> Vec<Hostile> {
    let functions = OTHERS.iter().enumerate().map(|(number, (name, _, expected))| Hostile {
        name,
        path: format!("/app/hostile/{}", ENDLESS.len() + number),
        expected: (*expected).to_owned(),
    });
    let modules = MODULES.iter().map(|(name, _, expected)| Hostile {
        name,
        path: format!("/app/{name}"),
        expected: (*expected).to_owned(),
    });
    functions.chain(modules).collect()
}

/// Status and body; of an error its message and the exception.
async fn call(client: &mut Client, path: &str) -> String {
    let answer = client.post(path, &json!({ "a": 1 })).await.expect("the node answers");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let Some(message) = json["error"]["message"].as_str() else {
        return format!("{} {body}", answer.status.as_u16());
    };
    let exception = json["error"]["details"][0]["message"].as_str();
    let exception = exception.map_or_else(String::new, |exception| format!(": {exception}"));
    format!("{} {message}{exception}", answer.status.as_u16())
}

/// Has `callers` call all endpoints in turns, each at least `rounds` times and for as long as `at_least`, while others ask
/// for what is honest; what those found.
async fn attack(
    node: &Node,
    consortium: &Consortium,
    hostile: &[Hostile],
    callers: usize,
    at_least: Duration,
) -> Latencies {
    let honest = Honest::start(node, consortium).await;
    let (began, turn) = (Instant::now(), Arc::<AtomicUsize>::default());
    let attackers: Vec<_> = (0..callers)
        .map(|_| {
            let (mut client, hostile, turn) = (node.client(None), hostile.to_vec(), Arc::clone(&turn));
            tokio::spawn(async move {
                let mut wrong = Vec::new();
                loop {
                    let number = turn.fetch_add(1, Ordering::SeqCst);
                    if number >= hostile.len() && began.elapsed() >= at_least {
                        return wrong;
                    }
                    let Hostile { name, path, expected } = &hostile[number % hostile.len()];
                    let found = call(&mut client, path).await;
                    if !found.starts_with(expected) {
                        wrong.push(format!("{name}: {found}, not {expected}"));
                    }
                }
            })
        })
        .collect();
    let mut wrong = Vec::new();
    for attacker in attackers {
        wrong.extend(attacker.await.unwrap());
    }
    let latencies = honest.end().await;
    println!("{} hostile calls in {:?}", turn.load(Ordering::SeqCst) - callers, began.elapsed());
    assert_eq!(wrong, [""; 0]);
    latencies
}

async fn limit(node: &Node, consortium: &Consortium, time_ms: u64, heap_bytes: u64) {
    let options = json!({
        "max_heap_bytes": heap_bytes, "max_stack_bytes": 1 << 20, "max_execution_time_ms": time_ms,
        "return_exception_details": true,
    });
    let actions = json!([{ "name": "set_js_runtime_options", "args": options }]);
    governance::decide(&mut node.client(None), &consortium.signers(), &actions).await.unwrap();
}

/// Whether others hardly noticed: they waited at most three times as long as without. In the gate, where other tests run
/// beside, it is enough that they did not wait for a script to end.
fn check(what: &str, before: &Latencies, during: &Latencies) {
    for ask in [Ask::Native, Ask::Read, Ask::Write] {
        let (base, found) = (before.p99(ask), during.p99(ask));
        println!(
            "{what}: {ask:?} p99 {base:?} alone, {found:?} beside them, of {} and {}",
            before.count(ask),
            during.count(ask)
        );
        let most = (3 * base).max(scale::of(Duration::from_millis(150), Duration::ZERO));
        assert!(found <= most, "{what}: {ask:?} took {found:?}, alone {base:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_scripts_end_and_others_hardly_notice() {
    let count = ENDLESS.len() + OTHERS.len() + MODULES.len();
    assert!(count >= 40, "{count} hostile scripts");
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let mut node = Node::start_app("js", &consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let actions = json!([{ "name": "set_js_app", "args": { "bundle": bundle() } }]);
    governance::decide(&mut node.client(None), &consortium.signers(), &actions).await.unwrap();

    let span = Duration::from_secs(scale::of(6, 30));
    let callers = scale::of(4, 16);
    drop(attack(&node, &consortium, &[], 0, Duration::ZERO).await);
    let alone = {
        let honest = Honest::start(&node, &consortium).await;
        tokio::time::sleep(span).await;
        honest.end().await
    };
    limit(&node, &consortium, scale::of(300, 1_000), 100 << 20).await;
    let beside = attack(&node, &consortium, &endless(), callers, span).await;
    check("endless", &alone, &beside);
    // In the gate little memory, so that no script that uses it up takes as long as a client waits.
    limit(&node, &consortium, 60_000, scale::of(8 << 20, 16 << 20)).await;
    let beside = attack(&node, &consortium, &others(), callers, span).await;
    check("others", &alone, &beside);
    // Ballots get no less than 5 s.
    limit(&node, &consortium, 5_000, 100 << 20).await;
    let honest = Honest::start(&node, &consortium).await;
    governors::ballots(&node, &consortium).await;
    governors::constitutions(&node, &consortium).await;
    check("members", &alone, &honest.end().await);
    assert!(node.is_running(), "{}", node.log());
}
