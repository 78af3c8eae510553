//! Endpoints that a user installs are there for the next request, whoever sends it by which connection.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use coco_client::{Answer, Client, Method, StatusCode, governance};
use coco_e2e::{Consortium, Node};
use serde_json::{Value, json};

fn bundle(path: &str) -> Value {
    let endpoint = json!({
        "js_module": "who.js", "js_function": "who", "mode": "readonly", "openapi": {},
        "forwarding_required": "never", "redirection_strategy": "none", "authn_policies": ["no_auth"],
    });
    let module = "export const who = (request) => ({ body: request.route });";
    json!({
        "metadata": { "endpoints": { path: { "get": endpoint } } },
        "modules": [{ "name": "who.js", "module": module }],
    })
}

async fn install(client: &mut Client, bundle: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let body = Bytes::from(bundle.to_string());
    client.send(Method::PUT, "/app/custom_endpoints", &headers, body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_installs_is_there_at_once() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let node = Node::start_app("programmability", &consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let mut admin = node.client(Some(consortium.user()));
    assert_eq!(install(&mut admin, &bundle("/a")).await.status, StatusCode::FORBIDDEN);

    let data = json!({ "user_id": consortium.user().id().to_hex(), "user_data": { "isAdmin": true } });
    let actions = json!([{ "name": "set_user_data", "args": data }]);
    governance::decide(&mut node.client(None), &consortium.signers(), &actions).await.unwrap();
    let mut last = "/none".to_owned();
    for round in 0..20 {
        let path = format!("/round{round}");
        let answer = install(&mut admin, &bundle(&path)).await;
        answer.expect(StatusCode::NO_CONTENT, "an installation").unwrap();
        let mut anyone = node.client(None);
        let answer = anyone.get(&format!("/app{path}")).await.unwrap();
        let answer = answer.expect(StatusCode::OK, "what is installed").unwrap();
        assert_eq!(&*answer.body, format!("/app{path}").as_bytes());
        assert_eq!(anyone.get(&format!("/app{last}")).await.unwrap().status, StatusCode::NOT_FOUND);
        last = path;
    }
}
