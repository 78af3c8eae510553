//! Members decide which enclaves of Windows and of AWS, and which machines of Azure, run nodes. CCF's constitution has no
//! such actions.

use coco_tables::{
    azure::AzureDemands,
    intel::Registers,
    nitro::NitroLimits,
    nodes::{NodeInfo, NodeStatus, QuoteFormat, QuoteInfo},
    windows::{Demands, Image, Minimums, Role, SignedImage},
};
use coco_wire::{Digest, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{Service, body, text},
    constitutions,
    nodes::node_info,
};

fn digits(digit: &str, count: usize) -> String {
    digit.repeat(count)
}

/// The key of a row of signers.
fn signed_name() -> String {
    [digits("b", 64), digits("c", 32), digits("d", 32)].join(".")
}

/// Action, its arguments, and the part of the join policy that it is about, afterwards: null if it is gone.
type Vote = (&'static str, Value, &'static str, Value);

fn votes_on_windows() -> Vec<Vote> {
    let (a, b, c, d) = (digits("a", 64), digits("b", 64), digits("c", 32), digits("d", 32));
    let image = |role: &str| json!({ "unique_id": a, "role": role });
    let signer = json!({ "author_id": b, "family_id": c, "image_id": d });
    let mut signed = signer.clone();
    signed["role"] = json!("Module");
    signed["minimum_svn"] = json!(7);
    let name = digits("e", 68);
    let minimums = json!({ "secure_kernel_svn": 5, "platform_svn": 2 });
    let demands = json!({ "no_dumps": true, "no_hibernation": false, "encrypted_dumps": null });
    vec![
        ("add_vbs_image", image("Module"), "/vbs/images", json!({ a.clone(): { "role": "Module" } })),
        ("add_vbs_image", image("Enclave"), "/vbs/images", json!({ a.clone(): { "role": "Enclave" } })),
        ("remove_vbs_image", json!({ "unique_id": a }), "/vbs", json!(null)),
        (
            "add_vbs_signer",
            signed,
            "/vbs/signers",
            json!({ signed_name(): { "minimum_svn": 7, "role": "Module" } }),
        ),
        ("remove_vbs_signer", signer, "/vbs", json!(null)),
        ("add_vbs_host_data", json!({ "host_data": a }), "/vbs/hostData", json!([a])),
        ("remove_vbs_host_data", json!({ "host_data": a }), "/vbs", json!(null)),
        ("add_vbs_attestation_key", json!({ "name": name }), "/vbs/attestationKeys", json!([name])),
        ("remove_vbs_attestation_key", json!({ "name": name }), "/vbs", json!(null)),
        ("add_vbs_attestation_root", json!({ "root": a }), "/vbs/attestationRoots", json!([a])),
        ("remove_vbs_attestation_root", json!({ "root": a }), "/vbs", json!(null)),
        ("add_vbs_boot_authority", json!({ "certificate": a }), "/vbs/bootAuthorities", json!([a])),
        ("remove_vbs_boot_authority", json!({ "certificate": a }), "/vbs", json!(null)),
        ("set_vbs_minimums", minimums.clone(), "/vbs/minimums", minimums),
        ("remove_vbs_minimums", json!({}), "/vbs", json!(null)),
        ("set_vbs_demands", demands, "/vbs/demands", json!({ "no_dumps": true })),
        ("remove_vbs_demands", json!({}), "/vbs", json!(null)),
    ]
}

/// Of registers of a kind that has so many digits.
fn votes_on_registers(actions: [&'static str; 2], pointers: [&'static str; 2], count: usize) -> Vec<Vote> {
    let [add, remove] = actions;
    let [registers, all] = pointers;
    let register = |digit: &str| json!({ "register": 4, "value": digits(digit, count) });
    let rows = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|digit| digits(digit, count)).collect();
        json!({ "4": values })
    };
    vec![
        (add, register("1"), registers, rows(&["1"])),
        (add, register("1"), registers, rows(&["1"])),
        (add, register("2"), registers, rows(&["1", "2"])),
        (remove, register("1"), registers, rows(&["2"])),
        (remove, register("2"), all, json!(null)),
        (remove, register("2"), all, json!(null)),
    ]
}

