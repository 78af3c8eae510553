use serde_json::json;

use super::{Consensus, Leadership, ListedNode, NodeStatus};

#[test]
fn the_address_is_that_of_an_interface_of_the_service() {
    let interface = |port: u16, authority: &str| {
        let mut interface = json!({ "bind_address": "x:0", "published_address": format!("x:{port}") });
        if !authority.is_empty() {
            interface["endorsement"] = json!({ "authority": authority });
        }
        interface
    };
    for (interfaces, expected) in [
        (json!({}), None),
        (json!({ "a": interface(1, "") }), Some("x:1")),
        (json!({ "a": interface(1, "Node"), "b": interface(2, "Service") }), Some("x:2")),
        (json!({ "a": interface(1, "Unsecured") }), None),
    ] {
        let node = json!({
            "node_id": "ab".repeat(32), "status": "Trusted", "primary": false, "rpc_interfaces": interfaces,
            "node_data": null, "last_written": 3,
        });
        let node: ListedNode = serde_json::from_value(node).unwrap();
        assert_eq!((node.status, node.address()), (NodeStatus::Trusted, expected));
    }
}

/// An answer of CCF, and one of a node that takes no part.
#[test]
fn consensus_of_ccf() {
    let id = "cd".repeat(32);
    let mut details = json!({
        "configs": [{ "idx": 12, "nodes": { id.as_str(): { "address": "127.0.0.1:9" } }, "rid": 12 }],
        "acks": {}, "membership_state": "Active", "leadership_state": "Leader", "primary_id": id,
        "current_view": 2, "ticking": true,
    });
    let consensus: Consensus = serde_json::from_value(details.clone()).unwrap();
    assert_eq!(consensus.leadership_state, Some(Leadership::Leader));
    assert_eq!((consensus.current_view.0, consensus.configs[0].since.0), (2, 12));
    assert_eq!(consensus.configs[0].nodes.keys().copied().next(), consensus.primary_id);
    assert_eq!(consensus.configs[0].nodes.values().next().unwrap().address, "127.0.0.1:9");

    details["primary_id"] = json!(null);
    details.as_object_mut().unwrap().remove("leadership_state");
    let consensus: Consensus = serde_json::from_value(details).unwrap();
    assert_eq!((consensus.leadership_state, consensus.primary_id), (None, None));
}
