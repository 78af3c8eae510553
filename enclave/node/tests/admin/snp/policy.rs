//! Machines that the policy of a service admits.

use coco_crypto::hash::sha256;
use coco_imitated::{
    snp::{Line, Machine, at},
    uvm::{FEED, Message},
};
use coco_tables::{
    nodes::QuoteFormat,
    platforms::{CodeStatus, SnpDemands},
    value::JsonText,
};
use coco_wire::Digest;

use super::{
    CHIP, DEMANDS, HOST_DATA, KEY, MEASUREMENT, PROVIDER, another, endorsed, lasting, machine, milan,
    start_on, tcb, trusting,
};
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

/// A chip that a provider's key stands for.
fn of_provider(name: &str) -> Machine {
    lasting(Machine::of_provider(name))
}

#[test]
fn keys_of_providers_count_whom_members_name() {
    let mut admin = start_on(&milan());
    let asked = |admin: &mut Admin, name: &str| {
        let applicant = Applicant::on(of_provider(name));
        let mut body = applicant.body();
        body["node_info_network"]["node_to_node_interface"]["bind_address"] =
            serde_json::json!(format!("{}:1", applicant.id()));
        refused(&applicant.ask(admin, &body))
    };
    assert_eq!(asked(&mut admin, "CN=cloud"), Some(PROVIDER.to_owned()));
    let name = "CN=cloud".to_owned();
    admin.write(|tables, tx| tables.platforms.snp_providers.put(tx, &name, &CodeStatus::AllowedToJoin));
    assert_eq!(asked(&mut admin, "CN=other"), Some(PROVIDER.to_owned()));
    assert_eq!(asked(&mut admin, "CN=cloud"), None);

    // Whoever founds a service on such a machine admits its provider.
    let mut admin = start_on(&of_provider("CN=first"));
    assert_eq!(asked(&mut admin, "CN=cloud"), Some(PROVIDER.to_owned()));
    assert_eq!(asked(&mut admin, "CN=first"), None);
}

fn refused(answer: &(u16, serde_json::Value, coco_app::Response)) -> Option<String> {
    (answer.0 != 200).then(|| refusal(answer).2.to_owned())
}

#[test]
fn what_members_demand_of_guests_and_platforms() {
    let with = |place: usize, bytes: &[u8]| {
        let mut machine = milan();
        machine.put(place, bytes);
        machine
    };
    // Bits of the policy of the guest: 16 two threads a core, 20 one socket, 24 hidden ciphertext; of the platform: 5.
    let cases = [
        (SnpDemands { no_smt: true, ..SnpDemands::default() }, with(at::POLICY + 2, &[0x02]), milan()),
        (SnpDemands { single_socket: true, ..SnpDemands::default() }, with(at::POLICY + 2, &[0x13]), milan()),
        (
            SnpDemands { hidden_ciphertext: true, ..SnpDemands::default() },
            with(at::POLICY + 3, &[0x01]),
            milan(),
        ),
        (SnpDemands { alias_check: true, ..SnpDemands::default() }, milan(), with(at::PLATFORM, &[0x05])),
    ];
    for (demands, met, unmet) in cases {
        for (machine, expected) in [(unmet, Some(DEMANDS.to_owned())), (met, None)] {
            let mut admin = start_on(&milan());
            admin.write(|tables, tx| tables.platforms.snp_demands.put(tx, &demands));
            let applicant = Applicant::on(machine);
            let body = applicant.body();
            assert_eq!(refused(&applicant.ask(&mut admin, &body)), expected, "{demands:?}");
        }
    }
    // The second of three mitigations was there at the launch, and is there still.
    for (mitigations, expected) in [(2, None), (3, None), (4, Some(DEMANDS.to_owned()))] {
        let mut admin = start_on(&machine(Line::Genoa, 5));
        let demands = SnpDemands { mitigations, ..SnpDemands::default() };
        admin.write(|tables, tx| tables.platforms.snp_demands.put(tx, &demands));
        let applicant = Applicant::on(machine(Line::Genoa, 5));
        let body = applicant.body();
        assert_eq!(refused(&applicant.ask(&mut admin, &body)), expected, "{mitigations}");
    }
}

#[test]
fn chips_count_that_are_listed_if_members_say_so() {
    let listed = SnpDemands { listed_chip: true, ..SnpDemands::default() };
    let chip = |digits: &str| digits.repeat(64);
    let cases: [(&[&str], Machine, Option<&str>); 4] = [
        (&[], milan(), Some(CHIP)),
        (&["c2"], milan(), Some(CHIP)),
        (&["c2", "c1"], milan(), None),
        (&["c1", "00"], of_provider("CN=cloud"), Some(CHIP)),
    ];
    for (chips, machine, expected) in cases {
        let mut admin = start_on(&milan());
        admin.write(|tables, tx| {
            let platforms = &tables.platforms;
            platforms.snp_demands.put(tx, &listed);
            platforms.snp_providers.put(tx, &"CN=cloud".to_owned(), &CodeStatus::AllowedToJoin);
            for digits in chips {
                platforms.snp_chips.put(tx, &chip(digits), &CodeStatus::AllowedToJoin);
            }
        });
        let applicant = Applicant::on(machine);
        let body = applicant.body();
        let answer = applicant.ask(&mut admin, &body);
        assert_eq!(refused(&answer).as_deref(), expected, "{chips:?}");
    }
}
