//! What the OpenAPI document says beyond what endpoints say of themselves.

use coco_app::{Description, Endpoint, EndpointMode, Method, Response, Schema, Status};
use serde_json::{Value, json};

use crate::{adapter, endpoint};

#[test]
fn operations_name_what_a_client_may_prefer() {
    let read = |path, mode| {
        Endpoint::read(Method::Get, path, &[], |_, _| Ok(Response::empty(Status::OK))).mode(mode)
    };
    let queried = Description::default().query("id", Schema::uint64());
    let document = adapter([
        endpoint(Method::Post, "/write"),
        endpoint(Method::Put, "/write").describe(queried),
        read("/read", EndpointMode::Read),
        read("/file", EndpointMode::Host),
        read("/then", EndpointMode::Historical),
        read("/proof", EndpointMode::Receipt),
    ])
    .openapi();
    let reference = |name| json!({ "$ref": format!("#/components/parameters/{name}") });
    let id = json!({
        "in": "query", "name": "id", "required": true, "schema": { "$ref": "#/components/schemas/uint64" },
    });
    for (path, method, expected) in [
        ("write", "post", json!([reference("PreferCommit")])),
        ("write", "put", json!([id, reference("PreferCommit")])),
        ("read", "get", json!([reference("PreferConsistency")])),
        ("file", "get", Value::Null),
        ("then", "get", Value::Null),
        ("proof", "get", Value::Null),
    ] {
        assert_eq!(
            document["paths"][format!("/app/{path}")][method]["parameters"],
            expected,
            "{method} {path}"
        );
    }
    for (name, words) in [("PreferCommit", "wait="), ("PreferConsistency", "consistency=linearizable")] {
        let header = &document["components"]["parameters"][name];
        assert_eq!((&header["in"], &header["name"]), (&json!("header"), &json!("Prefer")), "{name}");
        assert!(header["description"].as_str().unwrap().contains(words), "{name}");
        assert!(header["example"].as_str().unwrap().starts_with(words), "{name}");
    }
}
