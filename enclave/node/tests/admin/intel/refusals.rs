//! One case, or some, for each rule that keeps a machine out.

use coco_imitated::{
    der::day,
    intel::{Kind, Machine, documents::text, domain_at, enclave_at, keys},
    snp,
};
use coco_kv::Tx;
use coco_tables::{
    Tables,
    intel::{IntelTcb, Products, TdxAttributes},
    value::Registers,
};
use coco_wire::Digest;

use super::{
    AGE, ATTRIBUTES, EVALUATION, FMSPC, HOST_DATA, KEY, MACHINE, MEASUREMENT, RECENT, REGISTER, REGISTERS,
    STATUS, UNVERIFIED, machine, outdated, sgx, start_on, tcb, tdx,
};
use crate::{
    applicant::{Applicant, Hardware as _},
    harness::Admin,
    join::refusal,
    snp::refused_on,
};

/// Case, what is changed, and the answer.
type Case = (&'static str, fn(&mut Machine), &'static str);

/// Of both.
const MACHINES: [Case; 12] = [
    (
        "a kind that nobody admitted",
        |it| {
            it.description.as_mut().expect("a description").fmspc[5] = 1;
            it.tcb_info["fmspc"] = "50806F000001".into();
        },
        MACHINE,
    ),
    ("documents of another kind", |it| it.tcb_info["fmspc"] = "50806F000001".into(), UNVERIFIED),
    ("a machine that does not say what it is", |it| it.description = None, UNVERIFIED),
    ("an older processor", |it| it.description.as_mut().expect("a description").cpu_svn[0] = 6, STATUS),
    ("an older quoting enclave", |it| it.qe_report[258] = 7, STATUS),
    (
        "an advisory",
        |it| it.tcb_info["tcbLevels"][0]["advisoryIDs"] = serde_json::json!(["INTEL-SA-00007"]),
        STATUS,
    ),
    (
        "documents of an earlier evaluation",
        |it| it.tcb_info["tcbEvaluationDataNumber"] = 16.into(),
        EVALUATION,
    ),
    ("a quote signed by another key", |it| it.quote_key = &keys().other, UNVERIFIED),
    ("documents signed by another key", |it| it.documents_key = &keys().other, UNVERIFIED),
    (
        "another root",
        |it| {
            it.root.key = &keys().other;
            it.root.signed_by = &keys().other;
            it.authority.signed_by = &keys().other;
            it.signer.signed_by = &keys().other;
            it.root_list.key = &keys().other;
        },
        UNVERIFIED,
    ),
    ("a certificate that was revoked", |it| it.machine_list.serials.push(&[1, 3]), UNVERIFIED),
    ("a document that has expired", |it| it.qe_identity["nextUpdate"] = text(day(100)).into(), UNVERIFIED),
];

const DOMAINS: [Case; 10] = [
    ("another guest", |it| it.put(domain_at::MEASUREMENT, &[0x3f; 48]), MEASUREMENT),
    ("another configuration", |it| it.put(domain_at::CONFIG_ID, &[0; 48]), HOST_DATA),
    ("protection keys", |it| it.put(domain_at::ATTRIBUTES + 3, &[0x50]), ATTRIBUTES),
    ("Key Locker", |it| it.put(domain_at::ATTRIBUTES + 3, &[0x90]), ATTRIBUTES),
    ("counters", |it| it.put(domain_at::ATTRIBUTES + 7, &[0x80]), ATTRIBUTES),
    ("provisioning", |it| it.put(domain_at::ATTRIBUTES + 7, &[0x40]), ATTRIBUTES),
    ("features that trace", |it| it.put(domain_at::FEATURES + 1, &[1]), ATTRIBUTES),
    ("a guest that may be debugged", |it| it.put(domain_at::ATTRIBUTES, &[1]), UNVERIFIED),
    ("a guest that may migrate", |it| it.put(domain_at::ATTRIBUTES + 3, &[0x30]), UNVERIFIED),
    ("a guest with missing pages", |it| it.put(domain_at::ATTRIBUTES + 3, &[0]), UNVERIFIED),
];

const ENCLAVES: [Case; 5] = [
    ("another enclave", |it| it.put(enclave_at::MEASUREMENT, &[0x3f; 32]), MEASUREMENT),
    ("another configuration", |it| it.put(enclave_at::CONFIG_ID, &[0; 64]), HOST_DATA),
    ("an enclave that may be debugged", |it| it.put(enclave_at::ATTRIBUTES, &[0b111]), UNVERIFIED),
    ("an enclave with the provisioning key", |it| it.put(enclave_at::ATTRIBUTES, &[0b1_0101]), UNVERIFIED),
    ("a report with reserved bits", |it| it.put(20, &[1]), UNVERIFIED),
];

