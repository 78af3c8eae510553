//! Actions with arguments. Words in capitals stand for names and certificates of the world that they are tried in.

use serde_json::{Value, json};

/// What both constitutions carry out.
pub(super) fn good() -> Vec<(&'static str, Value)> {
    let mut given = people();
    given.extend(nodes());
    given.extend(platforms());
    given.extend([
        ("set_constitution", json!({ "constitution": "CONSTITUTION" })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 1 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 2 })),
        ("set_recovery_threshold", json!({ "recovery_threshold": 3 })),
        ("set_service_configuration", json!({ "recovery_threshold": 3 })),
        ("set_service_configuration", json!({ "recent_cose_proposals_window_size": 17 })),
        ("set_service_configuration", json!({ "reconfiguration_type": "TwoTransaction" })),
        ("set_service_configuration", json!({})),
        ("trigger_recovery_shares_refresh", json!(null)),
        ("trigger_ledger_rekey", json!(null)),
        ("trigger_ledger_chunk", json!(null)),
        ("trigger_snapshot", json!(null)),
        ("transition_service_to_open", json!({ "next_service_identity": "SERVICE" })),
        ("assert_service_identity", json!({ "service_identity": "SERVICE" })),
        ("set_service_certificate_validity", json!({ "valid_from": "20251028164048Z" })),
        (
            "set_service_certificate_validity",
            json!({ "valid_from": "20251028164048Z", "validity_period_days": 365 }),
        ),
    ]);
    given
}

fn people() -> Vec<(&'static str, Value)> {
    vec![
        ("set_member", json!({ "cert": "CERTIFICATE" })),
        ("set_member", json!({ "cert": "CERTIFICATE", "member_data": { "a": [1, null] } })),
        ("set_member", json!({ "cert": "CERTIFICATE", "encryption_pub_key": "ENCRYPTION_KEY" })),
        (
            "set_member",
            json!({ "cert": "CERTIFICATE", "encryption_pub_key": "ENCRYPTION_KEY", "recovery_role": "Owner" }),
        ),
        ("set_member", json!({ "cert": "FOUNDER_CERTIFICATE", "member_data": null })),
        ("remove_member", json!({ "member_id": "MEMBER" })),
        ("set_member_data", json!({ "member_id": "MEMBER", "member_data": { "b": true } })),
        ("set_user", json!({ "cert": "CERTIFICATE" })),
        ("set_user", json!({ "cert": "CERTIFICATE", "user_data": { "isAdmin": true } })),
        ("set_user", json!({ "cert": "CERTIFICATE", "user_data": null })),
        ("remove_user", json!({ "user_id": "USER" })),
        ("set_user_data", json!({ "user_id": "USER", "user_data": { "c": "d" } })),
        ("set_user_data", json!({ "user_id": "USER" })),
        ("set_user_data", json!({ "user_id": "ABSENT", "user_data": {} })),
    ]
}

fn nodes() -> Vec<(&'static str, Value)> {
    let from = "20251028164048Z";
    vec![
        ("set_node_data", json!({ "node_id": "TRUSTED", "node_data": "text" })),
        ("set_node_data", json!({ "node_id": "PENDING", "node_data": { "deep": { "er": [1] } } })),
        ("transition_node_to_trusted", json!({ "node_id": "PENDING", "valid_from": from })),
        (
            "transition_node_to_trusted",
            json!({ "node_id": "PENDING", "valid_from": from, "validity_period_days": 1 }),
        ),
        ("transition_node_to_trusted", json!({ "node_id": "TRUSTED", "valid_from": from })),
        ("transition_node_to_trusted", json!({ "node_id": "RETIRED", "valid_from": from })),
        ("remove_node", json!({ "node_id": "PENDING" })),
        ("remove_node", json!({ "node_id": "TRUSTED" })),
        ("remove_node", json!({ "node_id": "RETIRED" })),
        ("remove_node", json!({ "node_id": "ABSENT" })),
        ("set_node_certificate_validity", json!({ "node_id": "TRUSTED", "valid_from": from })),
        (
            "set_node_certificate_validity",
            json!({ "node_id": "TRUSTED", "valid_from": from, "validity_period_days": 365 }),
        ),
        ("set_all_nodes_certificate_validity", json!({ "valid_from": from })),
        ("set_all_nodes_certificate_validity", json!({ "valid_from": from, "validity_period_days": 7 })),
    ]
}

