//! The service as a whole, and its nodes.

use coco_app::{
    Call, Context, Description, Endpoint, ErrorCode, Method, Reject, Request, Response, Schema, Status,
};
use coco_tables::nodes::{Interface, NodeInfo, NodeStatus};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{Admin, ok, request_of, schemas, status::primary_unknown};

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let filtered = Description::json(None, Some(nodes_schema()))
        .optional_query("host", Schema::string())
        .optional_query("port", Schema::string())
        .optional_query("status", Schema::string());
    let remover = admin.clone();
    let delete = move |call: &Call, cx: &mut Context<'_>| remove(&remover, call, cx);
    vec![
        admin.get("/network", network_schema(), network),
        admin.read(Method::Get, "/network/nodes", nodes).describe(filtered),
        admin.get("/network/nodes/{node_id}", node_schema(), node),
        Endpoint::write(Method::Delete, "/network/nodes/{node_id}", &[], delete)
            .describe(Description::json(None, Some(Schema::boolean()))),
        admin.get_own("/network/nodes/self", node_schema(), own_node),
        admin.get("/network/nodes/primary", node_schema(), primary_node),
        admin.get("/network/removable_nodes", nodes_schema(), removable_nodes),
    ]
}

fn network_schema() -> Schema {
    let statuses = ["Opening", "Open", "WaitingForRecoveryShares", "Recovering"];
    let required = vec![
        ("service_status", Schema::one_of("ServiceStatus", &statuses)),
        ("service_certificate", schemas::pem()),
        ("current_view", Schema::uint64()),
        ("primary_id", schemas::node_id()),
        ("recovery_count", Schema::uint64()),
        ("service_data", Schema::json()),
        ("current_service_create_txid", Schema::transaction_id()),
    ];
    Schema::object("GetNetworkInfo__Out", required, vec![])
}

fn node_schema() -> Schema {
    let required = vec![
        ("node_id", schemas::node_id()),
        ("status", Schema::one_of("NodeStatus", &["Pending", "Trusted", "Retired"])),
        ("primary", Schema::boolean()),
        ("rpc_interfaces", Schema::map("string", schemas::interface())),
        ("node_data", Schema::json()),
        ("last_written", Schema::uint64()),
    ];
    Schema::object("GetNode__NodeInfo", required, vec![])
}

fn nodes_schema() -> Schema {
    Schema::object("GetNodes__Out", vec![("nodes", Schema::array(node_schema()))], vec![])
}

fn network(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let service = admin.tables.service.info.get(cx.tx)?;
    let service = service.ok_or_else(|| Reject::not_found("Service state not available."))?;
    Ok(ok(&json!({
        "service_status": service.status,
        "service_certificate": service.cert,
        "current_view": admin.state().consensus.view,
        "primary_id": admin.primary(),
        "recovery_count": service.recovery_count.unwrap_or(0),
        "service_data": service.service_data,
        "current_service_create_txid": service.current_service_create_txid,
    })))
}

fn nodes(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let filter = Filter::of(request_of(call))?;
    let mut found = Vec::new();
    for row in admin.tables.nodes.info.iter(&*cx.tx) {
        let (id, info) = row?;
        if filter.admits(&info) {
            found.push(describe(admin, cx, &id, &info));
        }
    }
    Ok(ok(&json!({ "nodes": found })))
}

/// Which nodes a client wants to see.
struct Filter {
    host: Option<String>,
    port: Option<String>,
    status: Option<NodeStatus>,
}

impl Filter {
    fn of(request: &Request) -> Result<Self, Reject> {
        let text = |name| request.parameter(name).map(String::from);
        let parse = |status: String| {
            serde_json::from_value(Value::from(status.as_str())).map_err(|_| {
                let message = format!("Query parameter '{status}' is not a valid node status");
                Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
            })
        };
        Ok(Self { host: text("host"), port: text("port"), status: text("status").map(parse).transpose()? })
    }

    /// Host and port are those published for any one of the node's interfaces.
    fn admits(&self, node: &NodeInfo) -> bool {
        let is_published = |interface: &Interface| {
            let address = &interface.published_address;
            let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
            self.host.as_ref().is_none_or(|wanted| wanted == host)
                && self.port.as_ref().is_none_or(|wanted| wanted == port)
        };
        self.status.is_none_or(|wanted| wanted == node.status)
            && node.network.rpc_interfaces.values().any(is_published)
    }
}

fn node(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = call.parameter(0)?.parse().map_err(|_| node_not_found())?;
    registered(admin, cx, &id)
}

fn primary_node(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = admin.primary().ok_or_else(primary_unknown)?;
    registered(admin, cx, &id)
}

fn registered(admin: &Admin, cx: &Context<'_>, id: &Digest) -> Result<Response, Reject> {
    let info = admin.tables.nodes.info.get(cx.tx, id)?.ok_or_else(node_not_found)?;
    Ok(ok(&describe(admin, cx, id, &info)))
}

fn node_not_found() -> Reject {
    Reject::not_found("Node not found")
}

/// What the ledger says of this node, or else what it was configured with.
fn own_node(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = admin.node_id();
    let body = match admin.tables.nodes.info.get(cx.tx, &id)? {
        Some(info) => describe(admin, cx, &id, &info),
        None => json!({
            "node_id": id,
            "status": NodeStatus::Pending,
            "primary": false,
            "rpc_interfaces": admin.facts.network.rpc_interfaces,
            "node_data": admin.facts.node_data,
            "last_written": 0,
        }),
    };
    Ok(ok(&body))
}

/// Nodes whose row may be deleted: every later primary knows that they are retired.
fn removable_nodes(admin: &Admin, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let committed = admin.state().committed.clone();
    let mut found = Vec::new();
    for row in admin.tables.nodes.info.iter(&committed) {
        let (id, info) = row?;
        if info.is_removable() && admin.tables.nodes.info.has(cx.tx, &id) {
            found.push(describe(admin, cx, &id, &info));
        }
    }
    Ok(ok(&json!({ "nodes": found })))
}

/// Deletes a retired node. Whether it may be is asked of the committed state: what this transaction reads of the row
/// it also removes, so that nothing can come between.
fn remove(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let nodes = &admin.tables.nodes;
    let unknown = || Reject::not_found("No such node");
    let id: Digest = call.parameter(0)?.parse().map_err(|_| unknown())?;
    if !nodes.info.has(cx.tx, &id) {
        return Err(unknown());
    }
    let committed = nodes.info.get(&admin.state().committed, &id)?;
    if !committed.is_some_and(|info| info.is_removable()) {
        let message = "Node is not completely retired";
        return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::NodeNotRetiredCommitted, message));
    }
    nodes.info.remove(cx.tx, &id);
    nodes.endorsed_certificates.remove(cx.tx, &id);
    nodes.appraisals.remove(cx.tx, &id);
    Ok(ok(&Value::Bool(true)))
}

fn describe(admin: &Admin, cx: &Context<'_>, id: &Digest, info: &NodeInfo) -> Value {
    let written = admin.tables.nodes.info.version_of_previous_write(&*cx.tx, id);
    json!({
        "node_id": id,
        "status": info.status,
        "primary": admin.primary() == Some(*id),
        "rpc_interfaces": info.network.rpc_interfaces,
        "node_data": info.node_data,
        "last_written": written.unwrap_or_default(),
    })
}
