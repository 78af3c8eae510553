//! What members demand of nodes beyond CCF's tables.

use coco_app::Status;
use serde_json::json;

use crate::{
    consortium::{Service, body, text},
    constitutions,
};

#[test]
fn what_is_demanded_of_snp_beyond_ccf_is_said_in_tables_and_shown() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let policy = |service: &mut Service| body(&service.get("/service/join-policy"))["snp"].clone();
    let before = policy(&mut service);
    assert!(before.get("providers").is_none() && before.get("demands").is_none(), "{before}");
    let chip = "c1".repeat(64);
    let actions = json!([
        { "name": "add_snp_provider", "args": { "provider": "cloud" } },
        { "name": "add_snp_chip", "args": { "chip_id": chip } },
        { "name": "set_snp_demands", "args": { "listed_chip": true, "mitigations": 6, "no_smt": null } },
        { "name": "set_node_lease", "args": { "seconds": 10 } },
    ]);
    assert_eq!(body(&service.decide(&actions))["proposalState"], "Accepted");
    let after = policy(&mut service);
    let demands = json!({ "listed_chip": true, "no_smt": false, "single_socket": false,
        "hidden_ciphertext": false, "alias_check": false, "mitigations": 6 });
    assert_eq!(
        (&after["providers"], &after["chips"], &after["demands"]),
        (&json!(["cloud"]), &json!([chip]), &demands)
    );
    for (name, args) in [
        ("add_snp_chip", json!({ "chip_id": "c1" })),
        ("add_snp_provider", json!({ "provider": 1 })),
        ("set_snp_demands", json!({ "no_smt": 1 })),
        ("set_snp_demands", json!({ "unknown": true })),
        ("set_node_lease", json!({ "seconds": 9 })),
        ("set_node_lease", json!({})),
    ] {
        let answer = service.propose(0, &json!([{ "name": name, "args": args }]));
        assert_eq!(answer.status, Status::BAD_REQUEST, "{name} {args}: {}", text(&answer));
    }
    let actions = json!([
        { "name": "remove_snp_provider", "args": { "provider": "cloud" } },
        { "name": "remove_snp_chip", "args": { "chip_id": chip } },
        { "name": "remove_snp_demands" },
        { "name": "remove_node_lease" },
    ]);
    assert_eq!(body(&service.decide(&actions))["proposalState"], "Accepted");
    assert_eq!(policy(&mut service), before);
    assert_eq!(service.tables.nodes.lease.get(&service.store.latest()).unwrap(), None);
}
