//! Services on confidential machines of Azure, and whom they let in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_attest::{Refusal, Roots, azure_cvm, sev_snp};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_imitated::{
    azure::{Azure, Signed, TDX},
    snp::at,
    tpm::keys,
};
use coco_kv::Tx;
use coco_tables::{
    Tables,
    azure::AzureDemands,
    nodes::QuoteFormat,
    platforms::{CodeStatus, SnpDemands},
    value::{JsonText, Registers},
};
use coco_wire::{Digest, text::encode_hex};
use serde_json::{Value, json};

use crate::{
    applicant::{Applicant, Hardware},
    harness::Admin,
    join::{node, refusal},
    node::Ground,
    snp::{
        CHIP, CPUID, DEMANDS, HOST_DATA, KEY, MEASUREMENT, PROCESSOR, TCB, UNVERIFIED, lasting,
        refused_first, refused_on, start,
    },
};

const REGISTERS: &str = "Quote registers are not authorised";

/// A machine that shows what it is, changed by whoever carries it.
#[derive(Clone)]
pub(crate) struct Machine {
    azure: Azure,
    carrier: fn(&mut Signed),
}

/// The common case: its hardware's certificates are valid while the nodes of these tests run.
pub(crate) fn machine() -> Machine {
    let mut azure = Azure::genuine();
    azure.snp = lasting(azure.snp);
    // IMA measures while the machine runs.
    azure.tpm.selected = [0xff, 0x7f, 0];
    azure.tpm.extend(10, b"a file");
    Machine { azure, carrier: |_| {} }
}

fn with(change: fn(&mut Azure)) -> Machine {
    let mut machine = machine();
    change(&mut machine.azure);
    machine
}

fn shown(machine: &Machine) -> (Vec<u8>, Vec<u8>) {
    let mut signed = machine.azure.sign();
    (machine.carrier)(&mut signed);
    (signed.tpm.form(&signed.report), signed.snp.certificates)
}

impl Hardware for Machine {
    fn quote(&self) -> Value {
        let (quote, endorsements) = shown(self);
        let [quote, endorsements] = [quote, endorsements].map(|bytes| STANDARD.encode(bytes));
        json!({ "format": "Azure_CVM_SNP_v1", "quote": quote, "endorsements": endorsements })
    }

    fn bound(&self, report_data: &Digest) -> Value {
        let mut machine = self.clone();
        machine.azure.bind(report_data);
        machine.quote()
    }
}

/// What a node on this machine runs on.
pub(crate) fn ground(machine: &Machine) -> Ground {
    let [milan, genoa, turin] = machine.azure.snp.sign().roots;
    let roots = Roots { sev_snp: sev_snp::Roots { milan, genoa, turin }, ..Roots::MAKERS };
    let machine = machine.clone();
    let platform = move |report_data: &Digest| {
        let mut machine = machine.clone();
        machine.azure.bind(report_data);
        let (quote, endorsements) = shown(&machine);
        Evidence { format: EvidenceFormat::AzureCvm, quote, endorsements, uvm_endorsements: None }
    };
    Ground { platform: Box::new(platform), roots, ..Ground::default() }
}

fn start_on(machine: &Machine) -> Admin {
    start(ground(machine))
}

/// The values of PCRs of a machine, by number.
fn registers_of(machine: &Machine, numbers: &[usize]) -> Value {
    let values = numbers
        .iter()
        .map(|number| (number.to_string(), json!([encode_hex(&machine.azure.tpm.pcrs[*number])])));
    Value::Object(values.collect())
}

#[test]
fn a_service_admits_what_its_first_node_is() {
    let machine = machine();
    let admin = start_on(&machine);
    let state = admin.view.state();
    let (state, tables) = (&state.latest, &admin.tables);
    let rows = tables.azure.registers.iter(state).map(|row| row.map(|(key, value)| (key, json!(value))));
    let rows = Value::Object(rows.collect::<Result<_, _>>().unwrap());
    // Neither what differs from machine to machine (1, 5, 6) nor what changes while one runs (10).
    assert_eq!(rows, registers_of(&machine, &[0, 2, 3, 4, 7, 8, 9, 11, 12, 13, 14]));
    let demands = AzureDemands { secure_boot: true, no_console: true };
    assert_eq!(tables.azure.demands.get(state).unwrap(), Some(demands));
    let measurement = encode_hex(&machine.azure.snp.sign().report[at::MEASUREMENT..][..48]);
    let platforms = &tables.platforms;
    assert!(platforms.snp_measurements.has(state, &measurement));
    assert_eq!(platforms.snp_measurements.iter(state).count(), 1);
    assert_eq!(platforms.snp_host_data.iter(state).count(), 1);
    assert!(platforms.snp_tcb_versions.get(state, &CPUID.to_owned()).unwrap().is_some());
    assert_eq!(platforms.snp_uvm_endorsements.iter(state).count(), 0);
}

