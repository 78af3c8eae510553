//! One case, or some, for each rule that keeps an enclave out.

use coco_crypto::hash::sha256;
use coco_imitated::{
    snp,
    tpm::keys,
    windows::{
        GLOBAL, PART, SIGNING_KEY, Signed, Windows, kind, module, record, signing_key, variable, vouched,
    },
};
use coco_kv::Tx;
use coco_tables::{
    Tables,
    value::Registers,
    windows::{Demands, Minimums, Role},
};
use coco_wire::{Digest, text::Base64};
use serde_json::{Value, json};

use super::{
    AUTHORITY, Beside, DEMANDS, HOST_DATA, KEY, MEASUREMENT, MINIMUM, MINIMUMS, Machine, NO_MINIMUMS,
    REGISTERS, TPM, UNVERIFIED, certified, image, machine, quote, shown, signed, signed_name, start_on, with,
};
use crate::{
    applicant::{Applicant, Hardware as _},
    harness::Admin,
    join::refusal,
    snp::refused_on,
};

/// Case, what is changed before it is measured and signed, and the answer.
pub(super) type Case = (&'static str, fn(&mut Windows), &'static str);

/// What both loaders measure of a tag.
fn say(windows: &mut Windows, tag: u32, data: &[u8]) {
    for state in &mut windows.state {
        state.retain(|(other, _)| *other != tag);
        state.push((tag, data.to_vec()));
    }
}

/// Enclaves, and what signs for them.
pub(super) const ENCLAVES: [Case; 12] = [
    ("another enclave", |it| it.report.run([0x12; 32]), MEASUREMENT),
    ("another module", |it| it.report.blocks.push(module([0x56; 32], [0; 32], "other.dll")), MEASUREMENT),
    ("another owner", |it| it.report.owner_id = [0x98; 32], HOST_DATA),
    ("an enclave that can be debugged", |it| it.report.flags = 1, UNVERIFIED),
    ("an unknown flag", |it| it.report.flags = 8, UNVERIFIED),
    ("an older secure kernel", |it| it.report.secure_kernel_svn = 4, MINIMUM),
    ("an older platform", |it| it.report.platform_svn = 1, MINIMUM),
    ("another type of enclave", |it| it.report.enclave_type = 1, UNVERIFIED),
    ("another signature scheme", |it| it.report.scheme = 2, UNVERIFIED),
    ("a report that another key signed", |it| it.report_key = &keys().rsa, UNVERIFIED),
    ("another version of reports", |it| it.report.version = 2, UNVERIFIED),
    ("an unknown block", |it| it.report.blocks.push((2, vec![0; 8])), UNVERIFIED),
];

/// How Windows was started.
const BOOTS: [Case; 17] = [
    ("no secure boot", |it| it.firmware[0][0] = variable(GLOBAL, "SecureBoot", &[0]), UNVERIFIED),
    ("another authority", |it| it.firmware[1].push(vouched(b"another")), AUTHORITY),
    ("nobody who vouched", |it| it.firmware[1].clear(), UNVERIFIED),
    ("boot debugging", |it| say(it, 0x0004_0001, &[1]), UNVERIFIED),
    ("kernel debugging", |it| say(it, 0x0005_0001, &[1]), UNVERIFIED),
    ("no code integrity", |it| say(it, 0x0005_0002, &[0]), UNVERIFIED),
    ("test signing", |it| say(it, 0x0005_0003, &[1]), UNVERIFIED),
    ("flight signing", |it| say(it, 0x0005_0021, &[1]), UNVERIFIED),
    ("safe mode", |it| say(it, 0x0005_0005, &[1]), UNVERIFIED),
    ("no hypervisor", |it| say(it, 0x0005_000a, &[0; 8]), UNVERIFIED),
    ("no secure kernel", |it| say(it, 0x0005_0012, &[0; 8]), UNVERIFIED),
    ("hibernation", |it| say(it, 0x0005_0024, &[0]), DEMANDS),
    ("dumps that are not encrypted", |it| say(it, 0x0005_0026, &[0]), DEMANDS),
    ("no separator", |it| it.separated.retain(|pcr| *pcr != 13), UNVERIFIED),
    ("two keys", |it| it.state[0].push((SIGNING_KEY, signing_key(&keys().rsa))), UNVERIFIED),
    ("no key", |it| it.state.iter_mut().for_each(|it| it.retain(|(tag, _)| *tag != SIGNING_KEY)), UNVERIFIED),
    (
        "something behind the separator",
        |it| {
            let forged = record(0x4001_0001, &record(SIGNING_KEY, &signing_key(&keys().rsa)));
            it.later.push((12, kind::TAG, forged.clone(), forged));
        },
        UNVERIFIED,
    ),
];

