//! One case, or some, for each rule that keeps a machine out.

use coco_imitated::{
    der::day,
    snp::{Line, Machine, at, keys, tcb_extension},
    uvm::{FEED, Message, payload},
};
use coco_kv::Tx;
use coco_tables::{Tables, platforms::TcbVersion};
use coco_wire::{Digest, cbor::Cbor};
use serde_json::Value;

use super::{
    CPUID, HOST_DATA, KEY, MEASUREMENT, PROCESSOR, PROVIDER, TCB, UNVERIFIED, UVM, endorsed, lasting,
    machine, milan, start_on, tcb, trusting,
};
use crate::{
    applicant::{Applicant, Hardware},
    harness::Admin,
    join::{node, refusal},
};

/// Asks, is refused, and checks that nothing is written.
#[track_caller]
fn refused(admin: &mut Admin, (applicant, body): (&Applicant, &Value), expected: &str, case: &str) {
    let version = admin.view.state().latest.version();
    let answer = applicant.ask(admin, body);
    assert_eq!(refusal(&answer), (401, "InvalidQuote", expected), "{case}");
    assert_eq!(admin.view.state().latest.version(), version, "{case}");
    assert_eq!(node(admin, &applicant.id()), None, "{case}");
}

#[track_caller]
pub(crate) fn refused_on(admin: &mut Admin, machine: impl Hardware + 'static, expected: &str, case: &str) {
    let applicant = Applicant::on(machine);
    let body = applicant.body();
    refused(admin, (&applicant, &body), expected, case);
}

/// Case, what is changed, and the answer.
type Case<T> = (&'static str, fn(&mut T), &'static str);

const MACHINES: [Case<Machine>; 17] = [
    ("another guest", |it| it.put(at::MEASUREMENT, &[0x3f; 48]), MEASUREMENT),
    ("another configuration", |it| it.put(at::HOST_DATA, &[0x41; 32]), HOST_DATA),
    ("endorsements by whom nobody trusts", |it| it.uvm = Some(Message::new().sign().0), UVM),
    ("endorsements that are none", |it| it.uvm = Some(vec![0]), UVM),
    ("another stepping", |it| it.put(at::PROCESSOR + 2, &[2]), PROCESSOR),
    (
        "firmware below the minimum",
        |it| {
            *it.end.extensions.last_mut().expect("of the microcode") = tcb_extension(8, 218);
            for tcb in at::TCB {
                it.put(tcb + 7, &[218]);
            }
        },
        TCB,
    ),
    ("firmware below the minimum at the launch", |it| it.put(at::TCB[3] + 6, &[23]), TCB),
    ("a guest that may be debugged", |it| it.put(at::POLICY + 2, &[0x0b]), UNVERIFIED),
    ("a guest that may migrate", |it| it.put(at::POLICY + 2, &[0x07]), UNVERIFIED),
    ("a lower privilege level", |it| it.put(at::VMPL, &[1]), UNVERIFIED),
    ("another chip than the certificate's", |it| it.put(at::CHIP_ID, &[0]), UNVERIFIED),
    ("a report signed by another key", |it| it.report_key = &keys().other, UNVERIFIED),
    (
        "another root",
        |it| {
            it.root.key = &keys().intermediate;
            it.root.signed_by = &keys().intermediate;
            it.intermediate.signed_by = &keys().intermediate;
        },
        UNVERIFIED,
    ),
    ("a certificate that has expired", |it| it.end.end = day(100), UNVERIFIED),
    ("a provider's key", |it| *it = lasting(Machine::of_provider("CN=cloud")), PROVIDER),
    ("another line of processors", |it| *it = machine(Line::Genoa, 3), UNVERIFIED),
    ("a report that names no processor", |it| *it = machine(Line::Milan, 2), UNVERIFIED),
];

#[test]
fn machines_that_are_kept_out() {
    let mut admin = start_on(&milan());
    for (case, change, expected) in MACHINES {
        let mut machine = milan();
        change(&mut machine);
        refused_on(&mut admin, machine, expected, case);
    }
    Applicant::on(milan()).told(&mut admin, "Trusted");
}

#[test]
fn reports_for_others() {
    let mut admin = start_on(&milan());
    let applicant = Applicant::on(milan());
    let mut body = applicant.body();
    let mut machine = milan();
    machine.bind(&Digest([1; 32]));
    body["quote_info"] = machine.quote();
    refused(&mut admin, (&applicant, &body), KEY, "another key");
    // All of the report data counts.
    machine.bind(&applicant.id());
    machine.put(at::REPORT_DATA + 63, &[1]);
    body["quote_info"] = machine.quote();
    refused(&mut admin, (&applicant, &body), KEY, "more than the key");
    applicant.told(&mut admin, "Trusted");
}

#[test]
fn evidence_in_other_forms() {
    let mut admin = start_on(&milan());
    let applicant = Applicant::on(milan());
    let good = applicant.body();
    let cases = [
        ("no report", "quote", ""),
        ("a short report", "quote", "AAAA"),
        ("no certificates", "endorsements", ""),
        ("certificates that are none", "endorsements", "AAAA"),
    ];
    for (case, field, value) in cases {
        let mut body = good.clone();
        body["quote_info"][field] = value.into();
        refused(&mut admin, (&applicant, &body), UNVERIFIED, case);
    }
    // Another platform is not admitted because this one is, nor the other way round.
    let other = Applicant::new();
    refused(&mut admin, (&other, &other.body()), HOST_DATA, "a virtual platform");
    let mut admin = Admin::start();
    admin.node.tick(1000);
    refused(&mut admin, (&applicant, &good), UNVERIFIED, "a root of nobody");
}

