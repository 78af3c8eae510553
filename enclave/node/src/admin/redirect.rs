//! Where clients find the primary.

use coco_app::{Call, Context, Reject};
use coco_tables::nodes::{Authority, Interface, NodeNetwork};
use coco_wire::Digest;

use super::{Admin, request_of, status::primary_unknown};

/// URL of `path` on the primary's interface that stands for the one the client asked.
pub(super) fn to_primary(admin: &Admin, call: &Call, cx: &Context<'_>, path: &str) -> Result<String, Reject> {
    let primary = admin.primary().ok_or_else(primary_unknown)?;
    to_node(admin, call, cx, &primary, path)
}

/// The same on any node.
pub(super) fn to_node(
    admin: &Admin,
    call: &Call,
    cx: &Context<'_>,
    node: &Digest,
    path: &str,
) -> Result<String, Reject> {
    let info = admin.tables.nodes.info.get(&*cx.tx, node)?.ok_or_else(|| unknown(node))?;
    let interface = interface_like(admin, call, node, &info.network)?;
    Ok(format!("https://{}{path}", interface.published_address))
}

/// The same on this node.
pub(super) fn to_self(admin: &Admin, call: &Call, path: &str) -> Result<String, Reject> {
    let interface = interface_like(admin, call, &admin.node_id(), &admin.facts.network)?;
    Ok(format!("https://{}{path}", interface.published_address))
}

fn unknown(node: &Digest) -> Reject {
    Reject::internal(format!("Cannot find node info to produce redirect response for node {node}"))
}

/// The interface of a node with the name of the one that was asked here, known by the address that the client used. If
/// that is none of the published ones, the first that shows a certificate of the service, as joining nodes trust no other.
fn interface_like<'a>(
    admin: &Admin,
    call: &Call,
    node: &Digest,
    network: &'a NodeNetwork,
) -> Result<&'a Interface, Reject> {
    let host = request_of(call).headers.text("host").unwrap_or("");
    let own = &admin.facts.network.rpc_interfaces;
    let Some((name, _)) = own.iter().find(|(_, interface)| interface.published_address == host) else {
        let of_service = |interface: &&Interface| {
            interface.endorsement.is_none_or(|endorsement| endorsement.authority == Authority::Service)
        };
        return network.rpc_interfaces.values().find(of_service).ok_or_else(|| unknown(node));
    };
    network.rpc_interfaces.get(name).ok_or_else(|| {
        Reject::internal(format!(
            "Cannot redirect request. Received on RPC interface {name}, which is not present on target node {node}"
        ))
    })
}
