//! Named JSON schemas, as OpenAPI refers to them.

use serde_json::{Map, Value, json};

/// A named JSON schema with the named schemas that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    name: String,
    definition: Value,
    parts: Vec<Schema>,
}

impl Schema {
    /// A schema that refers to nothing.
    #[must_use]
    pub fn plain(name: &str, definition: Value) -> Self {
        Self { name: name.to_owned(), definition, parts: Vec::new() }
    }

    /// Any JSON value.
    #[must_use]
    pub fn json() -> Self {
        Self::plain("json", json!({}))
    }

    /// Text.
    #[must_use]
    pub fn string() -> Self {
        Self::plain("string", json!({ "type": "string" }))
    }

    /// True or false.
    #[must_use]
    pub fn boolean() -> Self {
        Self::plain("boolean", json!({ "type": "boolean" }))
    }

    /// 64-bit natural number.
    #[must_use]
    pub fn uint64() -> Self {
        Self::plain("uint64", json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }))
    }

    /// Bytes in base64.
    #[must_use]
    pub fn base64() -> Self {
        Self::plain("base64string", json!({ "type": "string", "format": "base64" }))
    }

    /// Transaction ID.
    #[must_use]
    pub fn transaction_id() -> Self {
        Self::plain("TransactionId", json!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+$" }))
    }

    /// One of the values given.
    #[must_use]
    pub fn one_of(name: &str, values: &[&str]) -> Self {
        Self::plain(name, json!({ "type": "string", "enum": values }))
    }

    /// List of `items`.
    #[must_use]
    pub fn array(items: Self) -> Self {
        let definition = json!({ "type": "array", "items": items.reference() });
        Self { name: format!("{}_array", items.name), definition, parts: vec![items] }
    }

    /// Object with any keys; `keys` names what they are.
    #[must_use]
    pub fn map(keys: &str, values: Self) -> Self {
        let definition = json!({ "type": "object", "additionalProperties": values.reference() });
        Self { name: format!("{keys}_to_{}", values.name), definition, parts: vec![values] }
    }

    /// Object with compulsory and optional fields.
    #[must_use]
    pub fn object(name: &str, required: Vec<(&str, Self)>, optional: Vec<(&str, Self)>) -> Self {
        let names: Vec<_> = required.iter().map(|(field, _)| (*field).to_owned()).collect();
        let mut properties = Map::new();
        let mut parts = Vec::new();
        for (field, schema) in required.into_iter().chain(optional) {
            properties.insert(field.to_owned(), schema.reference());
            parts.push(schema);
        }
        let mut definition = json!({ "type": "object" });
        if !properties.is_empty() {
            definition["properties"] = properties.into();
        }
        if !names.is_empty() {
            definition["required"] = names.into();
        }
        Self { name: name.to_owned(), definition, parts }
    }

    pub(super) fn reference(&self) -> Value {
        json!({ "$ref": format!("#/components/schemas/{}", self.name) })
    }

    pub(super) fn collect(&self, schemas: &mut Map<String, Value>) {
        schemas.insert(self.name.clone(), self.definition.clone());
        for part in &self.parts {
            part.collect(schemas);
        }
    }
}
