//! Letting nodes in (CCF `src/node/rpc/node_frontend.h`, `/join`).
//!
//! Beyond CCF: nothing secret leaves while a change of the primary could undo the decision to trust the node, as secrets
//! cannot be taken back. That cannot wait for commit, which may need the node itself; see [`outlasts`]. And nothing
//! secret leaves but for evidence made now: a trusted node is given a challenge, which is good once and for a short
//! time, and asks again with evidence bound to it and to the TLS session in which it is shown. A retired node is refused whatever the status of the service.

mod challenges;

use coco_app::{
    Call, Caller, ChannelBinding, Context, Endpoint, ErrorCode, Forwarding, Method, Policy, Redirection,
    Reject, Response, Status,
};
use coco_attest::{Claims, ReportData, binding::JoinProof};
use coco_crypto::{
    Certificate, EcPublicKey, RsaPublicKey, Signer as _,
    x509::{Request as SigningRequest, issue_endorsed},
};
use coco_kv::Reader;
use coco_tables::{
    nodes::{NodeInfo, NodeNetwork, NodeStatus, QuoteInfo},
    service::{ServiceInfo, ServiceStatus},
};
use coco_wire::{Digest, Seqno};

use super::{Admin, redirect::to_primary};
use crate::{
    evidence::{Judge, Unwelcome},
    join::{
        PATH,
        message::{JoinAnswer, JoinRequest, NetworkInfo},
    },
    view::{Stage, State},
};

pub(super) use self::challenges::Challenges;

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let admin = admin.clone();
    let handle = move |call: &Call, cx: &mut Context<'_>| join(&admin, call, cx);
    let endpoint = Endpoint::write(Method::Post, "/join", &[Policy::AnyCert], handle)
        // Two signatures are checked and one is made.
        .heavy()
        .forwarding(Forwarding::Never)
        .redirection(Redirection::None)
        .hidden();
    vec![endpoint, create()]
}

/// Where nodes of CCF make the first transaction, by a request to themselves. Ours make it without one, and answer as
/// those do once it has taken place.
fn create() -> Endpoint {
    let refuse = |_: &Call, _: &mut Context<'_>| {
        let text = "Node is not in initial state.";
        Err(Reject::new(Status::FORBIDDEN, ErrorCode::InternalError, text))
    };
    Endpoint::read(Method::Post, "/create", &[], refuse).hidden()
}

/// Who asks: the key that the other end of the TLS session proved to hold.
struct Joining {
    id: Digest,
    key: EcPublicKey,
    certificate: Certificate,
    session: Option<ChannelBinding>,
}

impl Joining {
    fn of(caller: &Caller) -> Result<Self, Reject> {
        let Caller::AnyCertificate(_, der, session) = caller else {
            unreachable!("the policy of the endpoint asks for a certificate")
        };
        let invalid = || Reject::invalid_input("The certificate of a node has an elliptic-curve key.");
        let certificate = Certificate::from_der(der).map_err(|_| invalid())?;
        let key = certificate.public_key().as_ec().cloned().ok_or_else(invalid)?;
        Ok(Self { id: key.id(), key, certificate, session: *session })
    }
}

fn join(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    if admin.state().stage != Stage::PartOfNetwork {
        return Err(Reject::internal("Target node should be part of network to accept new nodes."));
    }
    let request: JoinRequest = call.json()?;
    let joining = Joining::of(&call.caller)?;
    refuse_old_snapshot(admin, request.startup_seqno)?;
    let service = admin.tables.service.info.get(&*cx.tx)?;
    let service = service.ok_or_else(|| Reject::internal("No service is available to accept new node."))?;
    if let Some(node) = admin.tables.nodes.info.get(&*cx.tx, &joining.id)? {
        return known(admin, call, cx, &joining, &request, &node, &service);
    }
    if !admin.state().primary {
        return redirect(admin, call, cx);
    }
    register(admin, cx, &joining, request, &service)
}

/// The node would lack the secrets of the entries between its snapshot and ours.
fn refuse_old_snapshot(admin: &Admin, startup: Option<Seqno>) -> Result<(), Reject> {
    let own = admin.shared.startup_seqno();
    match startup.filter(|startup| *startup < own) {
        None => Ok(()),
        Some(startup) => {
            let text = format!(
                "Node requested to join from seqno {startup} which is older than this node startup seqno {own}. \
                 A snapshot at least as recent as {own} must be used instead."
            );
            Err(Reject::new(Status::BAD_REQUEST, ErrorCode::StartupSeqnoIsOld, text))
        }
    }
}

/// How a node stands that asked before.
fn known(
    admin: &Admin,
    call: &Call,
    cx: &Context<'_>,
    joining: &Joining,
    request: &JoinRequest,
    node: &NodeInfo,
    service: &ServiceInfo,
) -> Result<Response, Reject> {
    match node.status {
        NodeStatus::Retired => {
            let text = "Joining node is not in expected state (Retired).";
            Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidNodeState, text))
        }
        NodeStatus::Pending => Ok(stands(joining, node.status)),
        NodeStatus::Trusted if is_settled(admin, &joining.id)? && has_committed(admin, request) => {
            trusted(admin, cx, joining, request, node, service)
        }
        // Only the primary knows before commit.
        NodeStatus::Trusted if !admin.state().primary => redirect(admin, call, cx),
        NodeStatus::Trusted => Ok(stands(joining, node.status)),
    }
}