#[test]
fn machines_that_are_kept_out() {
    for (kind, own) in [(Kind::Tdx10, &DOMAINS[..]), (Kind::Sgx, &ENCLAVES), (Kind::Tdx15, &[])] {
        let mut admin = start_on(&machine(kind));
        for (case, change, expected) in MACHINES.iter().chain(own) {
            let mut machine = machine(kind);
            change(&mut machine);
            refused_on(&mut admin, machine, expected, case);
        }
        Applicant::on(machine(kind)).told(&mut admin, "Trusted");
    }
}

#[test]
fn quotes_for_others() {
    for (machine, at) in [(tdx(), domain_at::REPORT_DATA), (sgx(), enclave_at::REPORT_DATA)] {
        let mut admin = start_on(&machine);
        let applicant = Applicant::on(machine.clone());
        let mut body = applicant.body();
        body["quote_info"] = machine.bound(&Digest([1; 32]));
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", KEY));
        // All of the report data counts.
        let mut more = machine.clone();
        more.bind(&applicant.id());
        more.put(at + 63, &[1]);
        body["quote_info"] = more.quote();
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", KEY));
        applicant.told(&mut admin, "Trusted");
    }
}

#[test]
fn evidence_in_other_forms() {
    for (machine, other_format) in [(tdx(), "Intel_SGX_DCAP_v1"), (sgx(), "Intel_TDX_v1")] {
        let mut admin = start_on(&machine);
        let applicant = Applicant::on(machine);
        let good = applicant.body();
        let cases = [
            ("no quote", "quote", ""),
            ("a short quote", "quote", "AAAA"),
            ("no collateral", "endorsements", ""),
            ("collateral that is none", "endorsements", "e30="),
            ("the other platform", "format", other_format),
            ("an old wrapping", "format", "OE_SGX_v1"),
            ("endorsements of a utility VM", "uvm_endorsements", ""),
        ];
        for (case, field, value) in cases {
            let mut body = good.clone();
            body["quote_info"][field] = value.into();
            let answer = applicant.ask(&mut admin, &body);
            assert_eq!(refusal(&answer), (401, "InvalidQuote", UNVERIFIED), "{case}");
        }
        // Other platforms are not admitted because this one is, nor the other way round.
        refused_on(&mut admin, snp::Machine::milan(), UNVERIFIED, "SEV-SNP");
        let mut admin = Admin::start();
        admin.node.tick(1000);
        let answer = applicant.ask(&mut admin, &good);
        assert_eq!(refusal(&answer), (401, "InvalidQuote", MACHINE), "a virtual service");
    }
    let mut admin = start_on(&tdx());
    refused_on(&mut admin, sgx(), HOST_DATA, "an enclave beside domains");
    let mut admin = start_on(&sgx());
    refused_on(&mut admin, tdx(), HOST_DATA, "a domain beside enclaves");
}

/// Changes what members require of machines.
fn require(tables: &Tables, tx: &mut Tx, change: impl FnOnce(&mut IntelTcb)) {
    let mut row = tcb();
    change(&mut row);
    tables.intel.tcb.put(tx, &FMSPC.to_owned(), &row);
}

fn registers(tables: &Tables, tx: &mut Tx, number: &str, values: &[u8]) {
    let values = Registers(values.iter().map(|byte| format!("{byte:02x}").repeat(48)).collect());
    tables.intel.tdx_registers.put(tx, &number.to_owned(), &values);
}

/// Case, what members wrote, and the answer.
type Vote = (&'static str, fn(&Tables, &mut Tx), &'static str);

const VOTES: [Vote; 6] = [
    ("no kind", |it, tx| it.intel.tcb.remove(tx, &FMSPC.to_owned()), MACHINE),
    ("a later evaluation", |it, tx| require(it, tx, |tcb| tcb.minimum_evaluation = 18), EVALUATION),
    ("recent documents", |it, tx| require(it, tx, |tcb| tcb.max_collateral_age_s = Some(86_400)), AGE),
    (
        "a status that is none",
        |it, tx| require(it, tx, |tcb| tcb.statuses = vec!["Revoked".to_owned()]),
        MACHINE,
    ),
    (
        "no row that can be read",
        |it, tx| tx.put(it.intel.tcb.name(), FMSPC.as_bytes(), b"{".as_slice()),
        MACHINE,
    ),
    (
        "a row that says more",
        |it, tx| {
            let row = br#"{"minimum_evaluation":0,"minimum_evaluations":18}"#;
            tx.put(it.intel.tcb.name(), FMSPC.as_bytes(), row.as_slice());
        },
        MACHINE,
    ),
];