fn votes() -> Vec<Vote> {
    let mut votes = votes_on_windows();
    for (actions, pointers, count) in [
        (["add_vbs_register", "remove_vbs_register"], ["/vbs/registers", "/vbs"], 64),
        (["add_azure_register", "remove_azure_register"], ["/azureCvm/registers", "/azureCvm"], 96),
        (["add_nitro_register", "remove_nitro_register"], ["/nitro/registers", "/nitro"], 96),
    ] {
        votes.extend(votes_on_registers(actions, pointers, count));
    }
    let of_48 = digits("a", 96);
    let demands = json!({ "secure_boot": true, "no_console": false });
    votes.extend([
        ("set_azure_demands", demands.clone(), "/azureCvm/demands", json!({ "secure_boot": true })),
        ("remove_azure_demands", json!({}), "/azureCvm", json!(null)),
        ("add_nitro_measurement", json!({ "measurement": of_48 }), "/nitro/measurements", json!([of_48])),
        ("remove_nitro_measurement", json!({ "measurement": of_48 }), "/nitro", json!(null)),
        ("set_nitro_limits", json!({ "max_age_s": 600 }), "/nitro/limits", json!({ "max_age_s": 600 })),
        ("remove_nitro_limits", json!({}), "/nitro", json!(null)),
    ]);
    votes
}

#[test]
fn the_policy_for_other_machines_is_decided_by_vote() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let noop = json!([{ "name": "remove_user", "args": { "user_id": Digest([7; 32]) } }]);
    for (action, args, pointer, expected) in votes() {
        let other = service.proposed(2, &noop);
        let answer = service.decide(&json!([{ "name": action, "args": args }]));
        assert_eq!(body(&answer)["proposalState"], "Accepted", "{action}: {}", text(&answer));
        let policy = body(&service.get("/service/join-policy"));
        assert_eq!(policy.pointer(pointer).unwrap_or(&Value::Null), &expected, "{action}: {policy}");
        let drops = !action.starts_with("remove_");
        assert_eq!(service.state_of(&other), if drops { "Dropped" } else { "Open" }, "{action}");
        service.withdraw(2, &other);
    }
    let policy = body(&service.get("/service/join-policy"));
    let names: Vec<&String> = policy.as_object().unwrap().keys().collect();
    assert_eq!(names, ["sgx", "snp", "virtual"], "what is empty is left out");
}

#[test]
fn arguments_that_say_nothing_about_other_machines() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let signer = |field: &str, value: Value| {
        let mut args = json!({ "author_id": digits("b", 64), "family_id": digits("c", 32),
            "image_id": digits("d", 32), "role": "Enclave", "minimum_svn": 7 });
        args[field] = value;
        ("add_vbs_signer", args)
    };
    let cases = [
        ("add_vbs_image", json!({ "unique_id": digits("a", 64) })),
        ("add_vbs_image", json!({ "unique_id": digits("a", 64), "role": "enclave" })),
        ("add_vbs_image", json!({ "unique_id": digits("A", 64), "role": "Enclave" })),
        signer("author_id", json!(digits("b", 32))),
        signer("family_id", json!(digits("c", 64))),
        signer("role", json!(null)),
        signer("minimum_svn", json!(4_294_967_296_u64)),
        signer("svn", json!(1)),
        ("add_vbs_host_data", json!({ "host_data": digits("a", 96) })),
        ("add_vbs_attestation_key", json!({ "name": digits("a", 64) })),
        ("add_vbs_attestation_root", json!({ "root": "" })),
        ("add_vbs_boot_authority", json!({ "certificate": "-----BEGIN CERTIFICATE-----" })),
        ("set_vbs_minimums", json!({ "secure_kernel_svn": 5 })),
        ("set_vbs_minimums", json!({ "secure_kernel_svn": -1, "platform_svn": 0 })),
        ("set_vbs_demands", json!({ "no_dumps": 1 })),
        ("set_vbs_demands", json!({ "secure_boot": true })),
        ("add_vbs_register", json!({ "register": 24, "value": digits("a", 64) })),
        ("add_vbs_register", json!({ "register": 0, "value": digits("a", 40) })),
        ("add_azure_register", json!({ "register": -1, "value": digits("a", 64) })),
        ("add_azure_register", json!({ "register": "0", "value": digits("a", 64) })),
        ("set_azure_demands", json!({ "secure_boot": "true" })),
        ("add_nitro_measurement", json!({ "measurement": digits("a", 64) })),
        ("add_nitro_register", json!({ "register": 32, "value": digits("a", 96) })),
        ("add_nitro_register", json!({ "register": 0, "value": digits("a", 64) })),
        ("set_nitro_limits", json!({})),
        ("set_nitro_limits", json!({ "max_age_s": 1.5 })),
    ];
    for (action, args) in cases {
        let answer = service.propose(0, &json!([{ "name": action, "args": args }]));
        assert_eq!(answer.status.0, 400, "{action} {args}: {}", text(&answer));
    }
}

