//! How fast an application in JavaScript is beside the native one. For a machine that does nothing else:
//! `cargo test --release -p coco-e2e --test javascript_speed -- --ignored --nocapture`.

use std::path::PathBuf;

use coco_client::governance;
use coco_e2e::{Consortium, Generator, Node, executable};
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn scripts_beside_the_native_application() {
    let load = std::env::var_os("COCO_LOAD").map_or_else(|| executable::release("coco-load"), PathBuf::from);
    for (app, shared) in [("logging", None), ("js", Some(true)), ("js", Some(false))] {
        let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
        let node = Node::start_app(app, &consortium, &directory.path().join("node"), &json!({}));
        node.open(&consortium).await;
        if let Some(shared) = shared {
            let actions = json!([{ "name": "set_js_app", "args": { "bundle": bundle(shared) } }]);
            governance::decide(&mut node.client(None), &consortium.signers(), &actions).await.unwrap();
        }
        let generator =
            Generator::new(load.clone(), &consortium, &node.service, &directory.path().join("load"));
        for mode in ["write", "read"] {
            let arguments = ["--mode", mode, "--duration", "4s", "--warm-up", "1s"];
            let report = generator.send(&node, &[node.pid()], 100, &arguments);
            println!("{app} {shared:?} {mode}: {report}");
        }
    }
}
