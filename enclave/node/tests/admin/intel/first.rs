//! What a service admits because its first node is that, and first nodes that are refused.

use std::collections::BTreeMap;

use coco_attest::{
    Refusal, Roots,
    dcap::{self, Document, Forbidden},
    sgx::Enclave,
    tdx::Domain,
};
use coco_imitated::{
    der::day,
    intel::{Kind, Machine, domain_at},
};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{FMSPC, evidence, ground, machine, outdated, sgx, start_on, tdx};
use crate::{applicant::Applicant, harness::Admin, node::Ground, nodes::own_quote, snp::refused_first};

/// The rows of everything that evidence must show.
fn policy(admin: &Admin) -> Value {
    let state = admin.view.state();
    let (state, intel, platforms) = (&state.latest, &admin.tables.intel, &admin.tables.platforms);
    let keys = |rows: &mut dyn Iterator<Item = String>| rows.collect::<Vec<_>>();
    let tcb: BTreeMap<_, _> = intel.tcb.iter(state).map(Result::unwrap).collect();
    let of_others = platforms.virtual_measurements.iter(state).count()
        + platforms.virtual_host_data.iter(state).count()
        + platforms.sgx_measurements.iter(state).count()
        + platforms.snp_measurements.iter(state).count()
        + platforms.snp_host_data.iter(state).count()
        + platforms.snp_tcb_versions.iter(state).count();
    json!({
        "tcb": tcb,
        "tdx": [
            keys(&mut intel.tdx_measurements.iter(state).map(|row| row.expect("a row").0)),
            keys(&mut intel.tdx_host_data.iter(state).map(|row| row.expect("a row").0)),
        ],
        "registers": intel.tdx_registers.iter(state).map(Result::unwrap).collect::<BTreeMap<_, _>>(),
        "attributes": intel.tdx_attributes.get(state).expect("a row"),
        "sgx": [
            keys(&mut intel.sgx_measurements.iter(state).map(|row| row.expect("a row").0)),
            keys(&mut intel.sgx_host_data.iter(state).map(|row| row.expect("a row").0)),
        ],
        "others": of_others + intel.sgx_signers.iter(state).count(),
    })
}

#[test]
fn a_service_admits_what_its_first_node_is() {
    let up_to_date = json!({ FMSPC: { "minimum_evaluation": 17 } });
    for kind in [Kind::Tdx10, Kind::Tdx10In5, Kind::Tdx15, Kind::Tdx15Ex] {
        let expected = json!({
            "tcb": up_to_date,
            "tdx": [["3e".repeat(48)], ["40".repeat(48)]],
            "registers": { "1": ["00".repeat(48)], "2": ["00".repeat(48)] },
            "attributes": null,
            "sgx": [[], []],
            "others": 0,
        });
        assert_eq!(policy(&start_on(&machine(kind))), expected, "{kind:?}");
    }
    let expected = json!({
        "tcb": up_to_date,
        "tdx": [[], []],
        "registers": {},
        "attributes": null,
        "sgx": [["3e".repeat(32)], ["40".repeat(64)]],
        "others": 0,
    });
    assert_eq!(policy(&start_on(&sgx())), expected);
}

#[test]
fn a_first_node_is_admitted_with_what_is_known_of_its_machine() {
    for kind in [Kind::Tdx15, Kind::Sgx] {
        let mut machine = outdated(kind);
        machine.qe_identity["tcbEvaluationDataNumber"] = 16.into();
        machine.description.as_mut().unwrap().cpu_svn[0] = 5;
        let found = policy(&start_on(&machine));
        // What runs now, if the quote tells it, the quoting enclave, and the whole.
        let statuses = match kind {
            Kind::Sgx => ["ConfigurationNeeded", "OutOfDate"],
            _ => ["OutOfDate", "ConfigurationNeeded"],
        };
        let expected = json!({ FMSPC: { "minimum_evaluation": 16, "statuses": statuses,
            "advisories": ["INTEL-SA-00001"] } });
        assert_eq!(found["tcb"], expected, "{kind:?}");
        // Another one like it is no worse.
        let mut admin = start_on(&machine);
        Applicant::on(machine).told(&mut admin, "Trusted");
    }
}

