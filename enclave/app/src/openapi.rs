//! OpenAPI 3.0 document of a REST adapter, in the shape that CCF publishes.

mod preference;
mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::schema::Schema;
use crate::{
    endpoint::{Endpoint, Forwarding},
    policy::Policy,
    request::{Status, media},
};

/// Content of a request or response.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Media type.
    pub media_type: &'static str,
    /// Schema of the body.
    pub schema: Schema,
}

/// What an OpenAPI document says of an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// In a few words.
    pub summary: Option<&'static str>,
    /// In full.
    pub description: Option<&'static str>,
    /// Not to be used any more.
    pub deprecated: bool,
    /// Query parameters: name, schema, whether it is compulsory.
    pub query: Vec<(&'static str, Schema, bool)>,
    /// Body asked for.
    pub request: Option<Content>,
    /// Status on success, 200 by default.
    pub status: Option<Status>,
    /// Body of the answer.
    pub response: Option<Content>,
    /// Name of a policy of the application's own, shown instead of nothing.
    pub custom_security: Option<(&'static str, Value)>,
}

impl Description {
    /// JSON in, JSON out.
    #[must_use]
    pub fn json(request: Option<Schema>, response: Option<Schema>) -> Self {
        let content = |schema| Content { media_type: media::JSON, schema };
        Self { request: request.map(content), response: response.map(content), ..Self::default() }
    }

    /// Plain text out.
    #[must_use]
    pub fn text() -> Self {
        let response = Content { media_type: media::TEXT, schema: Schema::string() };
        Self { response: Some(response), ..Self::default() }
    }

    /// Nothing in, nothing out: 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self::default().status(Status::NO_CONTENT)
    }

    /// Adds a summary and a description.
    #[must_use]
    pub fn says(self, summary: &'static str, description: &'static str) -> Self {
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        Self { summary: given(summary), description: given(description), ..self }
    }

    /// Adds a compulsory query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, true));
        self
    }

    /// Adds an optional query parameter.
    #[must_use]
    pub fn optional_query(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, false));
        self
    }

    /// Changes the status on success.
    #[must_use]
    pub fn status(self, status: Status) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Marks it as not to be used any more.
    #[must_use]
    pub fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }
}

/// Title page of an OpenAPI document.
#[derive(Clone, Debug)]
pub struct ApiInfo {
    /// First path element, such as `/app`.
    pub mount: &'static str,
    /// Name of the API.
    pub title: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Version of the document.
    pub version: &'static str,
}

/// Makes the document of `endpoints`.
#[must_use]
pub fn document<'a>(info: &ApiInfo, endpoints: impl Iterator<Item = &'a Endpoint>) -> Value {
    let mut schemas = Map::from_iter([("CCFError".to_owned(), error_schema())]);
    let mut security = Map::new();
    let mut paths: BTreeMap<String, Value> = BTreeMap::new();
    for endpoint in endpoints {
        let Some(description) = &endpoint.description else { continue };
        let path = format!("{}{}", info.mount, endpoint.path);
        let operation = operation(&path, endpoint, description, &mut schemas, &mut security);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[endpoint.method.as_str().to_ascii_lowercase()] = operation;
        let parameters: Vec<_> = path_parameters(endpoint.path).collect();
        if !parameters.is_empty() {
            item["parameters"] = parameters.into();
        }
    }
    let mut components = json!({
        "responses": { "default": {
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/CCFError" } } },
            "description": "An error occurred",
        }},
        "schemas": schemas,
        "x-ccf-forwarding": forwarding_component(),
        "parameters": preference::components(),
    });
    if !security.is_empty() {
        components["securitySchemes"] = security.into();
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": info.title, "description": info.description, "version": info.version },
        "servers": [],
        "paths": paths,
        "components": components,
    })
}

