//! `/node/leases`: nodes show again what they run, and those that may no longer take part are retired. CCF has none.

use coco_app::{
    Call, Caller, Context, Endpoint, ErrorCode, Forwarding, Method, Policy, Redirection, Reject, Response,
    Schema, Status,
};
use coco_attest::{ReportData, binding::LeaseProof};
use coco_crypto::{Certificate, EcPublicKey, x509::UnixTime};
use coco_kv::Tx;
use coco_tables::{
    nodes::{Appraisal, Eviction, Lease, NodeInfo, NodeStatus, Reason, Renewal},
    service::ServiceStatus,
};
use coco_wire::Digest;
use serde_json::json;

use super::{Admin, join::appraised, ok, schemas};
use crate::{
    evidence::Judge,
    lease::{CHALLENGE, Challenged, ENFORCE, Enforced, RENEW, Shown, is_expired, proof, spared},
};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let node = vec![
        ("node_id", schemas::node_id()),
        ("appraised_at", Schema::uint64()),
        ("expires_at", Schema::uint64()),
        ("expired", Schema::boolean()),
    ];
    let schema = Schema::object(
        "GetLeases__Out",
        vec![("nodes", Schema::array(Schema::object("NodeLease", vec![], node)))],
        vec![("lease_s", Schema::uint64())],
    );
    let write = |path, handle: fn(&Admin, &Call, &mut Context<'_>) -> Result<Response, Reject>| {
        let admin = admin.clone();
        Endpoint::write(Method::Post, path, &[Policy::AnyCert], move |call, cx| handle(&admin, call, cx))
            .redirection(Redirection::None)
            .hidden()
    };
    vec![
        admin.get("/leases", schema, list),
        write(CHALLENGE, challenge),
        write(RENEW, renew).heavy(),
        write(ENFORCE, enforce).heavy().forwarding(Forwarding::Never),
    ]
}

/// When the evidence of each trusted node was judged, and until when that counts.
fn list(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let nodes = &admin.tables.nodes;
    let lease = nodes.lease.get(&*cx.tx)?;
    let now = cx.services.now_ms() / 1000;
    let mut found = Vec::new();
    for row in nodes.info.iter(&*cx.tx) {
        let (id, info) = row?;
        if info.status != NodeStatus::Trusted {
            continue;
        }
        let appraisal = nodes.appraisals.get(&*cx.tx, &id)?;
        let mut node = json!({ "node_id": id });
        if let Some(appraisal) = &appraisal {
            node["appraised_at"] = json!(appraisal.time);
        }
        if let Some(lease) = lease {
            node["expired"] = json!(is_expired(appraisal.as_ref(), lease, now));
            node["expires_at"] = json!(appraisal.map(|it| it.time.saturating_add(lease.seconds)));
        }
        found.push(node);
    }
    let mut body = json!({ "nodes": found });
    if let Some(Lease { seconds }) = lease {
        body["lease_s"] = json!(seconds);
    }
    Ok(ok(&body))
}

/// The trusted node that asks, by its key.
fn caller(admin: &Admin, call: &Call, tx: &Tx) -> Result<Digest, Reject> {
    let id = key_of(call).map(|key| key.id());
    let info = id.map(|id| admin.tables.nodes.info.get(tx, &id)).transpose()?.flatten();
    let trusted = info.filter(|info| info.status == NodeStatus::Trusted);
    id.filter(|_| trusted.is_some()).ok_or_else(|| forbidden("Only trusted nodes have leases."))
}

fn forbidden(text: &'static str) -> Reject {
    Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, text)
}

fn key_of(call: &Call) -> Option<EcPublicKey> {
    let Caller::AnyCertificate(_, der, _) = &call.caller else { return None };
    Certificate::from_der(der).ok()?.public_key().as_ec().cloned()
}

fn challenge(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let node = caller(admin, call, cx.tx)?;
    let challenge = admin.challenges.make(node, admin.shared.clock.now(), cx.services);
    Ok(ok(&json!(Challenged { challenge })))
}

fn renew(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let node = caller(admin, call, cx.tx)?;
    let Shown { quote_info } = call.json()?;
    let challenge = admin.challenges.take(&node, admin.shared.clock.now());
    let challenge = challenge.ok_or_else(|| Reject::invalid_input("A new challenge has to be asked for."))?;
    let judge = Judge::of(&admin.shared);
    let expected = expected(admin, node, challenge)?;
    appraised(admin, &*cx.tx, judge, &quote_info, &expected)?;
    let appraisal = judge.found_good(Some(Renewal { quote_info, challenge }));
    admin.tables.nodes.appraisals.put(cx.tx, &node, &appraisal);
    Ok(ok(&json!({ "appraised_at": appraisal.time })))
}

fn expected(admin: &Admin, node: Digest, challenge: Digest) -> Result<ReportData, Reject> {
    let proof = proof(&admin.shared, challenge);
    let proof = proof.ok_or_else(|| Reject::internal("This node belongs to no service."))?;
    Ok(LeaseProof { node, ..proof }.report_data())
}

