//! Machines that the policy of a service admits.

use coco_imitated::intel::{Kind, documents::text, domain_at, enclave_at};
use coco_tables::{
    intel::{IntelTcb, Products, TdxAttributes},
    nodes::QuoteFormat,
    platforms::CodeStatus,
    value::{Present, Registers},
};
use coco_wire::Digest;

use super::{
    FMSPC, HOST_DATA, KEY, MACHINE, MEASUREMENT, RECENT, REGISTER, machine, outdated, sgx, start_on, tcb, tdx,
};
use crate::{
    applicant::Applicant,
    harness::Admin,
    join::{node, refusal},
};

#[test]
fn a_machine_like_the_first_one_joins_and_is_given_the_secrets() {
    for kind in Kind::ALL {
        let mut admin = start_on(&machine(kind));
        let applicant = Applicant::on(machine(kind));
        applicant.told(&mut admin, "Trusted");
        let row = node(&admin, &applicant.id()).unwrap();
        let (format, length) = match kind {
            Kind::Sgx => (QuoteFormat::IntelSgxDcapV1, 32),
            _ => (QuoteFormat::IntelTdxV1, 48),
        };
        assert_eq!((row.code_digest, row.quote_info.format), (Some("3e".repeat(length)), format));
        assert!(row.quote_info.endorsements.0.starts_with(b"{"), "collateral is kept");
        let asked = admin.view.state().latest.version();
        applicant.let_in(&mut admin);
        applicant.let_in(&mut admin);
        assert_eq!(admin.view.state().latest.version(), asked, "asking again writes nothing");
    }
}

#[test]
fn what_members_add_is_admitted_on_tdx() {
    let with = |place: usize, bytes: &[u8]| {
        let mut machine = tdx();
        machine.put(place, bytes);
        machine
    };
    let mut other_kind = tdx();
    other_kind.description.as_mut().unwrap().fmspc[5] = 1;
    other_kind.tcb_info["fmspc"] = "50806F000001".into();
    let mut recent = tdx();
    for document in [&mut recent.tcb_info, &mut recent.qe_identity] {
        document["issueDate"] = text(RECENT).into();
    }
    recent.machine_list.dates[0] = RECENT;
    let machines = [
        with(domain_at::MEASUREMENT, &[0x3f; 48]),
        with(domain_at::CONFIG_ID, &[0x41; 48]),
        with(domain_at::REGISTERS[0], &[0x45; 48]),
        with(domain_at::REGISTERS[3], &[0x46; 48]),
        with(domain_at::ATTRIBUTES + 3, &[0x50]),
        with(domain_at::FEATURES + 1, &[1]),
        other_kind,
        recent,
        outdated(Kind::Tdx10),
    ];
    for machine in machines {
        let mut admin = start_on(&tdx());
        admin.write(|tables, tx| {
            let intel = &tables.intel;
            intel.tdx_measurements.put(tx, &"3f".repeat(48), &CodeStatus::AllowedToJoin);
            intel.tdx_host_data.put(tx, &"41".repeat(48), &Present);
            let values = Registers([REGISTER, 0x45].map(|byte| format!("{byte:02x}").repeat(48)).to_vec());
            intel.tdx_registers.put(tx, &"0".to_owned(), &values);
            let attributes = TdxAttributes {
                pks: true,
                xfam: Some("00000000000001e7".to_owned()),
                ..TdxAttributes::default()
            };
            intel.tdx_attributes.put(tx, &attributes);
            intel.tcb.put(tx, &"50806f000001".to_owned(), &tcb());
            let lenient = IntelTcb {
                statuses: ["OutOfDate", "ConfigurationNeeded"].map(str::to_owned).to_vec(),
                advisories: vec!["INTEL-SA-00001".to_owned()],
                ..tcb()
            };
            intel.tcb.put(tx, &FMSPC.to_owned(), &lenient);
        });
        Applicant::on(machine).told(&mut admin, "Trusted");
    }
}

#[test]
fn what_members_add_is_admitted_on_sgx() {
    let with = |place: usize, bytes: &[u8]| {
        let mut machine = sgx();
        machine.put(place, bytes);
        machine
    };
    let mut signed = with(enclave_at::MEASUREMENT, &[0x4f; 32]);
    let mut newer = signed.clone();
    newer.put(enclave_at::PRODUCT, &[1, 0, 8, 0]);
    signed.put(enclave_at::PRODUCT, &[2, 0, 0, 0]);
    let machines =
        [with(enclave_at::MEASUREMENT, &[0x3f; 32]), with(enclave_at::CONFIG_ID, &[0x41; 64]), signed, newer];
    for machine in machines {
        let mut admin = start_on(&sgx());
        admin.write(|tables, tx| {
            let intel = &tables.intel;
            intel.sgx_measurements.put(tx, &"3f".repeat(32), &CodeStatus::AllowedToJoin);
            intel.sgx_host_data.put(tx, &"41".repeat(64), &Present);
            let products = Products([("1".to_owned(), 8), ("2".to_owned(), 0)].into());
            intel.sgx_signers.put(tx, &"51".repeat(32), &products);
        });
        Applicant::on(machine).told(&mut admin, "Trusted");
    }
}

#[test]
fn a_service_may_have_both() {
    for applicant in [Applicant::on(sgx()), Applicant::on(tdx())] {
        let mut admin = start_on(&tdx());
        admin.write(|tables, tx| {
            tables.intel.sgx_measurements.put(tx, &"3e".repeat(32), &CodeStatus::AllowedToJoin);
            tables.intel.sgx_host_data.put(tx, &"40".repeat(64), &Present);
        });
        applicant.told(&mut admin, "Trusted");
    }
}

/// What members take back, and what that answers to a node that had joined before.
type Removal = (fn(&mut Admin), &'static str);

#[test]
fn secrets_are_for_evidence_made_now_that_is_still_admitted() {
    let mut admin = start_on(&tdx());
    let applicant = Applicant::on(tdx());
    applicant.told(&mut admin, "Trusted");
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));
    let removals: [Removal; 3] = [
        (
            |admin| {
                let measurement = "3e".repeat(48);
                admin.write(|tables, tx| tables.intel.tdx_measurements.remove(tx, &measurement));
            },
            MEASUREMENT,
        ),
        (
            |admin| {
                let host_data = "40".repeat(48);
                admin.write(|tables, tx| tables.intel.tdx_host_data.remove(tx, &host_data));
            },
            HOST_DATA,
        ),
        // A kind of machine is retired.
        (|admin| admin.write(|tables, tx| tables.intel.tcb.remove(tx, &FMSPC.to_owned())), MACHINE),
    ];
    for (remove, expected) in removals {
        let challenge = applicant.challenged(&mut admin);
        remove(&mut admin);
        let answer = applicant.show(&mut admin, &challenge);
        assert_eq!(refusal(&answer), (401, "InvalidQuote", expected));
    }
}
