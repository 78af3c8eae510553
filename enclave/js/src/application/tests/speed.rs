//! How long calls take in one thread: `cargo test --release -p coco-js speed -- --ignored --nocapture`.

use super::*;

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

#[test]
#[ignore = "measures"]
fn speed_of_calls() {
    let shared = json!({ "interpreter_reuse": { "key": "k" } });
    let endpoints = [
        ("POST", "/own", "put", json!({})),
        ("GET", "/own", "get", json!({ "mode": "readonly" })),
        ("POST", "/shared", "put", shared.clone()),
        ("GET", "/shared", "get", shared),
    ];
    let mut node = Node::new(LOGGING, &endpoints);
    for (line, count) in [
        ("POST /app/own", 5_000_u32),
        ("GET /app/own?id=42", 5_000),
        ("POST /app/shared", 20_000),
        ("GET /app/shared?id=42", 20_000),
    ] {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..count / 5 {
                let answer = node.ask(line, "{\"id\":42,\"msg\":\"something to be logged\"}");
                assert_eq!(answer.response.status.0, 200);
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(count / 5));
        }
        println!("{line}: {best:.1} us");
    }
}
