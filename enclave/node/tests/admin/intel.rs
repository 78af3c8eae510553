//! Services on machines with SGX or TDX, and whom they let in.

#[path = "intel/first.rs"]
mod first;
#[path = "intel/genuine.rs"]
mod genuine;
#[path = "intel/leases.rs"]
mod leases;
#[path = "intel/policy.rs"]
mod policy;
#[path = "intel/refusals.rs"]
mod refusals;

use coco_attest::Roots;
use coco_boundary::{Evidence, EvidenceFormat};
use coco_crypto::x509::UnixTime;
use coco_imitated::{
    der::day,
    intel::{Kind, Machine, domain_at, enclave_at},
};
use coco_tables::intel::IntelTcb;
use coco_wire::Digest;

use crate::{harness::Admin, node::Ground, snp::start};

const UNVERIFIED: &str = "Quote could not be verified";
const KEY: &str = "Quote report data does not contain node's public key hash";
const MEASUREMENT: &str = "Quote does not contain known enclave measurement";
const HOST_DATA: &str = "Quote host data is not authorised";
const MACHINE: &str = "Quote is of a kind of machine that is not authorised";
const STATUS: &str = "Quote TCB status is not authorised";
const EVALUATION: &str = "Quote TCB version is below the minimum";
const AGE: &str = "Quote collateral is too old";
const ATTRIBUTES: &str = "Quote attributes are not authorised";
const REGISTERS: &str = "Quote registers are not authorised";

/// The kind of all machines here.
const FMSPC: &str = "50806f000000";
/// What a register of [`tdx`] is.
const REGISTER: u8 = 0x44;

/// Less than a day before nodes of these tests run.
const RECENT: UnixTime = day(925);

/// A machine whose certificates and documents are valid while the nodes of these tests run.
fn machine(kind: Kind) -> Machine {
    let mut machine = Machine::new(kind).lasting(day(2000));
    if kind.is_tdx() {
        machine.put(domain_at::CONFIG_ID, &[0x40; 48]);
        machine.put(domain_at::REGISTERS[0], &[REGISTER; 48]);
    } else {
        machine.put(enclave_at::CONFIG_ID, &[0x40; 64]);
        machine.put(enclave_at::PRODUCT, &[1, 0, 7, 0]);
    }
    machine
}

/// The common case of TDX.
pub(crate) fn tdx() -> Machine {
    machine(Kind::Tdx10)
}

/// The common case of SGX.
pub(crate) fn sgx() -> Machine {
    machine(Kind::Sgx)
}

/// What a node on this machine runs on.
pub(crate) fn ground(machine: &Machine) -> Ground {
    let roots = Roots { intel: machine.sign().root, ..Roots::MAKERS };
    let machine = machine.clone();
    let platform = move |report_data: &Digest| {
        let mut machine = machine.clone();
        machine.bind(report_data);
        evidence(&machine)
    };
    Ground { platform: Box::new(platform), roots, ..Ground::default() }
}

fn evidence(machine: &Machine) -> Evidence {
    let shown = machine.sign();
    Evidence {
        format: if shown.kind.is_tdx() { EvidenceFormat::Tdx } else { EvidenceFormat::Sgx },
        quote: shown.quote,
        endorsements: shown.collateral.to_json(),
        uvm_endorsements: None,
    }
}

/// A service whose first node runs on this machine.
fn start_on(machine: &Machine) -> Admin {
    start(ground(machine))
}

/// What the service of [`machine`] begins with.
fn tcb() -> IntelTcb {
    IntelTcb { minimum_evaluation: 17, ..IntelTcb::default() }
}

/// A machine that is out of date, and whose quoting enclave is not set up well.
fn outdated(kind: Kind) -> Machine {
    let mut machine = machine(kind);
    machine.description.as_mut().expect("a description").cpu_svn[0] = 6;
    machine.qe_identity["tcbLevels"][0]["tcbStatus"] = "ConfigurationNeeded".into();
    machine
}