/// What a trusted node is told: everything, if it shows fresh evidence; else a challenge.
fn trusted(
    admin: &Admin,
    cx: &Context<'_>,
    joining: &Joining,
    request: &JoinRequest,
    node: &NodeInfo,
    service: &ServiceInfo,
) -> Result<Response, Reject> {
    let Some(identity) = admin.shared.keys.service() else { return Ok(stands(joining, node.status)) };
    let now = admin.shared.clock.now();
    let answer = JoinAnswer {
        node_status: node.status,
        node_id: Some(joining.id),
        challenge: None,
        network_info: None,
    };
    let challenge = admin.challenges.take(&joining.id, now);
    let Some((quote, challenge)) = request.fresh_quote_info.as_ref().zip(challenge) else {
        let challenge = Some(admin.challenges.make(joining.id, now, cx.services));
        return Ok(Response::json(Status::OK, &JoinAnswer { challenge, ..answer }));
    };
    let session = joining.session.ok_or_else(|| {
        let text = "Fresh evidence is bound to its TLS session, which takes TLS 1.3.";
        Reject::new(Status::UNAUTHORIZED, ErrorCode::InvalidQuote, text)
    })?;
    let proof = JoinProof { service: identity.key.public_key().id(), node: joining.id, challenge };
    let judge = Judge::of(&admin.shared);
    appraised(admin, &*cx.tx, judge, quote, &ReportData(proof.report_data(&session)))?;
    let network_info = secrets(admin, cx, &joining.id, node, service)?;
    Ok(Response::json(Status::OK, &JoinAnswer { network_info, ..answer }))
}

fn stands(joining: &Joining, node_status: NodeStatus) -> Response {
    let node_id = Some(joining.id);
    Response::json(Status::OK, &JoinAnswer { node_status, node_id, challenge: None, network_info: None })
}

/// Whether it is certain to stay so that the node is trusted.
fn is_settled(admin: &Admin, id: &Digest) -> Result<bool, Reject> {
    let table = &admin.tables.nodes.info;
    let state = admin.state();
    let trusted = |node: Option<NodeInfo>| node.is_some_and(|node| node.status == NodeStatus::Trusted);
    if trusted(table.get(&state.committed, id)?) {
        return Ok(true);
    }
    let written = table.version_of_previous_write(&state.latest, id).unwrap_or_default();
    Ok(trusted(table.get(&state.latest, id)?) && state.primary && outlasts(&state, admin.node_id(), written))
}

/// Whether this node knows the secret under which the snapshot is sealed that the other one begins with.
fn has_committed(admin: &Admin, request: &JoinRequest) -> bool {
    request.startup_seqno.is_none_or(|startup| startup <= admin.state().chain.committed.seqno)
}

/// Whether a transaction of this primary outlasts it, committed or not: a signature after it is with a majority of every
/// configuration from before it. A node without that signature cannot win an election in any of them, and one with it
/// keeps the transaction. The configuration that the transaction itself brings is left out: it may need the very
/// node that waits for its secrets.
fn outlasts(state: &State, own: Digest, transaction: Seqno) -> bool {
    let has_signature = |node: &Digest| {
        *node == own
            || state.consensus.acks.iter().any(|ack| ack.node == *node && ack.seqno >= state.signed.seqno)
    };
    let mut before =
        state.consensus.configurations.iter().filter(|(since, _)| *since < transaction).peekable();
    state.signed.seqno > transaction
        && before.peek().is_some()
        && before.all(|(_, nodes)| nodes.iter().filter(|node| has_signature(node)).count() > nodes.len() / 2)
}

/// Everything secret.
fn secrets(
    admin: &Admin,
    cx: &Context<'_>,
    id: &Digest,
    node: &NodeInfo,
    service: &ServiceInfo,
) -> Result<Option<NetworkInfo>, Reject> {
    let keys = admin.shared.keys.service().zip(admin.shared.secrets.load());
    let Some((identity, secrets)) = keys else { return Ok(None) };
    let endorsed = admin.tables.nodes.endorsed_certificates.get(&*cx.tx, id)?;
    // Later secrets reach the node as ledger entries, encrypted to it. Those that are committed it may need before, for
    // its snapshot; others may be rolled back.
    let trusted_under = node.ledger_secret_seqno.unwrap_or(Seqno(u64::MAX));
    let upto = trusted_under.max(admin.state().chain.committed.seqno.next());
    let trusted = admin.tables.nodes.info.iter(&*cx.tx).flatten();
    let trusted = trusted.filter(|(_, info)| info.status == NodeStatus::Trusted);
    let nodes = trusted
        .map(|(node, info)| (node, info.network.node_to_node_interface.address().to_owned()))
        .collect();
    Ok(Some(NetworkInfo::new(identity, &secrets, upto, service.status, endorsed, nodes)))
}

