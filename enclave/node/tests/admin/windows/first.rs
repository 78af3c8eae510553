//! What a service admits because its first node is that, and first nodes that are refused.

use std::collections::BTreeMap;

use coco_attest::{
    Refusal,
    tpm::{self, Form, Quote},
    vbs::{self, BootRefusal, Report},
};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_imitated::{
    tpm::keys,
    windows::{GLOBAL, Windows, signer, variable},
};
use coco_wire::{Digest, text::encode_hex};
use serde_json::{Value, json};

use super::{Machine, certified, ground, machine, shown, start_on, with};
use crate::{applicant::Applicant, harness::Admin, node::Ground, nodes::own_quote, snp::refused_first};

/// The rows of everything that evidence must show.
fn policy(admin: &Admin) -> Value {
    let state = admin.view.state();
    let (state, windows, platforms) = (&state.latest, &admin.tables.windows, &admin.tables.platforms);
    let images: BTreeMap<_, _> = windows.images.iter(state).map(Result::unwrap).collect();
    let digests = |table: &coco_kv::Table<Digest, coco_tables::value::Present>| {
        table.iter(state).map(|row| row.expect("a row").0).collect::<Vec<_>>()
    };
    let texts = |table: &coco_kv::Table<String, coco_tables::value::Present>| {
        table.iter(state).map(|row| row.expect("a row").0).collect::<Vec<_>>()
    };
    let of_others = platforms.virtual_measurements.iter(state).count()
        + platforms.virtual_host_data.iter(state).count()
        + platforms.snp_measurements.iter(state).count()
        + platforms.snp_host_data.iter(state).count();
    json!({
        "images": images,
        "host_data": texts(&windows.host_data),
        "keys": texts(&windows.attestation_keys),
        "roots": digests(&windows.attestation_roots),
        "authorities": digests(&windows.boot_authorities),
        "minimums": windows.minimums.get(state).expect("a row"),
        "demands": windows.demands.get(state).expect("a row"),
        "others": of_others + windows.signers.iter(state).count() + windows.registers.iter(state).count(),
    })
}

fn name_of(machine: &Machine) -> String {
    encode_hex(&tpm::Public::read(&machine.windows.sign().tpm.public).expect("a key").name)
}

fn expected(keys: &[String], roots: &[Digest]) -> Value {
    json!({
        "images": { "11".repeat(32): { "role": "Enclave" }, "55".repeat(32): { "role": "Module" } },
        "host_data": ["99".repeat(32)],
        "keys": keys,
        "roots": roots,
        "authorities": [signer()],
        "minimums": { "platform_svn": 2, "secure_kernel_svn": 5 },
        "demands": { "encrypted_dumps": true, "no_hibernation": true },
        "others": 0,
    })
}

#[test]
fn a_service_admits_what_its_first_node_is() {
    let machine = machine();
    assert_eq!(policy(&start_on(&machine)), expected(&[name_of(&machine)], &[]));
    let machine = certified();
    assert_eq!(policy(&start_on(&machine)), expected(&[], &[keys().root.public_key().id()]));
}

#[test]
fn evidence_of_nodes_is_shown() {
    let machine = machine();
    let mut admin = start_on(&machine);
    let raw = own_quote(&mut admin, "Windows_VBS_v1", &"11".repeat(32));
    let (id, form) = (admin.id(), Form::from_json(&raw).unwrap());
    let data = Report::of_package(&form.report.0).unwrap().enclave_data;
    assert_eq!((&data[..32], &data[32..]), (&id.0[..], &[0; 32][..]));
    assert_eq!(Quote::read(&form.message.0).unwrap().extra_data, id.0);

    Applicant::on(machine).told(&mut admin, "Trusted");
    let quotes = admin.get("/node/quotes")["quotes"].as_array().unwrap().clone();
    assert!(quotes.len() == 2 && quotes.iter().all(|quote| quote["format"] == "Windows_VBS_v1"));
}

/// Case, what is changed, and why it is refused.
type Case = (&'static str, fn(&mut Windows), Refusal);

#[test]
fn a_first_node_that_is_not_what_it_says_creates_no_service() {
    let boot = |refusal: BootRefusal| Refusal::Vbs(vbs::Refusal::Boot(refusal));
    let cases: [Case; 6] = [
        ("debugging", |it| it.report.flags = 1, Refusal::Vbs(vbs::Refusal::Debug)),
        ("another key", |it| it.report_key = &keys().rsa, Refusal::Vbs(vbs::Refusal::Signature)),
        (
            "no secure boot",
            |it| it.firmware[0][0] = variable(GLOBAL, "SecureBoot", &[0]),
            boot(BootRefusal::SecureBoot),
        ),
        (
            "no secure kernel",
            |it| it.state.iter_mut().for_each(|state| state.retain(|(tag, _)| *tag != 0x0005_0012)),
            boot(BootRefusal::VsmOff),
        ),
        (
            "a key that does not attest",
            |it| it.tpm.attributes = 0x0004_0072,
            Refusal::Vbs(vbs::Refusal::Tpm(tpm::Refusal::Attributes(tpm::Attribute::Restricted))),
        ),
        ("no separator", |it| it.separated.retain(|pcr| *pcr != 12), boot(BootRefusal::NoSeparator(12))),
    ];
    for (case, change, expected) in cases {
        let found = refused_first(ground(&with(change)));
        assert_eq!(found, format!("The node's own evidence is refused: {expected}"), "{case}");
    }
    let mut other = machine();
    other.windows.bind(&Digest([1; 32]));
    let bound_to_other = Ground {
        platform: Box::new(move |_: &Digest| {
            let (quote, endorsements) = shown(&other);
            Evidence { format: EvidenceFormat::Vbs, quote, endorsements, uvm_endorsements: None }
        }),
        ..ground(&machine())
    };
    let expected = format!("The node's own evidence is refused: {}", Refusal::ReportData);
    assert_eq!(refused_first(bound_to_other), expected);
}