#[test]
fn a_first_node_is_admitted_with_what_it_may_use() {
    let bit = |bit: usize| {
        let mut machine = tdx();
        machine.body[domain_at::ATTRIBUTES + bit / 8] |= 1 << (bit % 8);
        machine
    };
    let mut tracing = tdx();
    tracing.put(domain_at::FEATURES + 1, &[1]);
    let cases = [
        (bit(30), json!({ "pks": true })),
        (bit(31), json!({ "kl": true })),
        (bit(62), json!({ "tpa": true })),
        (bit(63), json!({ "perfmon": true })),
        (tracing, json!({ "xfam": "00000000000001e7" })),
    ];
    for (machine, expected) in cases {
        let mut admin = start_on(&machine);
        assert_eq!(policy(&admin)["attributes"], expected);
        Applicant::on(machine).told(&mut admin, "Trusted");
    }
}

#[test]
fn evidence_of_nodes_is_shown() {
    for (machine, format, length) in [(tdx(), "Intel_TDX_v1", 48), (sgx(), "Intel_SGX_DCAP_v1", 32)] {
        let mut admin = start_on(&machine);
        let raw = own_quote(&mut admin, format, &"3e".repeat(length));
        let id = admin.id();
        let report_data = match format {
            "Intel_TDX_v1" => Domain::of_quote(&raw).unwrap().report_data,
            _ => Enclave::of_quote(&raw).unwrap().report_data,
        };
        assert_eq!((&report_data[..32], &report_data[32..]), (&id.0[..], &[0; 32][..]));

        let applicant = Applicant::on(machine);
        applicant.told(&mut admin, "Trusted");
        let quotes = admin.get("/node/quotes")["quotes"].as_array().unwrap().clone();
        assert_eq!(admin.get("/node/attestations"), json!({ "attestations": quotes }));
        assert!(quotes.len() == 2 && quotes.iter().all(|quote| quote["format"] == format));
    }
}

#[test]
fn a_first_node_that_is_not_what_it_says_creates_no_service() {
    let on = |kind: Kind, change: fn(&mut Machine)| {
        let mut machine = machine(kind);
        change(&mut machine);
        ground(&machine)
    };
    let bound_to = |report_data: Digest| {
        let mut machine = tdx();
        machine.bind(&report_data);
        Ground { platform: Box::new(move |_: &Digest| evidence(&machine)), ..ground(&tdx()) }
    };
    let intel = Refusal::Intel;
    let debug = dcap::Refusal::Forbidden(Forbidden::Debug);
    let expired = dcap::Refusal::DocumentExpired(Document::TcbInfo);
    let cases = [
        (Ground { roots: Roots::MAKERS, ..ground(&tdx()) }, intel(dcap::Refusal::Root)),
        (Ground { roots: Roots::MAKERS, ..ground(&sgx()) }, intel(dcap::Refusal::Root)),
        (on(Kind::Tdx10, |it| it.put(120, &[1])), intel(debug.clone())),
        (on(Kind::Sgx, |it| it.put(48, &[0b111])), intel(debug)),
        (
            on(Kind::Sgx, |it| it.put(48, &[0b1_0101])),
            intel(dcap::Refusal::Forbidden(Forbidden::ProvisioningKey)),
        ),
        (on(Kind::Tdx15, |it| it.end.end = day(100)), intel(dcap::Refusal::Expired)),
        (
            on(Kind::Sgx, |it| {
                it.tcb_info["nextUpdate"] = coco_imitated::intel::documents::text(day(100)).into();
            }),
            intel(expired),
        ),
        (
            on(Kind::Tdx10, |it| it.description.as_mut().unwrap().cpu_svn[0] = 3),
            intel(dcap::Refusal::RevokedTcb),
        ),
        (bound_to(Digest([1; 32])), Refusal::ReportData),
    ];
    for (ground, expected) in cases {
        assert_eq!(refused_first(ground), format!("The node's own evidence is refused: {expected}"));
    }
}