/// What the TPM does.
const TPMS: [Case; 8] = [
    ("a TPM that nobody knows", |it| it.tpm.key = &keys().rsa, TPM),
    ("a key that signs anything", |it| it.tpm.attributes = 0x0004_0072, UNVERIFIED),
    ("PCRs that are not quoted", |it| it.tpm.selected = [0x7f, 0x78, 0], UNVERIFIED),
    ("no quote of a TPM", |it| it.tpm.magic = 1, UNVERIFIED),
    ("something else that a TPM signed", |it| it.tpm.kind = 0x8017, UNVERIFIED),
    ("two banks", |it| it.tpm.banks = 2, UNVERIFIED),
    ("a bank of SHA-1", |it| it.tpm.bank = 4, UNVERIFIED),
    ("another digest", |it| it.tpm.digest = Some(vec![0; 32]), UNVERIFIED),
];

/// The log of another boot.
fn log_of(change: fn(&mut Windows)) -> Vec<u8> {
    with(change).windows.sign().tpm.log
}

/// Case, what whoever carries the evidence changes, and the answer.
pub(super) type Tampering = (&'static str, fn(&mut Signed), &'static str);

pub(super) const TAMPERINGS: [Tampering; 10] = [
    ("a message that was changed", |it| it.tpm.message[50] ^= 1, UNVERIFIED),
    ("a signature that was changed", |it| it.tpm.signature[20] ^= 1, UNVERIFIED),
    ("a value that was changed", |it| it.tpm.pcrs[0] ^= 1, UNVERIFIED),
    ("a report that was changed", |it| it.report[40] ^= 1, UNVERIFIED),
    ("a key that was changed", |it| it.tpm.public[7] ^= 1, UNVERIFIED),
    (
        "the log of a boot without a secure kernel",
        |it| it.tpm.log = log_of(|windows| say(windows, 0x0005_0012, &[0; 8])),
        UNVERIFIED,
    ),
    (
        "the log of a boot without a separator",
        |it| it.tpm.log = log_of(|windows| windows.separated.retain(|pcr| *pcr != 13)),
        UNVERIFIED,
    ),
    (
        "an event that was changed",
        |it| {
            let tag = 0x0005_0012_u32.to_le_bytes();
            let at = it.tpm.log.windows(4).position(|bytes| bytes == tag).expect("an event");
            it.tpm.log[at + 8] ^= 3;
        },
        UNVERIFIED,
    ),
    ("no log", |it| it.tpm.log.clear(), UNVERIFIED),
    ("half a log", |it| it.tpm.log.truncate(it.tpm.log.len() / 2), UNVERIFIED),
];

#[test]
fn enclaves_that_are_kept_out() {
    let mut admin = start_on(&machine());
    for (case, change, expected) in ENCLAVES.iter().chain(&BOOTS).chain(&TPMS) {
        refused_on(&mut admin, with(*change), expected, case);
    }
    for (case, carrier, expected) in TAMPERINGS {
        refused_on(&mut admin, Machine { carrier, ..machine() }, expected, case);
    }
    refused_on(&mut admin, certified(), TPM, "certificates of a root that nobody admitted");
    refused_on(&mut admin, snp::Machine::milan(), UNVERIFIED, "an imitation of another platform");
    Applicant::on(machine()).told(&mut admin, "Trusted");
}

#[test]
fn certificates_that_are_kept_out() {
    let mut admin = start_on(&certified());
    refused_on(&mut admin, machine(), TPM, "a key that nobody admitted");
    let bare = Machine { beside: Beside::Key, ..certified() };
    refused_on(&mut admin, bare, TPM, "the certified key without its certificates");
    let other_key = Machine { beside: Beside::Certificates, ..machine() };
    refused_on(&mut admin, other_key, UNVERIFIED, "certificates of another key");
    Applicant::on(certified()).told(&mut admin, "Trusted");
}

#[test]
fn evidence_that_is_bound_to_something_else() {
    let mut admin = start_on(&machine());
    let applicant = Applicant::on(machine());
    let mut told = |change: fn(&mut Windows), expected: &str, case: &str| {
        let mut machine = machine();
        machine.windows.bind(&applicant.id());
        change(&mut machine.windows);
        let mut body = applicant.body();
        body["quote_info"] = machine.quote();
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", expected), "{case}");
    };
    let cases: [Case; 5] = [
        ("a report for another key", |it| it.report.bind(&Digest([1; 32])), KEY),
        ("a quote for another key", |it| it.tpm.nonce = vec![1; 32], KEY),
        ("a quote for nothing", |it| it.tpm.nonce.clear(), KEY),
        ("a quote for more", |it| it.tpm.nonce.push(0), KEY),
        ("a report for more", |it| it.report.enclave_data[63] = 1, KEY),
    ];
    for (case, change, expected) in cases {
        told(change, expected, case);
    }
    applicant.told(&mut admin, "Trusted");
}

