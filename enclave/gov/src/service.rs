//! The service as the API shows it: constitution, status, application, tokens, transactions.

use coco_app::{Call, Context, ErrorCode, Reject, Response, Status, media};
use coco_crypto::PublicKey;
use coco_kv::Reader as _;
use coco_tables::{
    jwt::{Issuer, SigningKey},
    scripts::EndpointProperties,
    service::{ServiceConfig, ServiceInfo},
    value::JsonText,
};
use coco_wire::TxId;
use serde_json::{Map, Value, json};

use crate::{
    adapter::Governance,
    gate::{internal, request_of},
    replay::DEFAULT_WINDOW,
};

/// Longest validity of certificates, in days, unless the members decide otherwise.
const DEFAULT_VALIDITY_DAYS: u64 = 365;

/// Source of the constitution.
pub(crate) fn constitution(
    governance: &Governance,
    _: &Call,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    match governance.tables.scripts.constitution.get(&*cx.tx).map_err(internal)? {
        Some(JsonText(source)) => Ok(Response::with_body(Status::OK, media::JAVASCRIPT, source.into_bytes())),
        None => Err(Reject::not_found("Constitution not found")),
    }
}

/// Status and configuration.
pub(crate) fn info(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let tables = &governance.tables.service;
    let info: ServiceInfo = tables
        .info
        .get(&*cx.tx)
        .map_err(internal)?
        .ok_or_else(|| Reject::not_found("Service info not yet available"))?;
    let mut body = json!({
        "status": info.status,
        "certificate": info.cert,
        "recoveryCount": info.recovery_count.unwrap_or(0),
        "serviceData": info.service_data,
    });
    if let Some(created) = info.current_service_create_txid {
        body["creationTransactionId"] = json!(created);
    }
    if let Some(seqno) = info.previous_service_identity_version {
        let view = cx.services.chain().view_of(seqno).unwrap_or_default();
        body["previousServiceCreationTransactionId"] = json!(TxId { view, seqno });
    }
    if let Some(config) = tables.config.get(&*cx.tx).map_err(internal)? {
        body["configuration"] = describe_config(&config);
    }
    Ok(Response::json(Status::OK, &body))
}

fn describe_config(config: &ServiceConfig) -> Value {
    let node_days = config.maximum_node_certificate_validity_days;
    let service_days = config.maximum_service_certificate_validity_days;
    json!({
        "recoveryThreshold": config.recovery_threshold,
        "maximumNodeCertificateValidityDays": node_days.unwrap_or(DEFAULT_VALIDITY_DAYS),
        "maximumServiceCertificateValidityDays": service_days.unwrap_or(DEFAULT_VALIDITY_DAYS),
        "recentCoseProposalsWindowSize": config.recent_cose_proposals_window_size.unwrap_or(DEFAULT_WINDOW),
    })
}

/// Endpoints of a JavaScript application, in the names of the API or, with `case=original`, of the bundle.
pub(crate) fn javascript_app(
    governance: &Governance,
    call: &Call,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let original = match request_of(call).parameter("case").as_deref() {
        None => false,
        Some("original") => true,
        Some(_) => {
            let text = "Accepted values for the 'case' query parameter are: original";
            return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, text));
        }
    };
    let table = &governance.tables.scripts.endpoints;
    let mut endpoints: Map<String, Value> = Map::new();
    for row in table.iter(&*cx.tx) {
        let (key, properties) = row.map_err(internal)?;
        let (method, path) = key.split_once(' ').ok_or_else(|| internal("malformed endpoint key"))?;
        let operation = if original {
            let raw = cx.tx.get(table.name(), key.as_bytes()).expect("the row was just read");
            serde_json::from_slice(&raw).map_err(internal)?
        } else {
            describe_endpoint(&properties)
        };
        endpoints.entry(path).or_insert_with(|| json!({}))[method] = operation;
    }
    Ok(Response::json(Status::OK, &json!({ "endpoints": endpoints })))
}

fn describe_endpoint(properties: &EndpointProperties) -> Value {
    json!({
        "jsModule": properties.js_module,
        "jsFunction": properties.js_function,
        "forwardingRequired": properties.forwarding_required,
        "redirectionStrategy": properties.redirection_strategy,
        "authnPolicies": properties.authn_policies,
        "mode": properties.mode,
        "openApi": properties.openapi,
    })
}

/// Names of the application's modules.
pub(crate) fn modules(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let mut value = Vec::new();
    for row in governance.tables.scripts.modules.iter(&*cx.tx) {
        let (name, _) = row.map_err(internal)?;
        value.push(json!({ "moduleName": name }));
    }
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

/// Source of a module.
pub(crate) fn module(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?;
    let source = governance.tables.scripts.modules.get(&*cx.tx, &*name).map_err(internal)?;
    let source = source.ok_or_else(|| Reject::not_found(format!("Module {name} does not exist.")))?;
    Ok(Response::with_body(Status::OK, media::JAVASCRIPT, source.into_bytes()))
}

/// Issuers of tokens, their keys, and the certificates that their servers are checked against.
pub(crate) fn jwk(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let tables = &governance.tables;
    let (mut issuers, mut keys, mut bundles) = (Map::new(), Map::new(), Map::new());
    for row in tables.jwt.issuers.iter(&*cx.tx) {
        let (name, issuer) = row.map_err(internal)?;
        issuers.insert(name, describe_issuer(&issuer));
    }
    for row in tables.jwt.signing_keys.iter(&*cx.tx) {
        let (kid, of_kid) = row.map_err(internal)?;
        let described: Result<Vec<_>, _> = of_kid.0.iter().map(describe_key).collect();
        keys.insert(kid, described?.into());
    }
    for row in tables.ca_bundles.0.iter(&*cx.tx) {
        let (name, JsonText(bundle)) = row.map_err(internal)?;
        bundles.insert(name, bundle.into());
    }
    let body = json!({ "issuers": issuers, "keys": keys, "caCertBundles": bundles });
    Ok(Response::json(Status::OK, &body))
}

fn describe_issuer(issuer: &Issuer) -> Value {
    let mut described = json!({ "autoRefresh": issuer.auto_refresh });
    if let Some(bundle) = &issuer.ca_cert_bundle_name {
        described["caCertBundleName"] = json!(bundle);
    }
    described
}

fn describe_key(key: &SigningKey) -> Result<Value, Reject> {
    let public_key = PublicKey::from_spki_der(&key.public_key.0).map_err(internal)?.to_pem();
    Ok(json!({ "publicKey": public_key, "issuer": key.issuer, "constraint": key.constraint }))
}

/// Fate of a transaction.
pub(crate) fn transaction(_: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let text = call.parameter(0)?;
    let txid: TxId = text.parse().map_err(|_| {
        let message = format!(
            "The value '{text}' passed as parameter 'transactionId' could not be converted to a valid \
             Transaction ID."
        );
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
    })?;
    let status = cx.services.chain().status(txid);
    Ok(Response::json(Status::OK, &json!({ "status": status, "transactionId": txid })))
}

/// The last committed transaction.
pub(crate) fn commit(_: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let chain = cx.services.chain();
    let status = chain.status(chain.committed);
    Ok(Response::json(Status::OK, &json!({ "status": status, "transactionId": chain.committed })))
}