fn platforms() -> Vec<(&'static str, Value)> {
    let digest = "0123456789abcdef".repeat(4);
    let of_empty_policy = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let of_text = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let endorsement = json!({ "did": "did:x509:0:sha256:a::eku:1", "feed": "feed", "svn": "100" });
    vec![
        ("add_node_code", json!({ "code_id": digest })),
        ("remove_node_code", json!({ "code_id": digest })),
        ("add_snp_measurement", json!({ "measurement": digest })),
        ("remove_snp_measurement", json!({ "measurement": digest })),
        ("add_snp_host_data", json!({ "host_data": digest, "security_policy": "" })),
        ("add_snp_host_data", json!({ "host_data": of_empty_policy, "security_policy": "" })),
        ("add_snp_host_data", json!({ "host_data": of_text, "security_policy": "hello" })),
        ("remove_snp_host_data", json!({ "host_data": digest })),
        ("add_snp_uvm_endorsement", endorsement),
        ("remove_snp_uvm_endorsement", json!({ "did": "did:x509:0", "feed": "feed" })),
        ("add_virtual_measurement", json!({ "measurement": "any text" })),
        ("remove_virtual_measurement", json!({ "measurement": "any text" })),
        ("add_virtual_host_data", json!({ "host_data": digest })),
        ("remove_virtual_host_data", json!({ "host_data": digest })),
        (
            "set_snp_minimum_tcb_version",
            json!({
                "cpuid": "00a00f11",
                "tcb_version": { "boot_loader": 4, "tee": 0, "snp": 24, "microcode": 219 },
            }),
        ),
        (
            "set_snp_minimum_tcb_version_hex",
            json!({ "cpuid": "00a00f11", "tcb_version": "d315000000000004" }),
        ),
        (
            "set_snp_minimum_tcb_version_hex",
            json!({ "cpuid": "00b00f11", "tcb_version": "d315000000000004" }),
        ),
    ]
}

/// What both refuse: as a proposal that is not valid, with 400, or as one that cannot be carried out, with 500.
pub(super) fn bad() -> Vec<(u16, &'static str, Value)> {
    let from = "20251028164048Z";
    let mut given = vec![
        (400, "set_constitution", json!({ "constitution": 1 })),
        (400, "set_constitution", json!({ "constitution": "export const validate = 1;" })),
        (400, "set_member", json!({})),
        (400, "set_member", json!({ "cert": "no certificate" })),
        (400, "set_member", json!({ "cert": "CERTIFICATE", "member_data": "text" })),
        (400, "set_member", json!({ "cert": "CERTIFICATE", "recovery_role": "Owner" })),
        (
            400,
            "set_member",
            json!({ "cert": "CERTIFICATE", "encryption_pub_key": "ENCRYPTION_KEY", "recovery_role": "King" }),
        ),
        (400, "set_member_data", json!({ "member_id": "MEMBER" })),
        (500, "set_member_data", json!({ "member_id": "ABSENT", "member_data": {} })),
        (400, "set_user", json!({ "cert": "CERTIFICATE", "user_data": 1 })),
        (400, "set_user_data", json!({ "user_id": "USER", "user_data": "text" })),
        (400, "assert_service_identity", json!({ "service_identity": "CERTIFICATE" })),
        (400, "transition_service_to_open", json!({})),
        (400, "transition_service_to_open", json!({ "next_service_identity": "text" })),
        (500, "set_recovery_threshold", json!({ "recovery_threshold": 4 })),
        (500, "set_service_configuration", json!({ "recovery_threshold": 4 })),
        (400, "set_service_configuration", json!({ "recovery_threshold": 0 })),
        (400, "set_service_configuration", json!({ "recent_cose_proposals_window_size": 0 })),
        (400, "set_service_configuration", json!({ "recent_cose_proposals_window_size": 10_001 })),
        (400, "set_service_configuration", json!({ "maximum_node_certificate_validity_days": 1 })),
        (500, "set_node_data", json!({ "node_id": "ABSENT", "node_data": 1 })),
        (500, "transition_node_to_trusted", json!({ "node_id": "ABSENT", "valid_from": from })),
        (500, "transition_node_to_trusted", json!({ "node_id": "PENDING", "valid_from": "soon" })),
        (500, "set_node_certificate_validity", json!({ "node_id": "PENDING", "valid_from": from })),
        (500, "set_node_certificate_validity", json!({ "node_id": "RETIRED", "valid_from": from })),
        (500, "set_node_certificate_validity", json!({ "node_id": "ABSENT", "valid_from": from })),
        (400, "fly", json!({})),
        (400, "toString", json!({})),
        (400, "__proto__", json!({})),
    ];
    given.extend(malformed());
    given.extend(certificates());
    given.extend(versions());
    given
}