#[test]
fn quotes_that_are_no_such_form() {
    let mut admin = start_on(&machine());
    let applicant = Applicant::on(machine());
    let mut machine = machine();
    machine.windows.bind(&applicant.id());
    let good = shown(&machine);
    let form: Value = serde_json::from_slice(&good.0).unwrap();
    let changed = |field: &str, value: Value| {
        let mut form = form.clone();
        form[field] = value;
        (form.to_string().into_bytes(), good.1.clone())
    };
    let mut bodies = vec![
        quote(&(b"{}".to_vec(), good.1.clone())),
        quote(&(Vec::new(), good.1.clone())),
        quote(&(vec![b'['; 100_000], good.1.clone())),
        quote(&(good.0.clone(), Vec::new())),
        quote(&(good.0.clone(), b"-----BEGIN CERTIFICATE-----".to_vec())),
        quote(&changed("event_log", json!(null))),
        quote(&changed("more", json!("00"))),
        quote(&changed("message", json!("?"))),
        quote(&changed("report", json!(""))),
    ];
    let mut endorsed = quote(&good);
    endorsed["uvm_endorsements"] = json!(Base64(vec![0]));
    bodies.push(endorsed);
    let mut otherwise = quote(&good);
    otherwise["format"] = json!("Azure_CVM_SNP_v1");
    bodies.push(otherwise);
    for (at, quote) in bodies.into_iter().enumerate() {
        let mut body = applicant.body();
        body["quote_info"] = quote;
        let answer = applicant.ask(&mut admin, &body);
        assert_eq!(refusal(&answer), (401, "InvalidQuote", UNVERIFIED), "{at}");
    }
    applicant.told(&mut admin, "Trusted");
}

/// Case, what members wrote, and the answer.
type Vote = (&'static str, fn(&Tables, &mut Tx), &'static str);

const VOTES: [Vote; 17] = [
    ("no enclave", |it, tx| it.windows.images.remove(tx, &"11".repeat(32)), MEASUREMENT),
    ("the enclave as a module", |it, tx| image(it, tx, 0x11, Role::Module), MEASUREMENT),
    ("the module as an enclave", |it, tx| image(it, tx, PART[0], Role::Enclave), MEASUREMENT),
    (
        "an image that cannot be read",
        |it, tx| {
            let key = "11".repeat(32).into_bytes();
            tx.put(it.windows.images.name(), key, br#"{"role":"Anything"}"#.as_slice());
        },
        MEASUREMENT,
    ),
    (
        "a later version by the author",
        |it, tx| {
            it.windows.images.remove(tx, &"11".repeat(32));
            signed(it, tx, 4, Role::Enclave);
        },
        MEASUREMENT,
    ),
    (
        "the author's module",
        |it, tx| {
            it.windows.images.remove(tx, &"11".repeat(32));
            signed(it, tx, 3, Role::Module);
        },
        MEASUREMENT,
    ),
    (
        "an author who cannot be read",
        |it, tx| {
            it.windows.images.remove(tx, &"11".repeat(32));
            let row = br#"{"minimum_svn":3,"role":"Enclave","svn":4}"#;
            tx.put(it.windows.signers.name(), signed_name().into_bytes(), row.as_slice());
        },
        MEASUREMENT,
    ),
    ("no owner", |it, tx| it.windows.host_data.remove(tx, &"99".repeat(32)), HOST_DATA),
    (
        "no TPM",
        |it, tx| {
            let public = Windows::genuine().tpm.show().public;
            let name = coco_attest::tpm::Public::read(&public).expect("a key").name;
            it.windows.attestation_keys.remove(tx, &coco_wire::text::encode_hex(&name));
        },
        TPM,
    ),
    (
        "no authority",
        |it, tx| it.windows.boot_authorities.remove(tx, &sha256(coco_imitated::windows::SIGNER)),
        AUTHORITY,
    ),
    ("no minimums", |it, tx| it.windows.minimums.remove(tx), NO_MINIMUMS),
    (
        "a newer secure kernel",
        |it, tx| it.windows.minimums.put(tx, &Minimums { secure_kernel_svn: 6, ..MINIMUMS }),
        MINIMUM,
    ),
    (
        "minimums that cannot be read",
        |it, tx| tx.put(it.windows.minimums.name(), vec![0; 8], br#"{"platform_svn":0}"#.as_slice()),
        "malformed row in table public:coco.gov.nodes.vbs.minimums",
    ),
    (
        "no dumps",
        |it, tx| it.windows.demands.put(tx, &Demands { no_dumps: true, ..Demands::default() }),
        DEMANDS,
    ),
    (
        "demands that cannot be read",
        |it, tx| tx.put(it.windows.demands.name(), vec![0; 8], br#"{"no_dump":true}"#.as_slice()),
        "malformed row in table public:coco.gov.nodes.vbs.demands",
    ),
    (
        "another value of a register",
        |it, tx| {
            it.windows.registers.put(tx, &"4".to_owned(), &Registers(vec!["00".repeat(32)]));
        },
        REGISTERS,
    ),
    (
        "a register that is not quoted",
        |it, tx| {
            it.windows.registers.put(tx, &"10".to_owned(), &Registers(vec!["00".repeat(32)]));
        },
        REGISTERS,
    ),
];

#[test]
fn policies_that_keep_an_enclave_out() {
    for (case, vote, expected) in VOTES {
        let mut admin: Admin = start_on(&machine());
        admin.write(vote);
        refused_on(&mut admin, machine(), expected, case);
    }
    // Nobody decided anything.
    let mut admin = Admin::start();
    admin.node.tick(1000);
    refused_on(&mut admin, machine(), NO_MINIMUMS, "a service on another platform");
}
