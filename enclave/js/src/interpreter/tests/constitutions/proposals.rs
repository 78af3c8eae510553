//! What members propose.

use serde_json::{Value, json};

use super::{OURS, certificate, member};

/// Actions with arguments that both our and CCF's default constitution take.
pub(super) fn valid_actions() -> Vec<(&'static str, Value)> {
    let mut actions = valid_node_actions();
    actions.extend(other_valid_actions());
    actions
}

fn other_valid_actions() -> Vec<(&'static str, Value)> {
    let (cert, _) = certificate("someone");
    let digest = coco_crypto::hash::sha256(b"policy").to_hex();
    let tcb = json!({ "boot_loader": 1, "tee": 2, "snp": 3, "microcode": 4 });
    let endpoint = json!({
        "js_module": "a.js", "js_function": "f", "mode": "readonly", "forwarding_required": "sometimes",
        "authn_policies": ["user_cert", { "all_of": ["jwt", "user_cert"] }], "openapi": {},
    });
    vec![
        ("set_user", json!({ "cert": cert })),
        ("set_user", json!({ "cert": cert, "user_data": { "a": 1 } })),
        ("remove_user", json!({ "user_id": member(7) })),
        ("set_user_data", json!({ "user_id": member(7), "user_data": { "b": [] } })),
        ("set_user_data", json!({ "user_id": member(7) })),
        ("set_member", json!({ "cert": cert })),
        (
            "set_member",
            json!({ "cert": cert, "encryption_pub_key": "-----BEGIN PUBLIC KEY-----", "member_data": { "a": 1 }, "recovery_role": "Owner" }),
        ),
        ("set_member_data", json!({ "member_id": member(1), "member_data": { "a": 1 } })),
        ("remove_member", json!({ "member_id": member(1) })),
        ("remove_member", json!({ "member_id": member(3) })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 2 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 1 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 3 })),
        ("set_service_configuration", json!({ "recent_cose_proposals_window_size": 7 })),
        (
            "set_service_configuration",
            json!({ "reconfiguration_type": "TwoTransaction", "recovery_threshold": 2 }),
        ),
        ("transition_service_to_open", json!({ "next_service_identity": cert })),
        (
            "transition_service_to_open",
            json!({ "next_service_identity": cert, "previous_service_identity": cert }),
        ),
        ("set_constitution", json!({ "constitution": OURS })),
        ("trigger_recovery_shares_refresh", Value::Null),
        ("trigger_ledger_rekey", Value::Null),
        ("trigger_ledger_chunk", Value::Null),
        ("trigger_snapshot", Value::Null),
        ("add_node_code", json!({ "code_id": "c" })),
        ("remove_node_code", json!({ "code_id": "c" })),
        ("add_snp_measurement", json!({ "measurement": "m" })),
        ("remove_snp_measurement", json!({ "measurement": "m" })),
        ("add_snp_host_data", json!({ "host_data": digest, "security_policy": "policy" })),
        ("add_snp_host_data", json!({ "host_data": digest, "security_policy": "" })),
        ("remove_snp_host_data", json!({ "host_data": "h" })),
        ("add_snp_uvm_endorsement", json!({ "did": "d", "feed": "f", "svn": "1" })),
        ("remove_snp_uvm_endorsement", json!({ "did": "d", "feed": "f" })),
        ("set_snp_minimum_tcb_version", json!({ "cpuid": "00a00f11", "tcb_version": tcb })),
        (
            "set_js_app",
            json!({ "bundle": {
            "metadata": { "endpoints": { "/a/{b}": { "get": endpoint } } },
            "modules": [{ "name": "a.js", "module": "export function f() {}" }],
        }, "disable_bytecode_cache": true }),
        ),
        ("remove_js_app", Value::Null),
        (
            "set_js_runtime_options",
            json!({ "max_heap_bytes": 1, "max_stack_bytes": 2, "max_execution_time_ms": 3 }),
        ),
        ("set_ca_cert_bundle", json!({ "name": "n", "cert_bundle": cert })),
        ("remove_ca_cert_bundle", json!({ "name": "n" })),
    ]
}