#[test]
fn what_scripts_write_is_what_nodes_read() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let adding =
        votes().into_iter().filter(|(name, ..)| name.starts_with("add_") || name.starts_with("set_"));
    for (name, args, ..) in adding {
        service.decide(&json!([{ "name": name, "args": args }]));
    }
    let (state, tables) = (service.store.latest(), &service.tables);
    let windows = &tables.windows;
    let image = windows.images.get(&state, &digits("a", 64)).unwrap();
    assert_eq!(image, Some(Image { role: Role::Enclave }));
    let signed = windows.signers.get(&state, &signed_name()).unwrap();
    assert_eq!(signed, Some(SignedImage { minimum_svn: 7, role: Role::Module }));
    assert!(windows.host_data.get(&state, &digits("a", 64)).unwrap().is_some());
    assert!(windows.attestation_keys.get(&state, &digits("e", 68)).unwrap().is_some());
    assert!(windows.attestation_roots.get(&state, &Digest([0xaa; 32])).unwrap().is_some());
    assert!(windows.boot_authorities.get(&state, &Digest([0xaa; 32])).unwrap().is_some());
    let minimums = Minimums { platform_svn: 2, secure_kernel_svn: 5 };
    assert_eq!(windows.minimums.get(&state).unwrap(), Some(minimums));
    let demands = Demands { no_dumps: true, ..Demands::default() };
    assert_eq!(windows.demands.get(&state).unwrap(), Some(demands));
    let registers = |count| Some(Registers(vec![digits("1", count), digits("2", count)]));
    assert_eq!(windows.registers.get(&state, &"4".to_owned()).unwrap(), registers(64));
    assert_eq!(tables.azure.registers.get(&state, &"4".to_owned()).unwrap(), registers(96));
    assert_eq!(tables.nitro.registers.get(&state, &"4".to_owned()).unwrap(), registers(96));
    let demands = AzureDemands { secure_boot: true, no_console: false };
    assert_eq!(tables.azure.demands.get(&state).unwrap(), Some(demands));
    assert_eq!(tables.nitro.limits.get(&state).unwrap(), Some(NitroLimits { max_age_s: 600 }));
    assert!(tables.nitro.measurements.get(&state, &digits("a", 96)).unwrap().is_some());
}

#[test]
fn nodes_on_other_machines_are_shown() {
    let mut service = Service::new(&constitutions::ours());
    let formats = [
        (QuoteFormat::WindowsVbsV1, "Windows_VBS_v1"),
        (QuoteFormat::AzureCvmSnpV1, "Azure_CVM_SNP_v1"),
        (QuoteFormat::AwsNitroV1, "AWS_Nitro_v1"),
    ];
    for (byte, (format, name)) in (1..).zip(formats) {
        let id = Digest([byte; 32]);
        let quote_info = QuoteInfo {
            format,
            quote: Base64(b"quote".to_vec()),
            endorsements: Base64(b"{}".to_vec()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        };
        let info = NodeInfo { quote_info, ..node_info(NodeStatus::Trusted) };
        service.write(|tables, tx| tables.nodes.info.put(tx, &id, &info));
        let shown = body(&service.get(&format!("/service/nodes/{id}")));
        let expected = json!({ "format": name, "quote": "cXVvdGU=", "endorsements": "e30=" });
        assert_eq!(shown["quoteInfo"], expected);
    }
}
