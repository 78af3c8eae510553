//! What `validate` of a constitution makes of a proposal.

use serde_json::Value;

/// Whether a proposal is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Valid,
    /// It is not, for a reason that the constitution describes.
    Invalid(String),
}

impl Verdict {
    /// Reads what `validate` returned, as CCF does; none of what is no object.
    #[must_use]
    pub fn read(returned: &Value) -> Option<Self> {
        if !returned.is_object() && !returned.is_array() {
            return None;
        }
        if returned.get("valid").is_some_and(is_truthy) {
            return Some(Self::Valid);
        }
        let description = returned.get("description").and_then(Value::as_str).unwrap_or_default();
        Some(Self::Invalid(description.to_owned()))
    }
}

/// What JavaScript takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