/// Adds a node: trusted at once while nobody depends on the service yet, else pending until the members decide.
fn register(
    admin: &Admin,
    cx: &mut Context<'_>,
    joining: &Joining,
    request: JoinRequest,
    service: &ServiceInfo,
) -> Result<Response, Reject> {
    let status = match service.status {
        ServiceStatus::Opening | ServiceStatus::Recovering => NodeStatus::Trusted,
        ServiceStatus::Open | ServiceStatus::WaitingForRecoveryShares => NodeStatus::Pending,
    };
    refuse_conflict(admin, &*cx.tx, &request.node_info_network)?;
    let judge = Judge::of(&admin.shared);
    let claims = appraised(admin, &*cx.tx, judge, &request.quote_info, &ReportData::of_node(&joining.key))?;
    RsaPublicKey::from_spki_pem(&request.public_encryption_key)
        .map_err(|error| Reject::invalid_input(format!("The node's encryption key: {error}")))?;
    let signing_request = signing_request(&request, joining)?;
    let nodes = &admin.tables.nodes;
    let mut info = NodeInfo {
        network: request.node_info_network,
        quote_info: request.quote_info,
        encryption_pub_key: request.public_encryption_key,
        status,
        ledger_secret_seqno: None,
        code_digest: Some(claims.code_digest()),
        certificate_signing_request: Some(signing_request.to_pem()),
        public_key: Some(joining.key.to_pem()),
        node_data: request.node_data,
        cert: None,
        retired_committed: false,
    };
    if status == NodeStatus::Trusted {
        let secrets = admin.shared.secrets.load();
        let (Some(identity), Some(secrets)) = (admin.shared.keys.service(), secrets) else {
            return Err(Reject::internal("No service is available to accept new node."));
        };
        info.ledger_secret_seqno = secrets.iter().next_back().map(|(from, _)| from);
        // As long as the certificate that the node made for itself.
        let validity = joining.certificate.validity();
        let issuer = identity.certificate.load();
        let endorsed =
            issue_endorsed(&*identity.key, &issuer, &signing_request, validity, &*admin.shared.entropy);
        nodes.endorsed_certificates.put(cx.tx, &joining.id, &endorsed.to_pem());
    }
    nodes.info.put(cx.tx, &joining.id, &info);
    nodes.appraisals.put(cx.tx, &joining.id, &judge.found_good(None));
    nodes
        .check_diversity(&*cx.tx)
        .map_err(|not| Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidNodeState, not.to_string()))?;
    Ok(stands(joining, status))
}

/// Two live nodes must not claim the same address among nodes.
fn refuse_conflict(admin: &Admin, state: &impl Reader, network: &NodeNetwork) -> Result<(), Reject> {
    let wanted = network.node_to_node_interface.address();
    for row in admin.tables.nodes.info.iter(state) {
        let (id, node) = row?;
        if node.status != NodeStatus::Retired && node.network.node_to_node_interface.address() == wanted {
            let text = format!(
                "A node with the same published node address {wanted} already exists (node id: {id})."
            );
            return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::NodeAlreadyExists, text));
        }
    }
    Ok(())
}

pub(super) fn appraised(
    admin: &Admin,
    state: &impl Reader,
    judge: Judge,
    quote: &QuoteInfo,
    expected: &ReportData,
) -> Result<Claims, Reject> {
    judge.appraise((&admin.tables, state), quote, expected).map_err(|unwelcome| {
        if let Unwelcome::Refused(refusal) = &unwelcome {
            admin.shared.log.fail(format_args!("Attestation evidence is refused: {refusal}"));
        }
        Reject::new(Status::UNAUTHORIZED, ErrorCode::InvalidQuote, unwelcome.to_string())
    })
}

/// The request for the node's certificate, signed by the node's own key.
fn signing_request(request: &JoinRequest, joining: &Joining) -> Result<SigningRequest, Reject> {
    let refuse = |text: &'static str| Reject::new(Status::BAD_REQUEST, ErrorCode::CSRPublicKeyInvalid, text);
    let text = request.certificate_signing_request.as_deref();
    let text = text.ok_or_else(|| Reject::invalid_input("A certificate signing request is needed."))?;
    let signing_request = SigningRequest::from_pem(text)
        .map_err(|error| Reject::invalid_input(format!("The certificate signing request: {error}")))?;
    if signing_request.public_key().spki_der() != joining.key.spki_der() {
        return Err(refuse("Public key in CSR does not match TLS client identity."));
    }
    Ok(signing_request)
}

/// Sends the node on to the primary.
fn redirect(admin: &Admin, call: &Call, cx: &Context<'_>) -> Result<Response, Reject> {
    let location = to_primary(admin, call, cx, PATH)?;
    let text = "Node is not primary; cannot handle write";
    let reject = Reject::new(Status::PERMANENT_REDIRECT, ErrorCode::NodeCannotHandleRequest, text);
    Ok(Response::from(reject).header("location", location))
}
