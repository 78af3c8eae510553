//! Where clients find the primary.

use coco_app::{Call, Context, Reject};
use coco_tables::nodes::{Authority, Interface, NodeNetwork};

use super::{Admin, request_of, status::primary_unknown};

/// URL of `path` on the primary's interface that stands for the one the client asked.
pub(super) fn to_primary(admin: &Admin, call: &Call, cx: &Context<'_>, path: &str) -> Result<String, Reject> {
    let primary = admin.primary().ok_or_else(primary_unknown)?;
    let node = admin.tables.nodes.info.get(&*cx.tx, &primary)?;
    let interface = node.as_ref().and_then(|node| interface_like(admin, call, &node.network));
    let interface = interface.ok_or_else(|| {
        let text = format!("Cannot find node info to produce redirect response for node {primary}");
        Reject::internal(text)
    })?;
    Ok(format!("https://{}{path}", interface.published_address))
}

/// The interface of another node with the name of the one that was asked here, known by the address that the client
/// used; else the first one that shows a certificate of the service, as joining nodes trust no other.
fn interface_like<'a>(admin: &Admin, call: &Call, network: &'a NodeNetwork) -> Option<&'a Interface> {
    let host = request_of(call).headers.text("host").unwrap_or("");
    let own = &admin.facts.network.rpc_interfaces;
    let asked = own.iter().find(|(_, interface)| interface.published_address == host);
    let same = asked.and_then(|(name, _)| network.rpc_interfaces.get(name));
    let of_service = |interface: &&Interface| {
        interface.endorsement.is_none_or(|endorsement| endorsement.authority == Authority::Service)
    };
    same.or_else(|| network.rpc_interfaces.values().find(of_service))
}