#[test]
fn a_machine_like_the_first_one_joins_and_is_given_the_secrets() {
    let mut admin = start_on(&machine());
    let mut other = machine();
    // What is its own.
    for (pcr, what) in [(1, b"disks"), (5, b"parts"), (6, b"names"), (10, b"files")] {
        other.azure.tpm.extend(pcr, what);
    }
    let applicant = Applicant::on(other);
    applicant.told(&mut admin, "Trusted");
    let row = node(&admin, &applicant.id()).unwrap();
    assert_eq!(row.quote_info.format, QuoteFormat::AzureCvmSnpV1);
    applicant.let_in(&mut admin);
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));
}

/// Case, what is changed, and the answer.
type Case<T> = (&'static str, fn(&mut T), &'static str);

const MACHINES: [Case<Azure>; 20] = [
    ("another paravisor", |it| it.snp.put(at::MEASUREMENT, &[0x3f; 48]), MEASUREMENT),
    ("other host data", |it| it.snp.put(at::HOST_DATA, &[0x41; 32]), HOST_DATA),
    ("another stepping", |it| it.snp.put(at::PROCESSOR + 2, &[2]), PROCESSOR),
    ("a guest that may be debugged", |it| it.snp.put(at::POLICY + 2, &[0x0b]), UNVERIFIED),
    ("a guest below the paravisor", |it| it.snp.put(at::VMPL, &[2]), UNVERIFIED),
    ("hardware that is not bound", |it| it.bound = false, UNVERIFIED),
    ("other hardware", |it| it.hardware = TDX, UNVERIFIED),
    ("no paravisor's report", |it| it.magic = *b"HCLB", UNVERIFIED),
    ("another version of the frame", |it| it.version = 3, UNVERIFIED),
    ("another hash", |it| it.hash = 2, UNVERIFIED),
    ("a TPM that the paravisor does not have", |it| it.tpm.key = &keys().root, UNVERIFIED),
    (
        "no secure boot",
        |it| it.runtime = it.runtime.replace(r#""secure-boot":true"#, r#""secure-boot":false"#),
        DEMANDS,
    ),
    (
        "a console",
        |it| it.runtime = it.runtime.replace(r#""console-enabled":false"#, r#""console-enabled":true"#),
        DEMANDS,
    ),
    ("other firmware", |it| it.tpm.extend(0, b"other"), REGISTERS),
    ("another boot manager", |it| it.tpm.extend(4, b"other"), REGISTERS),
    ("other keys of secure boot", |it| it.tpm.extend(7, b"other"), REGISTERS),
    ("another kernel", |it| it.tpm.extend(9, b"other"), REGISTERS),
    ("another image", |it| it.tpm.extend(11, b"other"), REGISTERS),
    ("PCRs that are not quoted", |it| it.tpm.selected = [0xff, 0x70, 0], REGISTERS),
    ("a bank of SHA-1", |it| it.tpm.bank = 4, UNVERIFIED),
];

const TAMPERINGS: [Case<Signed>; 7] = [
    ("a message that was changed", |it| it.tpm.message[50] ^= 1, UNVERIFIED),
    ("a signature that was changed", |it| it.tpm.signature[20] ^= 1, UNVERIFIED),
    ("a value that was changed", |it| it.tpm.pcrs[0] ^= 1, UNVERIFIED),
    ("hardware's report that was changed", |it| it.report[32 + 0x90] ^= 1, UNVERIFIED),
    (
        "runtime data that were changed",
        |it| {
            let at = it.report.windows(4).position(|bytes| bytes == b"true").expect("secure boot");
            it.report[at] = b'T';
        },
        UNVERIFIED,
    ),
    ("no certificates", |it| it.snp.certificates.clear(), UNVERIFIED),
    ("a log that is none", |it| it.tpm.log = vec![0; 7], UNVERIFIED),
];

#[test]
fn machines_that_are_kept_out() {
    let mut admin = start_on(&machine());
    for (case, change, expected) in MACHINES {
        refused_on(&mut admin, with(change), expected, case);
    }
    for (case, carrier, expected) in TAMPERINGS {
        refused_on(&mut admin, Machine { carrier, ..machine() }, expected, case);
    }
    let applicant = Applicant::on(machine());
    let mut machine = machine();
    machine.azure.tpm.nonce = vec![1; 32];
    let mut body = applicant.body();
    body["quote_info"] = machine.quote();
    assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", KEY));
    applicant.told(&mut admin, "Trusted");
}

/// Case, what members wrote, and the answer.
type Vote = (&'static str, fn(&Tables, &mut Tx), &'static str);

fn no_registers(tables: &Tables, tx: &mut Tx, numbers: &[u8]) {
    for number in numbers {
        tables.azure.registers.remove(tx, &number.to_string());
    }
}

const VOTES: [Vote; 9] = [
    ("nothing of firmware", |it, tx| no_registers(it, tx, &[0, 2, 3, 4, 7]), REGISTERS),
    ("nothing at all", |it, tx| no_registers(it, tx, &(0..24).collect::<Vec<u8>>()), REGISTERS),
    (
        "a register that cannot be read",
        |it, tx| tx.put(it.azure.registers.name(), b"4".as_slice(), b"{}".as_slice()),
        "malformed row in table public:coco.gov.nodes.azure.registers",
    ),
    (
        "a register that is none",
        |it, tx| it.azure.registers.put(tx, &"PCR0".to_owned(), &Registers(vec!["00".repeat(32)])),
        REGISTERS,
    ),
    (
        "no value of a register",
        |it, tx| it.azure.registers.put(tx, &"1".to_owned(), &Registers(Vec::new())),
        REGISTERS,
    ),
    (
        "demands that cannot be read",
        |it, tx| tx.put(it.azure.demands.name(), vec![0; 8], b"{".as_slice()),
        "malformed row in table public:coco.gov.nodes.azure.demands",
    ),
    (
        "listed chips",
        |it, tx| it.platforms.snp_demands.put(tx, &SnpDemands { listed_chip: true, ..SnpDemands::default() }),
        CHIP,
    ),
    ("no processor", |it, tx| it.platforms.snp_tcb_versions.remove(tx, &CPUID.to_owned()), PROCESSOR),
    (
        "newer firmware of the processor",
        |it, tx| {
            let row = coco_tables::platforms::TcbVersion { microcode: Some(220), ..crate::snp::tcb() };
            it.platforms.snp_tcb_versions.put(tx, &CPUID.to_owned(), &row);
        },
        TCB,
    ),
];

#[test]
fn policies_that_keep_a_machine_out() {
    for (case, vote, expected) in VOTES {
        let mut admin = start_on(&machine());
        admin.write(vote);
        refused_on(&mut admin, machine(), expected, case);
    }
    // What is admitted of SEV-SNP does not say what runs on such a machine.
    let mut admin = start_on(&machine());
    admin.write(|it, tx| no_registers(it, tx, &(0..24).collect::<Vec<u8>>()));
    refused_on(&mut admin, machine(), REGISTERS, "the paravisor alone");
}

#[test]
fn what_members_add_is_admitted() {
    let additions: [fn(&mut Azure); 4] = [
        |it| it.tpm.extend(4, b"other"),
        |it| it.runtime = it.runtime.replace(r#""console-enabled":false"#, r#""console-enabled":true"#),
        |it| it.snp.put(at::MEASUREMENT, &[0x3f; 48]),
        |it| it.snp.put(at::HOST_DATA, &[0x41; 32]),
    ];
    for change in additions {
        let mut admin = start_on(&machine());
        admin.write(|tables, tx| {
            let both = [machine(), with(|it| it.tpm.extend(4, b"other"))];
            let values = both.map(|machine| encode_hex(&machine.azure.tpm.pcrs[4]));
            tables.azure.registers.put(tx, &"4".to_owned(), &Registers(values.to_vec()));
            tables.azure.demands.put(tx, &AzureDemands::default());
            tables.platforms.snp_measurements.put(tx, &"3f".repeat(48), &CodeStatus::AllowedToJoin);
            tables.platforms.snp_host_data.put(tx, &Digest([0x41; 32]), &JsonText::default());
        });
        Applicant::on(with(change)).told(&mut admin, "Trusted");
    }
}

#[test]
fn a_first_node_that_is_not_what_it_says_creates_no_service() {
    let snp = |refusal| Refusal::AzureCvm(azure_cvm::Refusal::Snp(refusal));
    let makers = Ground { roots: Roots::MAKERS, ..ground(&machine()) };
    let cases = [
        (makers, snp(sev_snp::Refusal::Root)),
        (ground(&with(|it| it.snp.put(at::VMPL, &[2]))), snp(sev_snp::Refusal::Vmpl(2))),
        (ground(&with(|it| it.bound = false)), snp(sev_snp::Refusal::ReportData)),
    ];
    for (ground, expected) in cases {
        assert_eq!(refused_first(ground), format!("The node's own evidence is refused: {expected}"));
    }
}
