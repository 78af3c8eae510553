//! Leases of nodes whose evidence is believed by what Intel publishes from time to time.

use coco_crypto::{Signer as _, hash::sha256};
use coco_imitated::intel::{Kind, Machine, documents::text};
use coco_node::lease::Enforced;
use coco_tables::{
    intel::IntelTcb,
    nodes::{Appraisal, NodeInfo, Reason},
};
use coco_wire::Digest;
use serde_json::json;

use super::{AGE, FMSPC, RECENT, machine, sgx, start_on, tcb, tdx};
use crate::{
    applicant::{Applicant, Hardware},
    harness::Admin,
    join::node,
    leases::{appraisal, ask, challenged, enforce, open, own, set_lease, settle_all},
};

/// Status of the answer when the first node of a service renews its lease on this machine, and what is said.
fn renew(admin: &mut Admin, machine: &Machine) -> (u16, String) {
    let certificate = own(admin);
    let challenge = challenged(admin, &certificate);
    let service = admin.view.shared.keys.service().expect("it belongs to one").key.public_key().id();
    let bound = [&b"coco lease evidence v1"[..], &service.0, &admin.id().0, &challenge.0].concat();
    let body = json!({ "quote_info": machine.bound(&sha256(&bound)) });
    let (status, body) = ask(admin, &certificate, "renew", &body);
    (status, body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

/// The same machine with documents of a later evaluation, made when nodes run.
fn later(kind: Kind) -> Machine {
    let mut machine = machine(kind);
    for document in [&mut machine.tcb_info, &mut machine.qe_identity] {
        document["issueDate"] = text(RECENT).into();
        document["tcbEvaluationDataNumber"] = 19.into();
    }
    machine.machine_list.dates[0] = RECENT;
    machine
}

#[test]
fn later_documents_renew_a_lease() {
    for kind in [Kind::Tdx10, Kind::Sgx] {
        let mut admin = start_on(&machine(kind));
        set_lease(&mut admin);
        assert_eq!(renew(&mut admin, &machine(kind)), (200, String::new()));
        let recent = IntelTcb { max_collateral_age_s: Some(86_400), ..tcb() };
        admin.write(|tables, tx| tables.intel.tcb.put(tx, &FMSPC.to_owned(), &recent));
        assert_eq!(renew(&mut admin, &machine(kind)), (401, AGE.to_owned()));
        assert_eq!(renew(&mut admin, &later(kind)), (200, String::new()));
        let shown = appraisal(&admin, &admin.id()).expect("a row").renewal.expect("it renewed").quote_info;
        let collateral = String::from_utf8(shown.endorsements.0).expect("JSON");
        assert!(collateral.contains("\\\"tcbEvaluationDataNumber\\\":19"), "{collateral}");
    }
}

#[test]
fn a_kind_of_machine_is_retired_by_one_vote() {
    for (own, other_platform) in [(tdx(), sgx()), (sgx(), tdx())] {
        let mut admin = start_on(&own);
        set_lease(&mut admin);
        open(&mut admin);
        let mut retired = own.clone();
        retired.description.as_mut().expect("a description").fmspc[5] = 1;
        retired.tcb_info["fmspc"] = "50806F000001".into();
        let kind = "50806f000001".to_owned();
        let (fit, unfit, foreign) = (Applicant::new(), Applicant::new(), Applicant::new());
        let first = node(&admin, &admin.id()).expect("a row");
        let time = admin.view.shared.clock.wall_ms() / 1000;
        let quote =
            |machine: &Machine, id: &Digest| serde_json::from_value(machine.bound(id)).expect("a quote");
        admin.write(|tables, tx| {
            tables.intel.tcb.put(tx, &kind, &tcb());
            for (applicant, machine) in [(&fit, &own), (&unfit, &retired), (&foreign, &other_platform)] {
                let quote_info = quote(machine, &applicant.id());
                tables.nodes.info.put(tx, &applicant.id(), &NodeInfo { quote_info, ..first.clone() });
                let row = Appraisal { time, renewal: None, eviction: None };
                tables.nodes.appraisals.put(tx, &applicant.id(), &row);
            }
        });
        let all = [fit, unfit, foreign];
        settle_all(&admin, &all);
        // The other platform was never admitted.
        let evicted =
            |at: usize| Enforced { evicted: vec![(all[at].id(), Reason::Unwelcome)], ..Enforced::default() };
        assert_eq!(enforce(&mut admin), evicted(2));
        admin.write(|tables, tx| tables.intel.tcb.remove(tx, &kind));
        settle_all(&admin, &all);
        assert_eq!(enforce(&mut admin), evicted(1));
        assert_eq!(enforce(&mut admin), Enforced::default());
    }
}
