//! Who takes part in consensus, and how it stands.

use std::collections::BTreeMap;

use coco_app::{Call, Context, Endpoint, Reject, Response, Schema};
use coco_tables::nodes::NodeStatus;
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use super::{Admin, ok, schemas};
use crate::view::{Stage, State};

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
    let nodes = Configuration::read(admin, cx)?.map(|configuration| configuration.nodes_json());
    Ok(ok(&nodes.unwrap_or_else(|| json!({}))))
}

fn consensus(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let state = admin.state();
    let configuration = Configuration::read(admin, cx)?;
    let configurations: Vec<_> = configuration.iter().map(Configuration::json).collect();
    Ok(ok(&json!({ "details": {
        "configs": configurations,
        // Of the primary's peers; it has none.
        "acks": {},
        "membership_state": "Active",
        "leadership_state": leadership(&state),
        "primary_id": admin.primary(),
        "current_view": cx.services.chain().latest.view,
        "ticking": state.stage == Stage::PartOfNetwork,
    }})))
}

fn leadership(state: &State) -> &'static str {
    match state.stage {
        Stage::Initialized => "None",
        Stage::PartOfNetwork if state.primary => "Leader",
        Stage::PartOfNetwork => "Follower",
    }
}

/// The nodes that agree, each with the address where the others connect.
struct Configuration {
    /// The transaction that began it.
    since: Seqno,
    nodes: BTreeMap<Digest, String>,
}

impl Configuration {
    /// The trusted nodes; none before the service is created.
    fn read(admin: &Admin, cx: &Context<'_>) -> Result<Option<Self>, Reject> {
        let table = &admin.tables.nodes.info;
        let mut configuration = Self { since: Seqno::ZERO, nodes: BTreeMap::new() };
        for row in table.iter(&*cx.tx) {
            let (id, info) = row?;
            if info.status == NodeStatus::Trusted {
                let written = table.version_of_previous_write(&*cx.tx, &id).unwrap_or_default();
                configuration.since = configuration.since.max(written);
                configuration.nodes.insert(id, info.network.node_to_node_interface.published_address);
            }
        }
        Ok((!configuration.nodes.is_empty()).then_some(configuration))
    }

    fn json(&self) -> Value {
        json!({ "idx": self.since, "nodes": self.nodes_json(), "rid": self.since })
    }

    fn nodes_json(&self) -> Value {
        let node = |(id, address): (&Digest, &String)| (id.to_hex(), json!({ "address": address }));
        self.nodes.iter().map(node).collect()
    }
}
