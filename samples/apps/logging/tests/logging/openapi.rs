//! The generated document beside that which CCF publishes for its sample.

use serde_json::Value;

/// What we have and CCF's published document has not: endpoints of CCF 7.0, the COSE receipt, and batches.
const ADDED: [&str; 4] = [
    "/app/log/blocking/private",
    "/app/log/private/batch",
    "/app/log/private/optional_commit",
    "/app/receipt/cose",
];

/// Schema of a batch.
const ADDED_SCHEMA: &str = "LoggingRecord__In_array";

/// Takes out the header `Prefer`, which CCF does not know; counts the operations that had it.
fn without_preferences(document: &mut Value) -> usize {
    let mut found = 0;
    let items = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in items.flat_map(|item| item.as_object_mut().unwrap().values_mut()) {
        let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else {
            continue;
        };
        let all = parameters.len();
        parameters.retain(|it| {
            !it["$ref"].as_str().is_some_and(|name| name.starts_with("#/components/parameters/Prefer"))
        });
        found += all - parameters.len();
        if parameters.is_empty() {
            operation.as_object_mut().unwrap().remove("parameters");
        }
    }
    document["components"].as_object_mut().unwrap().remove("parameters").unwrap();
    found
}

#[test]
fn the_document_equals_that_of_ccf_but_for_listed_differences() {
    let Ok(ccf) = std::env::var("COCO_CCF") else {
        eprintln!("SKIPPED: set COCO_CCF to a checkout of CCF to compare OpenAPI documents");
        return;
    };
    let published = std::fs::read(format!("{ccf}/doc/schemas/app_openapi.json")).unwrap();
    let expected: Value = serde_json::from_slice(&published).unwrap();
    let mut ours = coco_sample_logging::adapter().openapi();
    assert!(without_preferences(&mut ours) > 25);
    for path in ADDED {
        assert!(expected["paths"].get(path).is_none(), "{path}");
        ours["paths"].as_object_mut().unwrap().remove(path).unwrap();
    }
    assert!(expected["components"]["schemas"].get(ADDED_SCHEMA).is_none());
    ours["components"]["schemas"].as_object_mut().unwrap().remove(ADDED_SCHEMA).unwrap();
    let paths = |document: &Value| document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&ours), paths(&expected));
    for (path, item) in expected["paths"].as_object().unwrap() {
        assert_eq!(&ours["paths"][path], item, "{path}");
    }
    assert_eq!(ours, expected);
}

#[test]
fn the_document_is_served() {
    let mut service = crate::service::Service::new();
    let served = service.anonymous("GET /app/api", &[], b"");
    let served: Value = serde_json::from_slice(&served.body).unwrap();
    assert_eq!(served, service.adapter.openapi());
}