/// Changes what members require of the processor of [`milan`].
fn require(tables: &Tables, tx: &mut Tx, change: impl FnOnce(&mut TcbVersion)) {
    let mut version = tcb();
    change(&mut version);
    tables.platforms.snp_tcb_versions.put(tx, &CPUID.to_owned(), &version);
}

/// Case, what members wrote, and the answer.
type Vote = (&'static str, fn(&Tables, &mut Tx), &'static str);

const VOTES: [Vote; 14] = [
    ("no guest", |it, tx| it.platforms.snp_measurements.remove(tx, &"3e".repeat(48)), MEASUREMENT),
    ("no configuration", |it, tx| it.platforms.snp_host_data.remove(tx, &Digest([0x40; 32])), HOST_DATA),
    ("no processor", |it, tx| it.platforms.snp_tcb_versions.remove(tx, &CPUID.to_owned()), PROCESSOR),
    (
        "another processor",
        |it, tx| {
            it.platforms.snp_tcb_versions.remove(tx, &CPUID.to_owned());
            it.platforms.snp_tcb_versions.put(tx, &"00a00f12".to_owned(), &tcb());
        },
        PROCESSOR,
    ),
    ("newer microcode", |it, tx| require(it, tx, |tcb| tcb.microcode = Some(220)), TCB),
    ("newer SNP firmware", |it, tx| require(it, tx, |tcb| tcb.snp = Some(25)), TCB),
    ("a newer operating system", |it, tx| require(it, tx, |tcb| tcb.tee = Some(2)), TCB),
    ("a newer boot loader", |it, tx| require(it, tx, |tcb| tcb.boot_loader = Some(5)), TCB),
    // As in CCF, a row says every part that the processor has and no other.
    ("a part that it lacks", |it, tx| require(it, tx, |tcb| tcb.fmc = Some(0)), PROCESSOR),
    ("a part too few", |it, tx| require(it, tx, |tcb| tcb.tee = None), PROCESSOR),
    ("a part that is too large", |it, tx| require(it, tx, |tcb| tcb.snp = Some(256)), PROCESSOR),
    (
        "only the number",
        |it, tx| {
            let number =
                TcbVersion { hexstring: Some("0000000000000000".to_owned()), ..TcbVersion::default() };
            it.platforms.snp_tcb_versions.put(tx, &CPUID.to_owned(), &number);
        },
        PROCESSOR,
    ),
    (
        "no row that can be read",
        |it, tx| {
            tx.put(it.platforms.snp_tcb_versions.name(), CPUID.as_bytes(), b"{".as_slice());
        },
        PROCESSOR,
    ),
    (
        "no name that can be read",
        |it, tx| {
            it.platforms.snp_tcb_versions.remove(tx, &CPUID.to_owned());
            it.platforms.snp_tcb_versions.put(tx, &"a00f11".to_owned(), &tcb());
        },
        PROCESSOR,
    ),
];

#[test]
fn policies_that_keep_a_machine_out() {
    for (case, vote, expected) in VOTES {
        let mut admin = start_on(&milan());
        admin.write(vote);
        refused_on(&mut admin, milan(), expected, case);
    }
    // A row of less keeps nobody out, whatever the number for people says.
    let mut admin = start_on(&milan());
    admin.write(|tables, tx| {
        require(tables, tx, |tcb| {
            *tcb = TcbVersion {
                microcode: Some(0),
                snp: Some(0),
                tee: Some(0),
                boot_loader: Some(0),
                ..tcb.clone()
            };
        });
    });
    Applicant::on(milan()).told(&mut admin, "Trusted");
}

const MESSAGES: [Case<Message>; 5] = [
    ("an older version", |it| it.payload = payload(&"3e".repeat(48), "6"), UVM),
    ("another guest", |it| it.payload = payload(&"3f".repeat(48), "7"), UVM),
    ("another name", |it| it.feed = Cbor::Text("another feed"), UVM),
    ("signed by another key", |it| it.key = &keys().chip, UVM),
    ("a certificate for something else", |it| it.chain[0].extensions.clear(), UVM),
];

#[test]
fn utility_vms_that_are_kept_out() {
    let (first, did) = endorsed();
    let mut admin = start_on(&first);
    // The measurement is not admitted itself.
    refused_on(&mut admin, milan(), MEASUREMENT, "no endorsements");
    for (case, change, expected) in MESSAGES {
        let mut message = Message::new();
        change(&mut message);
        let (message, did) = message.sign();
        admin.write(|tables, tx| tables.platforms.snp_uvm_endorsements.put(tx, &did, &trusting(FEED, "7")));
        refused_on(&mut admin, Machine { uvm: Some(message), ..milan() }, expected, case);
    }
    let rows = [(FEED, "8"), ("another feed", "7"), (FEED, "x"), (FEED, "")];
    for (feed, svn) in rows {
        admin.write(|tables, tx| tables.platforms.snp_uvm_endorsements.put(tx, &did, &trusting(feed, svn)));
        refused_on(&mut admin, first.clone(), UVM, &format!("{feed} {svn}"));
    }
    admin.write(|tables, tx| tables.platforms.snp_uvm_endorsements.remove(tx, &did));
    refused_on(&mut admin, first.clone(), UVM, "no row");
    admin.write(|tables, tx| tables.platforms.snp_uvm_endorsements.put(tx, &did, &trusting(FEED, "7")));
    Applicant::on(first).told(&mut admin, "Trusted");
}
