//! How fast an application in JavaScript is beside the native one. For a machine that does nothing else:
//! `cargo test --release -p coco-e2e --test javascript_speed -- --ignored --nocapture`.

use std::{collections::BTreeMap, path::PathBuf};

use coco_client::governance;
use coco_e2e::{Consortium, Generator, Node, executable, figures};
use serde_json::{Value, json};

const LOGGING: &str = r#"
const idOf = (request) => new Map(request.query.split("&").map((it) => it.split("="))).get("id");

export function put(request) {
  const { id, msg } = request.body.json();
  ccf.kv["records"].set(ccf.strToBuf(`${id}`), ccf.strToBuf(msg));
  return { body: true };
}

export function get(request) {
  const msg = ccf.kv["records"].get(ccf.strToBuf(idOf(request)));
  return msg === undefined ? { statusCode: 404 } : { body: { msg: ccf.bufToStr(msg) } };
}
"#;

fn bundle(shared: bool) -> Value {
    let endpoint = |function: &str, mode: &str| {
        let mut endpoint = json!({
            "js_module": "logging.js", "js_function": function, "mode": mode, "openapi": {},
            "forwarding_required": "sometimes", "authn_policies": ["user_cert"],
        });
        if shared {
            endpoint["interpreter_reuse"] = json!({ "key": "logging" });
        }
        endpoint
    };
    json!({
        "metadata": { "endpoints": { "/log/private": {
            "post": endpoint("put", "readwrite"), "get": endpoint("get", "readonly"),
        } } },
        "modules": [{ "name": "logging.js", "module": LOGGING }],
    })
}

/// Rounds of each application; their medians count.
const ROUNDS: usize = 5;

/// What is measured: application, and whether calls share an interpreter.
const CONTENDERS: [(&str, &str, Option<bool>); 3] =
    [("native", "logging", None), ("shared", "js", Some(true)), ("fresh", "js", Some(false))];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn scripts_beside_the_native_application() {
    let load = std::env::var_os("COCO_LOAD").map_or_else(|| executable::release("coco-load"), PathBuf::from);
    let mut services = Vec::new();
    for (name, app, shared) in CONTENDERS {
        let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
        let node = Node::start_app(app, &consortium, &directory.path().join("node"), &json!({}));
        node.open(&consortium).await;
        if let Some(shared) = shared {
            let actions = json!([{ "name": "set_js_app", "args": { "bundle": bundle(shared) } }]);
            governance::decide(&mut node.client(None), &consortium.signers(), &actions).await.unwrap();
        }
        let files = directory.path().join("load");
        let generator = Generator::new(load.clone(), &consortium, &node.service, &files);
        services.push((name, node, generator, directory));
    }
    for mode in ["write", "read"] {
        let mut rates = BTreeMap::<_, Vec<f64>>::new();
        for round in 0..ROUNDS {
            for (name, node, generator, _) in &services {
                let arguments = ["--mode", mode, "--duration", "3s", "--warm-up", "1s"];
                let report = generator.send(node, &[node.pid()], 100, &arguments);
                println!("{name} {mode} {round}: {report}");
                rates.entry(*name).or_default().push(report.per_second);
            }
        }
        let median = |name: &str| figures::median(&rates[name]);
        for (name, found) in &rates {
            let (rate, native) = (median(name), median("native"));
            println!("{mode} {name}: {rate:.0}/s, {:.3} of native, rounds {found:.0?}", rate / native);
        }
    }
}
