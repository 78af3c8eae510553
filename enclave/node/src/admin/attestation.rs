//! `/node/attestation`: fresh evidence of this node for whoever is at the other end of the TLS session. CCF has only
//! evidence that was made when the node joined, and that anybody can show.

use coco_app::{
    Attesting, Call, ChannelBinding, Context, Description, Endpoint, EndpointMode, ErrorCode, Forwarding,
    Method, Redirection, Reject, Response, Schema, Status,
};
use coco_attest::binding::{ClientProof, Nonce};
use coco_boundary::Evidence;
use coco_crypto::Signer as _;
use coco_wire::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, quotes, schemas};
use crate::{evidence::quote_info, view::Stage};

/// What a node says to clients that are to ask again, in seconds.
const RETRY_AFTER_S: &str = "1";

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let definition = json!({ "type": "string", "format": "hex", "pattern": "^([a-f0-9]{2}){16,64}$" });
    let nonce = || Schema::plain("AttestationNonce", definition.clone());
    let question = Schema::object("PostAttestation__In", vec![("nonce", nonce())], vec![]);
    let mut required = quotes::evidence_schemas();
    required.extend([("node_id", schemas::node_id()), ("nonce", nonce())]);
    let optional = vec![("uvm_endorsements", Schema::base64())];
    let answer = Schema::object("PostAttestation__Out", required, optional);
    let endpoint = admin
        .read(Method::Post, "/attestation", attest)
        .mode(EndpointMode::Host)
        .forwarding(Forwarding::Never)
        .redirection(Redirection::None)
        .describe(Description::json(Some(question), Some(answer)));
    vec![endpoint]
}

#[derive(Deserialize)]
struct Question {
    nonce: String,
}

fn attest(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let question: Question = call.json()?;
    let nonce: Nonce = question.nonce.parse().map_err(|error| {
        let text = format!("The value of 'nonce' is {error}.");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidInput, text)
    })?;
    let service = admin.shared.keys.service().filter(|_| admin.state().stage == Stage::PartOfNetwork);
    let Some(service) = service else {
        let text = "This node is not part of a service yet.";
        let reject = Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::InvalidNodeState, text);
        return Ok(Response::from(reject).header("retry-after", RETRY_AFTER_S));
    };
    let service = service.key.public_key().id();
    cx.attesting = Some(Box::new(Asked(ClientProof { service, node: admin.node_id(), nonce })));
    Ok(Response::empty(Status::OK))
}

/// A question that waits for evidence.
struct Asked(ClientProof);

impl Attesting for Asked {
    fn report_data(&self, session: Option<&ChannelBinding>) -> Result<Digest, Reject> {
        let session = session.ok_or_else(|| {
            let text = "Evidence is bound to the TLS session in which it is asked for, which takes TLS 1.3.";
            Reject::new(Status::PRECONDITION_FAILED, ErrorCode::PreconditionFailed, text)
        })?;
        Ok(self.0.report_data(session).0)
    }

    fn answer(&self, evidence: &Evidence) -> Response {
        let mut body: Value = quotes::evidence(&quote_info(evidence));
        body["node_id"] = json!(self.0.node);
        body["nonce"] = json!(self.0.nonce.to_string());
        super::ok(&body)
    }
}
