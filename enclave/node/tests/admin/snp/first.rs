//! What a service admits because its first node is that, and first nodes that are refused.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_attest::{
    Refusal, Roots,
    sev_snp::{self, Link, Report},
};
use coco_boundary::{Level, Log, LogSink, Record};
use coco_crypto::hash::sha256;
use coco_imitated::{
    der::day,
    snp::{Line, Machine, at},
    uvm::{FEED, Message, payload},
};
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use super::{another, endorsed, evidence, ground, machine, milan, start, start_on};
use crate::{
    adapter::Toy,
    applicant::Applicant,
    harness::Admin,
    node::{Ground, Node},
    nodes::own_quote,
};

/// The rows of everything that evidence must show.
fn policy(admin: &Admin) -> Value {
    let state = admin.view.state();
    let (state, platforms) = (&state.latest, &admin.tables.platforms);
    let measurements: BTreeMap<_, _> = platforms.snp_measurements.iter(state).map(Result::unwrap).collect();
    let host_data: BTreeMap<_, _> = platforms.snp_host_data.iter(state).map(Result::unwrap).collect();
    let uvm: BTreeMap<_, _> = platforms.snp_uvm_endorsements.iter(state).map(Result::unwrap).collect();
    let tcb: BTreeMap<_, _> = platforms.snp_tcb_versions.iter(state).map(Result::unwrap).collect();
    let of_others = platforms.virtual_measurements.iter(state).count()
        + platforms.virtual_host_data.iter(state).count()
        + platforms.sgx_measurements.iter(state).count();
    json!({ "measurements": measurements, "host_data": host_data, "uvm": uvm, "tcb": tcb, "others": of_others })
}

#[test]
fn a_service_admits_what_its_first_node_is() {
    let older =
        json!({ "hexstring": "db18000000000104", "microcode": 219, "snp": 24, "tee": 1, "boot_loader": 4 });
    let turin = json!({ "hexstring": "db00000003010402", "microcode": 219, "snp": 3, "tee": 1, "boot_loader": 4,
        "fmc": 2 });
    let lines = [
        (Line::Milan, 3, "00a00f11", &older),
        (Line::Genoa, 5, "00a10f11", &older),
        (Line::Turin, 5, "00b00f21", &turin),
    ];
    for (line, version, cpuid, tcb) in lines {
        let expected = json!({
            "measurements": { "3e".repeat(48): "AllowedToJoin" },
            "host_data": { "40".repeat(32): "" },
            "uvm": {},
            "tcb": { cpuid: tcb },
            "others": 0,
        });
        assert_eq!(policy(&start_on(&machine(line, version))), expected, "{line:?}");
    }
    // Endorsements of the utility VM stand for its measurement; the text of the security policy is kept.
    let text = "package policy";
    let (mut machine, did) = endorsed();
    machine.put(at::HOST_DATA, &sha256(text.as_bytes()).0);
    let admin = start(Ground { security_policy: Some(text.to_owned()), ..ground(&machine) });
    let expected = json!({
        "measurements": {},
        "host_data": { sha256(text.as_bytes()).to_hex(): text },
        "uvm": { did: { FEED: { "svn": "7" } } },
        "tcb": { "00a00f11": older },
        "others": 0,
    });
    assert_eq!(policy(&admin), expected);
}

#[test]
fn evidence_of_nodes_is_shown_as_ccf_does() {
    let (machine, _) = endorsed();
    let mut admin = start_on(&machine);
    let raw = own_quote(&mut admin, "AMD_SEV_SNP_v1", &"3e".repeat(48));
    let (id, own) = (admin.id(), admin.get("/node/quotes/self"));
    assert_eq!(own["uvm_endorsements"], STANDARD.encode(machine.uvm.as_ref().unwrap()));
    let report = Report::read(&raw).unwrap();
    assert_eq!(report.report_data[..32], id.0);

    let applicant = Applicant::on(another(&machine));
    applicant.told(&mut admin, "Trusted");
    let mut quotes = admin.get("/node/quotes")["quotes"].as_array().unwrap().clone();
    assert_eq!(admin.get("/node/attestations"), json!({ "attestations": quotes }));
    quotes.retain(|quote| *quote != own);
    let [other] = quotes.as_slice() else { panic!("two nodes: {quotes:?}") };
    assert_eq!((&other["node_id"], &other["format"]), (&json!(applicant.id()), &json!("AMD_SEV_SNP_v1")));
    assert_eq!(other["measurement"], own["measurement"]);
    assert_ne!(other["raw"], own["raw"]);
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl LogSink for Kept {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Fail
    }

    fn record(&self, record: &Record<'_>) {
        self.0.lock().expect("one thread").push(record.message.to_string());
    }
}

/// Why a service is not created on this ground.
pub(crate) fn refused(ground: Ground) -> String {
    let kept = Kept::default();
    let node =
        Node::start_on(Toy::new(None, None), Ground { log: Log::new(Arc::new(kept.clone())), ..ground });
    assert!(node.stopped && node.committed == Seqno::ZERO && node.entries.is_empty());
    let texts = kept.0.lock().expect("one thread").clone();
    let [text] = texts.as_slice() else { panic!("one reason: {texts:?}") };
    let text = text.strip_prefix("The service cannot be created: 500 InternalError: ").expect("a prefix");
    text.to_owned()
}

#[test]
fn a_first_node_that_is_not_what_it_says_creates_no_service() {
    let on = |change: fn(&mut Machine)| {
        let mut machine = milan();
        change(&mut machine);
        machine
    };
    let endorsing =
        |measurement: &str| Message { payload: payload(measurement, "7"), ..Message::new() }.sign().0;
    let other_guest = Machine { uvm: Some(endorsing(&"3f".repeat(48))), ..milan() };
    let snp = Refusal::SevSnp;
    let bound_to = |report_data: Digest| {
        let mut machine = milan();
        machine.bind(&report_data);
        Ground { platform: Box::new(move |_: &Digest| evidence(&machine)), ..ground(&milan()) }
    };
    let cases = [
        (Ground { roots: Roots::MAKERS, ..ground(&milan()) }, snp(sev_snp::Refusal::Root)),
        (ground(&on(|machine| machine.put(0x0a, &[0x0b]))), snp(sev_snp::Refusal::Debug)),
        (ground(&on(|machine| machine.put(at::VMPL, &[1]))), snp(sev_snp::Refusal::Vmpl(1))),
        (ground(&on(|machine| machine.put(at::CHIP_ID, &[0]))), snp(sev_snp::Refusal::ChipId)),
        (ground(&on(|machine| machine.end.end = day(100))), snp(sev_snp::Refusal::Expired(Link::End))),
        (ground(&other_guest), snp(sev_snp::uvm::Refusal::Measurement.into())),
        (bound_to(Digest([1; 32])), Refusal::ReportData),
    ];
    for (ground, expected) in cases {
        assert_eq!(refused(ground), format!("The node's own evidence is refused: {expected}"));
    }
    let policy = Ground { security_policy: Some("package policy".to_owned()), ..ground(&milan()) };
    let text = "The security policy is not the one that the host data of the node's evidence names";
    assert_eq!(refused(policy), text);
}