/// Retires nodes that may no longer take part, as many as can be spared, and has a new secret seal what comes then.
fn enforce(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let own = admin.node_id();
    if !admin.state().primary || key_of(call).is_none_or(|key| key.id() != own) {
        return Err(forbidden("Only the primary enforces leases, by itself."));
    }
    let (lease, service) = (admin.tables.nodes.lease.get(&*cx.tx)?, admin.tables.service.info.get(&*cx.tx)?);
    // Before it is open, a service has no secret but the first, and members can begin anew.
    let open = service.is_some_and(|service| service.status == ServiceStatus::Open);
    let Some(lease) = lease.filter(|_| open) else { return Ok(ok(&json!(Enforced::default()))) };
    let now = cx.services.now_ms() / 1000;
    let (fit, mut unfit) = judged(admin, cx.tx, lease, now)?;
    // While a change of the agreement is not committed, nobody knows who decides in the end.
    let settled = admin.state().consensus.configurations.len() == 1;
    let most = if settled { spared(fit.len() + unfit.len()).min(unfit.len()) } else { 0 };
    let rule = admin.tables.nodes.diversity.get(&*cx.tx)?.unwrap_or_default();
    let stay = |gone: &usize| fit.iter().chain(unfit[*gone..].iter().map(|unfit| &unfit.info));
    let gone = (0..=most).rev().find(|gone| rule.check(stay(gone)).is_ok()).unwrap_or_default();
    let mut kept = unfit.split_off(gone);
    let itself = unfit.pop_if(|unfit| unfit.node == own);
    let steps_down = itself.is_some();
    kept.extend(itself);
    for unfit in &unfit {
        retire(admin, cx.tx, unfit, now);
    }
    if !unfit.is_empty() {
        let secret = (admin.facts.rekey)(cx.tx);
        let refuse = |why| Reject::internal(format!("The ledger cannot be rekeyed: {why}"));
        cx.requests.ledger_secret = Some(secret.map_err(refuse)?);
    }
    let reasons = |nodes: Vec<Unfit>| nodes.into_iter().map(|unfit| (unfit.node, unfit.reason)).collect();
    Ok(ok(&json!(Enforced { evicted: reasons(unfit), kept: reasons(kept), steps_down })))
}

/// A node that may no longer take part.
struct Unfit {
    node: Digest,
    info: NodeInfo,
    appraisal: Option<Appraisal>,
    reason: Reason,
}

fn retire(admin: &Admin, tx: &mut Tx, unfit: &Unfit, now: u64) {
    let Unfit { node, info, appraisal, reason } = unfit;
    let nodes = &admin.tables.nodes;
    nodes.info.put(tx, node, &NodeInfo { status: NodeStatus::Retired, ..info.clone() });
    let appraisal = appraisal.clone().unwrap_or(Appraisal { time: 0, renewal: None, eviction: None });
    let eviction = Some(Eviction { time: now, reason: *reason });
    nodes.appraisals.put(tx, node, &Appraisal { eviction, ..appraisal });
}

/// The trusted nodes that may take part, and those that may no longer: those that have to leave first in front, and this
/// one last.
fn judged(admin: &Admin, tx: &Tx, lease: Lease, now: u64) -> Result<(Vec<NodeInfo>, Vec<Unfit>), Reject> {
    let nodes = &admin.tables.nodes;
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for row in nodes.info.iter(tx) {
        let (node, info) = row?;
        if info.status != NodeStatus::Trusted {
            continue;
        }
        let appraisal = nodes.appraisals.get(tx, &node)?;
        let reason = if !is_welcome(admin, tx, &node, &info, appraisal.as_ref())? {
            Some(Reason::Unwelcome)
        } else {
            is_expired(appraisal.as_ref(), lease, now).then_some(Reason::Expired)
        };
        match reason {
            Some(reason) => unfit.push(Unfit { node, info, appraisal, reason }),
            None => fit.push(info),
        }
    }
    let time = |unfit: &Unfit| unfit.appraisal.as_ref().map(|appraisal| appraisal.time);
    unfit.sort_by_key(|unfit| (unfit.node == admin.node_id(), unfit.reason, time(unfit)));
    Ok((fit, unfit))
}

/// Whether the tables still admit the evidence of a node that was judged last, as of then.
fn is_welcome(
    admin: &Admin,
    tx: &Tx,
    node: &Digest,
    info: &NodeInfo,
    appraisal: Option<&Appraisal>,
) -> Result<bool, Reject> {
    let now = Judge::of(&admin.shared);
    let judged = appraisal.map_or(now.now, |it| UnixTime(i64::try_from(it.time).unwrap_or(i64::MAX)));
    let renewal = appraisal.and_then(|appraisal| appraisal.renewal.as_ref());
    let (quote, expected) = match renewal {
        Some(renewal) => (&renewal.quote_info, expected(admin, *node, renewal.challenge)?),
        None => (&info.quote_info, ReportData(*node)),
    };
    let judge = Judge { now: judged, ..now };
    Ok(judge.appraise((&admin.tables, tx), quote, &expected).is_ok())
}