fn valid_node_actions() -> Vec<(&'static str, Value)> {
    let digest = member(5);
    vec![
        ("transition_node_to_trusted", json!({ "node_id": member(9), "valid_from": "20251028164048Z" })),
        ("transition_node_to_trusted", json!({ "node_id": member(12), "valid_from": "" })),
        ("transition_node_to_trusted", trust(10, 1)),
        ("transition_node_to_trusted", trust(10, 365)),
        ("transition_node_to_trusted", trust(10, 366)),
        ("transition_node_to_trusted", trust(11, 7)),
        ("transition_node_to_trusted", trust(13, 7)),
        ("set_node_certificate_validity", trust(9, 1)),
        ("set_node_certificate_validity", trust(9, 366)),
        ("set_node_certificate_validity", trust(10, 1)),
        ("set_node_certificate_validity", trust(13, 1)),
        ("set_node_certificate_validity", json!({ "node_id": member(9), "valid_from": "20251028164048Z" })),
        ("set_all_nodes_certificate_validity", json!({ "valid_from": "20251028164048Z" })),
        (
            "set_all_nodes_certificate_validity",
            json!({ "valid_from": "20251028164048Z", "validity_period_days": 366 }),
        ),
        ("set_service_certificate_validity", json!({ "valid_from": "20251028164048Z" })),
        (
            "set_service_certificate_validity",
            json!({ "valid_from": "20251028164048Z", "validity_period_days": 366 }),
        ),
        ("remove_node", json!({ "node_id": member(9) })),
        ("remove_node", json!({ "node_id": member(10) })),
        ("remove_node", json!({ "node_id": member(12) })),
        ("remove_node", json!({ "node_id": member(13) })),
        ("set_node_data", json!({ "node_id": member(9), "node_data": [1] })),
        ("set_node_data", json!({ "node_id": member(10), "node_data": null })),
        ("set_node_data", json!({ "node_id": member(13), "node_data": {} })),
        ("add_virtual_measurement", json!({ "measurement": "m" })),
        ("remove_virtual_measurement", json!({ "measurement": "m" })),
        ("add_virtual_host_data", json!({ "host_data": digest })),
        ("remove_virtual_host_data", json!({ "host_data": digest })),
    ]
}

/// Arguments to trust a node, or to renew its certificate, for some days.
fn trust(node: u8, days: u32) -> Value {
    json!({ "node_id": member(node), "valid_from": "2025-10-28 16:40:48", "validity_period_days": days })
}

/// Actions that neither takes.
pub(super) fn invalid_actions() -> Vec<(&'static str, Value)> {
    let (cert, id) = certificate("someone");
    vec![
        ("no_such_action", json!({})),
        ("constructor", json!({})),
        ("set_user", json!({})),
        ("set_user", json!({ "cert": "PEM" })),
        ("set_user", json!({ "cert": cert, "user_data": 1 })),
        ("remove_user", json!({ "user_id": "ab" })),
        ("remove_user", json!({ "user_id": id[1..].to_owned() + "x" })),
        (
            "set_member",
            json!({ "cert": cert, "recovery_role": "Boss", "encryption_pub_key": "-----BEGIN PUBLIC KEY-----" }),
        ),
        ("set_member", json!({ "cert": cert, "recovery_role": "Owner" })),
        ("set_member_data", json!({ "member_id": id })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 0 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 255 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 1.5 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": "1" })),
        ("set_service_configuration", json!({ "maximum_node_certificate_validity_days": 1 })),
        ("transition_service_to_open", json!({ "next_service_identity": "PEM" })),
        ("transition_service_to_open", json!({})),
        ("set_constitution", json!({ "constitution": 1 })),
        ("set_constitution", json!({ "constitution": "export function validate(input) {}" })),
        ("set_constitution", json!({ "constitution": "" })),
        ("trigger_ledger_rekey", json!({ "now": true })),
        ("transition_node_to_trusted", json!({ "node_id": member(10) })),
        ("transition_node_to_trusted", json!({ "node_id": "10", "valid_from": "20251028164048Z" })),
        ("transition_node_to_trusted", json!({ "node_id": member(10), "valid_from": 1 })),
        ("transition_node_to_trusted", trust(10, 0)),
        (
            "transition_node_to_trusted",
            json!({ "node_id": member(10), "valid_from": "", "validity_period_days": "1" }),
        ),
        (
            "transition_node_to_trusted",
            json!({ "node_id": member(10), "valid_from": "", "validity_period_days": 1.5 }),
        ),
        ("remove_node", json!({})),
        ("remove_node", json!({ "node_id": member(9) + "0" })),
        ("set_node_data", json!({ "node_data": {} })),
        ("add_virtual_measurement", json!({ "measurement": 1 })),
        ("remove_virtual_measurement", json!({})),
        ("add_virtual_host_data", json!({})),
        ("remove_virtual_host_data", json!({ "host_data": [] })),
        ("add_snp_host_data", json!({ "host_data": "00", "security_policy": "policy" })),
        ("set_snp_minimum_tcb_version", json!({ "cpuid": "00A00F11", "tcb_version": {} })),
        ("set_snp_minimum_tcb_version", json!({ "cpuid": "00a00f", "tcb_version": {} })),
        ("set_js_app", json!({ "bundle": { "metadata": { "endpoints": {} }, "modules": [{ "name": 1 }] } })),
        (
            "set_js_app",
            json!({ "bundle": { "metadata": { "endpoints": { "/a": { "get": {} } } }, "modules": [] } }),
        ),
        ("set_js_runtime_options", json!({})),
        ("set_ca_cert_bundle", json!({ "name": "n", "cert_bundle": "PEM" })),
        ("assert_service_identity", json!({ "service_identity": cert })),
    ]
}
