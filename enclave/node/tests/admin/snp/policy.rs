//! Machines that the policy of a service admits.

use coco_crypto::hash::sha256;
use coco_imitated::{
    snp::{Line, Machine, at},
    uvm::{FEED, Message},
};
use coco_tables::{nodes::QuoteFormat, platforms::CodeStatus, value::JsonText};
use coco_wire::Digest;

use super::{HOST_DATA, KEY, MEASUREMENT, another, endorsed, machine, milan, start_on, tcb, trusting};
use crate::{
    applicant::Applicant,
    harness::Admin,
    join::{node, refusal},
};

#[test]
fn a_machine_like_the_first_one_joins_and_is_given_the_secrets() {
    for first in [milan(), endorsed().0, machine(Line::Genoa, 3), machine(Line::Turin, 5)] {
        let mut admin = start_on(&first);
        let applicant = Applicant::on(another(&first));
        applicant.told(&mut admin, "Trusted");
        let row = node(&admin, &applicant.id()).unwrap();
        assert_eq!(row.code_digest, Some("3e".repeat(48)));
        assert_eq!(row.quote_info.format, QuoteFormat::AmdSevSnpV1);
        assert_eq!(row.quote_info.uvm_endorsements.map(|message| message.0), first.uvm);
        let asked = admin.view.state().latest.version();
        applicant.let_in(&mut admin);
        applicant.let_in(&mut admin);
        assert_eq!(admin.view.state().latest.version(), asked, "asking again writes nothing");
    }
}

#[test]
fn what_members_add_is_admitted() {
    let text = "package other";
    let host_data = sha256(text.as_bytes());
    let (message, did) = Message::new().sign();
    let with = |place: usize, bytes: &[u8]| {
        let mut machine = milan();
        machine.put(place, bytes);
        machine
    };
    let machines = [
        with(at::MEASUREMENT, &[0x3f; 48]),
        with(at::HOST_DATA, &host_data.0),
        with(at::PROCESSOR + 2, &[2]),
        Machine { uvm: Some(message), ..milan() },
    ];
    for machine in machines {
        let mut admin = start_on(&milan());
        admin.write(|tables, tx| {
            let platforms = &tables.platforms;
            platforms.snp_measurements.put(tx, &"3f".repeat(48), &CodeStatus::AllowedToJoin);
            platforms.snp_host_data.put(tx, &host_data, &JsonText::from(text));
            platforms.snp_uvm_endorsements.put(tx, &did, &trusting(FEED, "7"));
            platforms.snp_tcb_versions.put(tx, &"00a00f12".to_owned(), &tcb());
        });
        Applicant::on(machine).told(&mut admin, "Trusted");
    }
}

/// What members take back, and what that answers to a node that had joined before.
type Removal = (fn(&mut Admin), &'static str);

#[test]
fn secrets_are_for_evidence_made_now_that_is_still_admitted() {
    let mut admin = start_on(&milan());
    let applicant = Applicant::on(another(&milan()));
    applicant.told(&mut admin, "Trusted");
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));
    let removals: [Removal; 2] = [
        (
            |admin| {
                let measurement = "3e".repeat(48);
                admin.write(|tables, tx| tables.platforms.snp_measurements.remove(tx, &measurement));
            },
            MEASUREMENT,
        ),
        (
            |admin| {
                let host_data = Digest([0x40; 32]);
                admin.write(|tables, tx| tables.platforms.snp_host_data.remove(tx, &host_data));
            },
            HOST_DATA,
        ),
    ];
    for (remove, expected) in removals {
        let challenge = applicant.challenged(&mut admin);
        remove(&mut admin);
        let answer = applicant.show(&mut admin, &challenge);
        assert_eq!(refusal(&answer), (401, "InvalidQuote", expected));
    }
}