/// Numbers and names that are none.
fn malformed() -> Vec<(u16, &'static str, Value)> {
    let mut given = Vec::new();
    for threshold in [json!(0), json!(255), json!(-1), json!(1.5), json!("2"), json!(null)] {
        given.push((400, "set_recovery_threshold", json!({ "recovery_threshold": threshold })));
    }
    for id in [json!(null), json!(42), json!("deadbeef"), json!("g".repeat(64)), json!("0".repeat(65))] {
        given.push((400, "remove_user", json!({ "user_id": id })));
        given.push((400, "remove_member", json!({ "member_id": id })));
        given.push((400, "remove_node", json!({ "node_id": id })));
    }
    given
}

/// Validities that no certificate may have.
fn certificates() -> Vec<(u16, &'static str, Value)> {
    let from = "20251028164048Z";
    let mut given = Vec::new();
    for days in [json!(0), json!(-1), json!("7"), json!(1.5)] {
        let args = json!({ "node_id": "TRUSTED", "valid_from": from, "validity_period_days": days });
        given.push((400, "set_node_certificate_validity", args));
        let args = json!({ "valid_from": from, "validity_period_days": days });
        given.push((400, "set_all_nodes_certificate_validity", args.clone()));
        given.push((400, "set_service_certificate_validity", args));
    }
    for (name, args) in [
        ("set_node_certificate_validity", json!({ "node_id": "TRUSTED", "validity_period_days": 366 })),
        ("set_all_nodes_certificate_validity", json!({ "validity_period_days": 366 })),
        ("set_service_certificate_validity", json!({ "validity_period_days": 366 })),
    ] {
        let mut args = args;
        args["valid_from"] = json!(from);
        given.push((500, name, args));
    }
    given
}

/// Versions of trusted computing bases that are none, or of no processor that we know.
fn versions() -> Vec<(u16, &'static str, Value)> {
    let mut given = Vec::new();
    for (cpuid, version) in [
        ("00A00F11", "d315000000000004"),
        ("00a00f1", "d315000000000004"),
        ("00a00f11", "d3150000000000"),
        ("00a00f11", "D315000000000004"),
    ] {
        given.push((
            400,
            "set_snp_minimum_tcb_version_hex",
            json!({ "cpuid": cpuid, "tcb_version": version }),
        ));
    }
    let unknown = json!({ "cpuid": "00800f12", "tcb_version": "d315000000000004" });
    given.push((500, "set_snp_minimum_tcb_version_hex", unknown));
    given.push((500, "remove_snp_minimum_tcb_version", json!({ "cpuid": "00a00f11" })));
    given
}
