//! The OpenAPI document of an application: its own part, and that of every application.

use serde_json::{Value, json};

use super::bundle::Bundle;

/// Adds the endpoints of `bundle` to the document of those that every application has.
pub(super) fn document(mut standard: Value, bundle: &Bundle) -> Value {
    for endpoint in bundle.endpoints() {
        let Ok(definition) = &endpoint.definition else { continue };
        let Some(openapi) = &definition.openapi else { continue };
        let method = endpoint.method.as_str().to_ascii_lowercase();
        // Without a response the document would be malformed.
        let mut operation =
            json!({ "responses": { "default": { "$ref": "#/components/responses/default" } } });
        if let (Some(operation), Some(own)) = (operation.as_object_mut(), openapi.as_object()) {
            operation.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let item = &mut standard["paths"][endpoint.full_path.as_str()];
        item[method] = operation;
        // Those that the members described stay as they are.
        let described = openapi.get("parameters").is_some();
        if !endpoint.parameters.is_empty() && !described {
            let parameters = endpoint.parameters.iter().map(|name| {
                json!({ "in": "path", "name": name, "required": true, "schema": { "type": "string" } })
            });
            item["parameters"] = parameters.collect();
        }
    }
    standard
}
