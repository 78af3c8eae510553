//! The OpenAPI document, against CCF's and against what is answered.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, path::PathBuf};

use coco_app::Method;
use serde_json::{Map, Value};

use crate::harness::{Admin, document};

/// What CCF's document has and ours has not: gone in CCF 7.
const ABSENT: [&str; 2] = ["/paths//node/memory", "/components/schemas/MemoryUsage__Out"];
/// What ours has besides: of CCF 7, and our own.
const ADDED: [&str; 10] = [
    "/paths//node/receipt/cose",
    "/paths//node/metrics/prometheus",
    "/paths//node/attestation",
    "/components/schemas/AttestationNonce",
    "/components/schemas/PostAttestation__In",
    "/components/schemas/PostAttestation__Out",
    "/paths//node/leases",
    "/components/schemas/GetLeases__Out",
    "/components/schemas/NodeLease",
    "/components/schemas/NodeLease_array",
];
/// Kinds of machines, of which CCF has three.
const LONGER: &str = "/components/schemas/QuoteFormat/enum: ";

#[test]
fn the_document_is_that_of_ccf_but_for_a_list() {
    let Some(ccf) = std::env::var_os("COCO_CCF").map(PathBuf::from) else {
        eprintln!("SKIPPED: COCO_CCF names no CCF source tree to compare the OpenAPI document with");
        return;
    };
    let theirs = std::fs::read(ccf.join("doc/schemas/node_openapi.json")).unwrap();
    let theirs: Value = serde_json::from_slice(&theirs).unwrap();
    let mut ours = document();
    assert!(without_preferences(&mut ours) > 25);
    let mut differences = BTreeSet::new();
    compare("", &theirs, &ours, &mut differences);
    assert!(differences.iter().any(|it| it.starts_with(LONGER)));
    differences.retain(|it| !it.starts_with(LONGER));
    let expected = ABSENT.map(|path| format!("- {path}")).into_iter();
    let expected = expected.chain(ADDED.map(|path| format!("+ {path}"))).collect();
    assert_eq!(differences, expected);
}

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

fn compare(path: &str, theirs: &Value, ours: &Value, differences: &mut BTreeSet<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
            for key in keys {
                let path = format!("{path}/{key}");
                match (theirs.get(key), ours.get(key)) {
                    (Some(theirs), Some(ours)) => compare(&path, theirs, ours, differences),
                    (Some(_), None) => drop(differences.insert(format!("- {path}"))),
                    (None, _) => drop(differences.insert(format!("+ {path}"))),
                }
            }
        }
        // The order in which fields are compulsory says nothing.
        (Value::Array(theirs), Value::Array(ours)) if path.ends_with("/required") => {
            let set = |items: &[Value]| items.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            if set(theirs) != set(ours) {
                differences.insert(format!("{path}: {theirs:?} is {ours:?}"));
            }
        }
        _ if theirs == ours => {}
        _ => drop(differences.insert(format!("{path}: {theirs} is {ours}"))),
    }
}

#[test]
fn answers_are_as_the_document_says() {
    let document = document();
    let mut admin = Admin::start();
    admin.node.open();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let content = &operations["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if content.is_null() || path.contains("receipt") || path.ends_with("previous_identity") {
            continue;
        }
        let target = path.replace("{node_id}", &admin.id().to_hex());
        let target = if path.ends_with("/tx") { format!("{target}?transaction_id=2.1") } else { target };
        let response = admin.send(Method::Get, &target);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        conforms(schemas, content, &body).unwrap_or_else(|at| panic!("{target}: {at} in {body}"));
        checked += 1;
    }
    assert!(checked >= 22, "{checked}");
}

/// As much of JSON Schema as the document uses.
fn conforms(schemas: &Map<String, Value>, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().expect("a part");
        return conforms(schemas, &schemas[name], value).map_err(|at| format!("{name}/{at}"));
    }
    let fits = match schema["type"].as_str() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64(),
        Some(other) => panic!("{other}"),
    };
    let listed = schema["enum"].as_array().is_none_or(|values| values.contains(value));
    if !fits || !listed {
        return Err(format!(" {value} is no {schema}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(name).ok_or_else(|| format!("{name} is missing"))?;
    }
    for item in value.as_array().into_iter().flatten().filter(|_| schema.get("items").is_some()) {
        conforms(schemas, &schema["items"], item)?;
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => {
                conforms(schemas, schema, field).map_err(|at| format!("{key}/{at}"))?;
            }
            (None, None) if schema["type"].is_null() => {}
            (None, None) => return Err(format!("{key} is not described")),
        }
    }
    Ok(())
}
