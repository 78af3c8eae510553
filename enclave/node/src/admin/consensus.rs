//! Who takes part in consensus, and how it stands.

use std::collections::BTreeSet;

use coco_app::{Call, Context, Endpoint, Reject, Response, Schema};
use coco_raft::{Membership, NodeId};
use coco_wire::Seqno;
use serde_json::{Map, Value, json};

use super::{Admin, ok, schemas};
use crate::view::{Ack, Part, Stage, State};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let node = Schema::object("ConsensusNodeConfig", vec![("address", Schema::string())], vec![]);
    let details = Schema::object("ConsensusConfigDetails", vec![("details", details_schema())], vec![]);
    vec![
        admin.get_own("/config", Schema::map("string", node), config),
        admin.get_own("/consensus", details, consensus),
    ]
}

fn details_schema() -> Schema {
    let node = Schema::object("Configuration__NodeInfo", vec![("address", Schema::string())], vec![]);
    let configuration =
        vec![("idx", Schema::uint64()), ("nodes", Schema::map("NodeId", node)), ("rid", Schema::uint64())];
    let configuration = Schema::object("Configuration", configuration, vec![]);
    let ack = vec![("seqno", Schema::uint64()), ("last_received_ms", Schema::uint64())];
    let ack = Schema::object("ConsensusDetails__Ack", ack, vec![]);
    let leadership = ["None", "Leader", "Follower", "PreVoteCandidate", "Candidate"];
    let phases = ["Ordered", "Signed", "Completed", "RetiredCommitted"];
    let required = vec![
        ("configs", Schema::array(configuration)),
        ("acks", Schema::map("NodeId", ack)),
        ("membership_state", Schema::one_of("MembershipState", &["Active", "Retired"])),
        ("primary_id", schemas::node_id()),
        ("current_view", Schema::uint64()),
        ("ticking", Schema::boolean()),
    ];
    let optional = vec![
        ("leadership_state", Schema::one_of("LeadershipState", &leadership)),
        ("learners", Schema::map("NodeId", Schema::uint64())),
        ("reconfiguration_type", schemas::reconfiguration_type()),
        ("retirement_phase", Schema::one_of("RetirementPhase", &phases)),
    ];
    Schema::object("ConsensusDetails", required, optional)
}

fn config(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let state = admin.state();
    let latest = configurations(&state).last();
    let nodes = latest.map(|(_, nodes)| nodes_json(admin, cx, nodes)).transpose()?;
    Ok(ok(&nodes.unwrap_or_else(|| json!({}))))
}

fn consensus(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let state = admin.state();
    let mut configs = Vec::new();
    for (since, nodes) in configurations(&state) {
        configs.push(json!({ "idx": since, "nodes": nodes_json(admin, cx, nodes)?, "rid": since }));
    }
    let now = admin.shared.clock.now();
    let ack = |ack: &Ack| {
        (ack.node.to_hex(), json!({ "seqno": ack.seqno, "last_received_ms": now.since_ms(ack.heard) }))
    };
    let mut details = json!({
        "configs": configs,
        "acks": state.consensus.acks.iter().map(ack).collect::<Map<_, _>>(),
        "membership_state": if phase(&state).is_none() { "Active" } else { "Retired" },
        "leadership_state": leadership(&state),
        "primary_id": admin.primary(),
        "current_view": admin.state().consensus.view,
        "ticking": state.stage == Stage::PartOfNetwork,
    });
    if let Some(phase) = phase(&state) {
        details["retirement_phase"] = json!(phase);
    }
    Ok(ok(&json!({ "details": details })))
}

fn leadership(state: &State) -> &'static str {
    match state.stage {
        Stage::Initialized | Stage::Pending => "None",
        Stage::PartOfNetwork => match state.consensus.role {
            Part::Leader => "Leader",
            Part::Follower => "Follower",
            Part::PreVoteCandidate => "PreVoteCandidate",
            Part::Candidate => "Candidate",
        },
    }
}

/// How far the node's own retirement is settled, if it was removed.
fn phase(state: &State) -> Option<&'static str> {
    match state.consensus.membership {
        Membership::Active => None,
        Membership::RetirementOrdered => Some("Ordered"),
        Membership::RetirementSigned => Some("Signed"),
        Membership::RetirementCompleted => Some("Completed"),
        Membership::RetiredCommitted => Some("RetiredCommitted"),
    }
}

/// Those in force, the oldest first; none before the node takes part.
fn configurations(state: &State) -> &[(Seqno, BTreeSet<NodeId>)] {
    match state.stage {
        Stage::Initialized | Stage::Pending => &[],
        Stage::PartOfNetwork => &state.consensus.configurations,
    }
}

/// Nodes, each with the address where the others connect.
fn nodes_json(admin: &Admin, cx: &Context<'_>, nodes: &BTreeSet<NodeId>) -> Result<Value, Reject> {
    let mut described = Map::new();
    for id in nodes {
        let info = admin.tables.nodes.info.get(&*cx.tx, id)?;
        let address =
            info.as_ref().map(|info| info.network.node_to_node_interface.address()).unwrap_or_default();
        described.insert(id.to_hex(), json!({ "address": address }));
    }
    Ok(described.into())
}
