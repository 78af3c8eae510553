//! Members decide which enclaves of Windows and of AWS, and which machines of Azure, run nodes. CCF's constitution has no
//! such actions.

use coco_tables::{
    azure::AzureDemands,
    nitro::NitroLimits,
    nodes::QuoteFormat,
    value::Registers,
    windows::{Demands, Image, Minimums, Role, SignedImage},
};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::join_policy::{
    Vote, added, check_refused, check_shown, check_votes, digits, service, votes_on_register,
};

/// The key of a row of signers.
fn signed_name() -> String {
    [digits("b", 64), digits("c", 32), digits("d", 32)].join(".")
}

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

fn votes() -> Vec<Vote> {
    let mut votes = votes_on_windows();
    for (actions, pointers, count) in [
        (["add_vbs_register", "remove_vbs_register"], ["/vbs/registers", "/vbs"], 64),
        (["add_azure_register", "remove_azure_register"], ["/azureCvm/registers", "/azureCvm"], 96),
        (["add_nitro_register", "remove_nitro_register"], ["/nitro/registers", "/nitro"], 96),
    ] {
        votes.extend(votes_on_register(4, count, actions, pointers));
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
    check_votes(votes());
}

#[test]
fn arguments_that_say_nothing_about_other_machines() {
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
    check_refused(&mut service(), cases);
}

#[test]
fn what_scripts_write_is_what_nodes_read() {
    let service = added(votes());
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
    check_shown([
        (QuoteFormat::WindowsVbsV1, "Windows_VBS_v1"),
        (QuoteFormat::AzureCvmSnpV1, "Azure_CVM_SNP_v1"),
        (QuoteFormat::AwsNitroV1, "AWS_Nitro_v1"),
    ]);
}