const DOMAIN_VOTES: [Vote; 13] = [
    ("no guest", |it, tx| it.intel.tdx_measurements.remove(tx, &"3e".repeat(48)), MEASUREMENT),
    ("no configuration", |it, tx| it.intel.tdx_host_data.remove(tx, &"40".repeat(48)), HOST_DATA),
    (
        "a guest that cannot be read",
        |it, tx| {
            let key = "3e".repeat(48).into_bytes();
            tx.put(it.intel.tdx_measurements.name(), key, br#""Forbidden""#.as_slice());
        },
        MEASUREMENT,
    ),
    ("no kernel", |it, tx| it.intel.tdx_registers.remove(tx, &"1".to_owned()), REGISTERS),
    ("no command line", |it, tx| it.intel.tdx_registers.remove(tx, &"2".to_owned()), REGISTERS),
    ("another value of a register", |it, tx| registers(it, tx, "0", &[0x45]), REGISTERS),
    ("no value of a register", |it, tx| registers(it, tx, "0", &[]), REGISTERS),
    (
        "a value of each register",
        |it, tx| (0..4).for_each(|at| registers(it, tx, &at.to_string(), &[REGISTER])),
        REGISTERS,
    ),
    ("a register that does not exist", |it, tx| registers(it, tx, "4", &[0]), REGISTERS),
    ("a register that is none", |it, tx| registers(it, tx, "RTMR0", &[0]), REGISTERS),
    (
        "registers that cannot be read",
        |it, tx| tx.put(it.intel.tdx_registers.name(), b"0".as_slice(), b"{}".as_slice()),
        "malformed row in table public:coco.gov.nodes.tdx.registers",
    ),
    (
        "fewer features",
        |it, tx| {
            let xfam = Some("0000000000000003".to_owned());
            it.intel.tdx_attributes.put(tx, &TdxAttributes { xfam, ..TdxAttributes::default() });
        },
        ATTRIBUTES,
    ),
    (
        "features that are none",
        |it, tx| {
            let xfam = Some("e7".to_owned());
            it.intel.tdx_attributes.put(tx, &TdxAttributes { xfam, ..TdxAttributes::default() });
        },
        ATTRIBUTES,
    ),
];

#[test]
fn policies_that_keep_a_machine_out() {
    let of_domains = VOTES.iter().chain(&DOMAIN_VOTES).map(|vote| (tdx(), vote));
    for (machine, (case, vote, expected)) in of_domains.chain(VOTES.iter().map(|vote| (sgx(), vote))) {
        let mut admin = start_on(&machine);
        admin.write(vote);
        refused_on(&mut admin, machine, expected, case);
    }
    // What cannot be read is not taken for the strict default.
    let mut admin = start_on(&tdx());
    admin.write(|tables, tx| tx.put(tables.intel.tdx_attributes.name(), vec![0; 8], b"{".as_slice()));
    let malformed = "malformed row in table public:coco.gov.nodes.tdx.attributes";
    refused_on(&mut admin, tdx(), malformed, "attributes that cannot be read");
    // A status of a part counts, and an advisory must be named.
    for (kind, statuses) in [(Kind::Tdx15, vec!["ConfigurationNeeded"]), (Kind::Sgx, vec!["OutOfDate"])] {
        let mut admin = start_on(&machine(kind));
        admin.write(|tables, tx| {
            require(tables, tx, |tcb| tcb.statuses = statuses.into_iter().map(str::to_owned).collect());
        });
        refused_on(&mut admin, outdated(kind), STATUS, "a part that is worth less");
    }
    // Documents that are recent enough.
    let mut recent = tdx();
    for document in [&mut recent.tcb_info, &mut recent.qe_identity] {
        document["issueDate"] = text(RECENT).into();
    }
    recent.machine_list.dates[0] = RECENT;
    let mut admin = start_on(&tdx());
    admin.write(|tables, tx| require(tables, tx, |tcb| tcb.max_collateral_age_s = Some(86_400)));
    refused_on(&mut admin, tdx(), AGE, "old documents");
    Applicant::on(recent).told(&mut admin, "Trusted");
}

#[test]
fn enclaves_that_their_signer_does_not_help() {
    let measured = "3e".repeat(32);
    let rows = [
        ("no row", "51", None),
        ("another signer", "52", Some(("1", 0))),
        ("a later version", "51", Some(("1", 8))),
        ("another product", "51", Some(("2", 0))),
        ("a product that is none", "51", Some(("01", 0))),
    ];
    for (case, signer, product) in rows {
        let mut admin = start_on(&sgx());
        admin.write(|tables, tx| {
            tables.intel.sgx_measurements.remove(tx, &measured);
            if let Some((product, least)) = product {
                let products = Products([(product.to_owned(), least)].into());
                tables.intel.sgx_signers.put(tx, &signer.repeat(32), &products);
            }
        });
        refused_on(&mut admin, sgx(), MEASUREMENT, case);
    }
    let mut admin = start_on(&sgx());
    admin.write(|tables, tx| {
        tables.intel.sgx_measurements.remove(tx, &measured);
        let key = "51".repeat(32).into_bytes();
        tx.put(tables.intel.sgx_signers.name(), key, br#"{"1":-1}"#.as_slice());
    });
    refused_on(&mut admin, sgx(), MEASUREMENT, "a row that cannot be read");
    admin.write(|tables, tx| {
        tables.intel.sgx_signers.put(tx, &"51".repeat(32), &Products([("1".to_owned(), 7)].into()));
    });
    Applicant::on(sgx()).told(&mut admin, "Trusted");
}
