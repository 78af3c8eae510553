//! Services on machines with SEV-SNP, and whom they let in.

#[path = "snp/first.rs"]
mod first;
#[path = "snp/genuine.rs"]
mod genuine;
#[path = "snp/policy.rs"]
mod policy;
#[path = "snp/refusals.rs"]
mod refusals;

use std::collections::BTreeMap;

use coco_attest::{Roots, sev_snp};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_imitated::{
    der::day,
    snp::{Line, Machine, at, chip_extension},
    uvm::Message,
};
use coco_tables::platforms::{TcbVersion, UvmEndorsement, UvmEndorsements};
use coco_wire::{Digest, Seqno};

pub(crate) use self::{first::refused as refused_first, refusals::refused_on};
use crate::{
    adapter::Toy,
    harness::Admin,
    node::{Ground, Node},
};

/// What answers to nodes say, as CCF words it; from the processor on they are ours.
pub(crate) const UNVERIFIED: &str = "Quote could not be verified";
pub(crate) const KEY: &str = "Quote report data does not contain node's public key hash";
pub(crate) const MEASUREMENT: &str = "Quote does not contain known enclave measurement";
pub(crate) const HOST_DATA: &str = "Quote host data is not authorised";
const UVM: &str = "UVM endorsements are not authorised";
pub(crate) const PROCESSOR: &str = "Quote is of a processor without a minimum TCB version";
pub(crate) const TCB: &str = "Quote TCB version is below the minimum";
const PROVIDER: &str = "Quote is signed for a provider that is not authorised";
pub(crate) const DEMANDS: &str = "Quote does not meet what is demanded of guests and platforms";
pub(crate) const CHIP: &str = "Quote is of a chip that is not authorised";

/// EAX of CPUID function 1 of [`milan`].
pub(crate) const CPUID: &str = "00a00f11";

/// A machine whose certificates are valid while the nodes of these tests run.
fn machine(line: Line, version: u32) -> Machine {
    lasting(Machine::new(line, version))
}

pub(crate) fn lasting(mut machine: Machine) -> Machine {
    for certificate in [&mut machine.end, &mut machine.intermediate, &mut machine.root] {
        certificate.end = day(2000);
    }
    machine
}

/// The common case.
pub(crate) fn milan() -> Machine {
    machine(Line::Milan, 3)
}

/// A machine whose utility VM is endorsed, and by whom.
pub(crate) fn endorsed() -> (Machine, String) {
    let (message, did) = Message::new().sign();
    (Machine { uvm: Some(message), ..milan() }, did)
}

/// The same kind of machine as this one.
fn another(machine: &Machine) -> Machine {
    let mut machine = machine.clone();
    let chip = &[0xc2; 64][..if machine.line == Line::Turin { 8 } else { 64 }];
    machine.put(at::CHIP_ID, chip);
    machine.end.extensions[1] = chip_extension(chip);
    machine
}

/// What a node on this machine runs on.
pub(crate) fn ground(machine: &Machine) -> Ground {
    let [milan, genoa, turin] = machine.sign().roots;
    let machine = machine.clone();
    let platform = move |report_data: &Digest| {
        let mut machine = machine.clone();
        machine.bind(report_data);
        evidence(&machine)
    };
    let roots = Roots { sev_snp: sev_snp::Roots { milan, genoa, turin }, ..Roots::MAKERS };
    Ground { platform: Box::new(platform), roots, ..Ground::default() }
}

fn evidence(machine: &Machine) -> Evidence {
    let shown = machine.sign();
    Evidence {
        format: EvidenceFormat::SevSnp,
        quote: shown.report,
        endorsements: shown.certificates,
        uvm_endorsements: shown.uvm,
    }
}

/// A service whose first node runs on this machine.
fn start_on(machine: &Machine) -> Admin {
    start(ground(machine))
}

pub(crate) fn start(ground: Ground) -> Admin {
    let node = Node::start_on(Toy::new(None, None), ground);
    assert_eq!(node.committed, Seqno(2), "the service is created");
    let mut admin = Admin::of(node);
    admin.node.tick(1000);
    admin
}

/// The least version that the service of [`milan`] begins with.
pub(crate) fn tcb() -> TcbVersion {
    TcbVersion {
        hexstring: Some("db18000000000104".to_owned()),
        microcode: Some(219),
        snp: Some(24),
        tee: Some(1),
        boot_loader: Some(4),
        fmc: None,
    }
}

fn trusting(feed: &str, svn: &str) -> UvmEndorsements {
    UvmEndorsements(BTreeMap::from([(feed.to_owned(), UvmEndorsement { svn: svn.to_owned() })]))
}
