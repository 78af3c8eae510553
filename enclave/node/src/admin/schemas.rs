//! Schemas that several endpoints share, by the names that CCF's document gives them.

use coco_app::Schema;
use serde_json::json;

pub(super) fn node_id() -> Schema {
    Schema::plain("NodeId", json!({ "type": "string", "format": "hex", "pattern": "^[a-f0-9]{64}$" }))
}

pub(super) fn pem() -> Schema {
    Schema::plain("Pem", json!({ "type": "string" }))
}

pub(super) fn reconfiguration_type() -> Schema {
    Schema::one_of("ReconfigurationType", &["OneTransaction", "TwoTransaction"])
}

/// A network interface of a node.
pub(super) fn interface() -> Schema {
    let authority = Schema::one_of("Authority", &["Node", "Service", "ACME", "Unsecured"]);
    let optional = vec![
        ("accepted_endpoints", Schema::array(Schema::string())),
        ("app_protocol", Schema::string()),
        ("endorsement", Schema::object("Endorsement", vec![("authority", authority)], vec![])),
        ("forwarding_timeout_ms", Schema::uint64()),
        ("http_configuration", http_configuration()),
        ("max_open_sessions_hard", Schema::uint64()),
        ("max_open_sessions_soft", Schema::uint64()),
        ("protocol", Schema::string()),
        ("published_address", Schema::string()),
        ("redirections", redirections()),
    ];
    Schema::object("NodeInfoNetwork_v2__NetInterface", vec![("bind_address", Schema::string())], optional)
}

fn http_configuration() -> Schema {
    // CCF names sizes after the type of durations.
    let size = || {
        let definition = json!({ "type": "string", "pattern": "^[0-9]+(B|KB|MB|GB|TB|PB)?$" });
        Schema::plain("TimeString", definition)
    };
    let count = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
    let optional = vec![
        ("initial_window_size", size()),
        ("max_body_size", size()),
        ("max_concurrent_streams_count", Schema::uint64()),
        ("max_frame_size", size()),
        ("max_header_size", size()),
        ("max_headers_count", Schema::plain("uint32", count)),
    ];
    Schema::object("ParserConfiguration", vec![], optional)
}

fn redirections() -> Schema {
    let resolver = || {
        let kind = Schema::one_of("RedirectionResolutionKind", &["NodeByRole", "StaticAddress"]);
        Schema::object("RedirectionResolverConfig", vec![("kind", kind)], vec![("target", Schema::json())])
    };
    let optional = vec![("to_backup", resolver()), ("to_primary", resolver())];
    Schema::object("NodeInfoNetwork_v2__NetInterface__Redirections", vec![], optional)
}