fn operation(
    path: &str,
    endpoint: &Endpoint,
    description: &Description,
    schemas: &mut Map<String, Value>,
    security: &mut Map<String, Value>,
) -> Value {
    let mut content = |body: &Content| {
        body.schema.collect(schemas);
        json!({ body.media_type: { "schema": body.schema.reference() } })
    };
    let mut success = json!({ "description": "Default response description" });
    if let Some(body) = &description.response {
        success["content"] = content(body);
    }
    let status = description.status.unwrap_or(Status::OK).0.to_string();
    let mut operation = json!({
        "operationId": operation_id(endpoint.method.as_str(), path),
        "responses": { status: success, "default": { "$ref": "#/components/responses/default" } },
        "x-ccf-forwarding": { "$ref": format!("#/components/x-ccf-forwarding/{}", name_of(endpoint.forwarding)) },
    });
    if let Some(body) = &description.request {
        let body = json!({ "content": content(body), "description": "Auto-generated request body schema" });
        operation["requestBody"] = body;
    }
    let query = description.query.iter().map(|(name, schema, required)| {
        schema.collect(schemas);
        json!({ "in": "query", "name": name, "required": required, "schema": schema.reference() })
    });
    let parameters: Vec<_> = query.chain(preference::parameter(endpoint.mode)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    for (key, text) in [("summary", description.summary), ("description", description.description)] {
        if let Some(text) = text {
            operation[key] = text.into();
        }
    }
    if description.deprecated {
        operation["deprecated"] = true.into();
    }
    let schemes = security_of(endpoint, description, security);
    if !schemes.is_empty() {
        operation["security"] = schemes.into();
    }
    operation
}

/// Alternatives by which a caller may prove itself; adds their schemes to `components`.
fn security_of(
    endpoint: &Endpoint,
    description: &Description,
    components: &mut Map<String, Value>,
) -> Vec<Value> {
    let mut alternatives = Vec::new();
    let mut add = |name: &str, scheme: Value| {
        components.insert(name.to_owned(), scheme);
        alternatives.push(json!({ name: [] }));
    };
    if let Some((name, scheme)) = &description.custom_security {
        add(name, scheme.clone());
    }
    for policy in &endpoint.policies {
        let signed_by = |role: &str| {
            let text = format!(
                "Request payload must be a COSE Sign1 document, with expected protected headers. Signer must be a \
                 {role} identity registered with this service."
            );
            json!({ "type": "http", "scheme": "cose_sign1", "description": text })
        };
        let scheme = match policy {
            Policy::UserCoseSign1 | Policy::TypedUserCoseSign1(_) => signed_by("user"),
            Policy::MemberCoseSign1 | Policy::ActiveMemberCoseSign1 => signed_by("member"),
            Policy::Jwt => json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }),
            Policy::NoAuth if endpoint.policies.len() > 1 => {
                alternatives.push(json!({}));
                continue;
            }
            // Client certificates cannot be expressed in OpenAPI 3.0, and CCF leaves out what asks for several proofs.
            _ => continue,
        };
        components.insert(policy.name().into_owned(), scheme);
        alternatives.push(json!({ policy.name(): [] }));
    }
    alternatives
}

/// `POST /app/log/raw_text/{id}` becomes `PostAppLogRawTextId`.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = String::new();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    for word in std::iter::once(method.to_ascii_lowercase().as_str()).chain(words) {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    id
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path.split('{').skip(1).filter_map(|part| {
        let name = part.split('}').next()?;
        Some(json!({ "in": "path", "name": name, "required": true, "schema": { "type": "string" } }))
    })
}

fn name_of(forwarding: Forwarding) -> &'static str {
    match forwarding {
        Forwarding::Sometimes => "sometimes",
        Forwarding::Always => "always",
        Forwarding::Never => "never",
    }
}

fn error_schema() -> Value {
    json!({ "type": "object", "properties": { "error": { "type": "object", "properties": {
        "code": {
            "type": "string",
            "description": "Response error code. CCF error codes: \
                https://microsoft.github.io/CCF/main/operations/troubleshooting.html#error-codes",
        },
        "message": { "type": "string", "description": "Response error message" },
    }}}})
}

fn forwarding_component() -> Value {
    let entry =
        |value: Forwarding, description: &str| json!({ "value": name_of(value), "description": description });
    json!({
        "always": entry(
            Forwarding::Always,
            "If this request is made to a backup node, it will be forwarded to the primary node for execution.",
        ),
        "sometimes": entry(
            Forwarding::Sometimes,
            "If this request is made to a backup node, it may be forwarded to the primary node for execution. \
             Specifically, if this request is sent as part of a session which was already forwarded, then it will also \
             be forwarded.",
        ),
        "never": entry(
            Forwarding::Never,
            "This call will never be forwarded, and is always executed on the receiving node, potentially breaking \
             session consistency. If this attempts to write on a backup, this will fail.",
        ),
    })
}
