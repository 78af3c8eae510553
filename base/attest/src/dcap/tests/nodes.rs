//! Evidence of nodes on machines with SGX or TDX.

use coco_imitated::intel::{domain_at, enclave_at};
use coco_wire::Digest;

use super::{
    super::{self as dcap, Advisories, Document, INTEL_ROOT, Level, TcbStatus, check_collateral, fmspc},
    machine::{Kind, Machine, NOW, collateral},
};
use crate::{
    Claims, Details, Evidence, Platform, Policy, Refusal, ReportData, Roots, sgx, tdx, tests::der::day,
    verify,
};

const BINDING: ReportData = ReportData(Digest([7; 32]));
const KIND: [u8; 6] = [0x50, 0x80, 0x6f, 0, 0, 0];

/// A machine whose quote is bound to [`BINDING`].
fn bound(kind: Kind) -> Machine {
    let mut machine = Machine::new(kind);
    machine.bind(&BINDING.0);
    machine
}

/// As a node shows it.
fn evidence(machine: &Machine) -> Evidence {
    let shown = machine.sign();
    Evidence {
        platform: if shown.kind.is_tdx() { Platform::Tdx } else { Platform::Sgx },
        quote: shown.quote,
        endorsements: shown.collateral.to_json(),
        uvm_endorsements: None,
    }
}

/// What is required of a node by whom these requirements of its machine are.
fn policy(machine: dcap::Requirements<'_>) -> Policy<'_> {
    let machine = dcap::Requirements { root: Machine::new(Kind::Sgx).sign().root, ..machine };
    Policy {
        sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
        tdx: tdx::Requirements { machine, ..tdx::Requirements::STRICT },
        ..Policy::strict(NOW)
    }
}

fn judge(machine: &Machine, requirements: dcap::Requirements<'_>) -> Result<Claims, Refusal> {
    verify(&evidence(machine), &BINDING, &policy(requirements))
}

const STRICT: dcap::Requirements<'static> = dcap::Requirements::STRICT;

#[test]
fn what_evidence_of_nodes_says() {
    for kind in Kind::ALL {
        let mut machine = bound(kind);
        let (at, host_data) = match kind {
            Kind::Sgx => (enclave_at::CONFIG_ID, vec![0x40; 64]),
            _ => (domain_at::CONFIG_ID, vec![0x40; 48]),
        };
        machine.put(at, &host_data);
        let claims = judge(&machine, STRICT).unwrap();
        assert_eq!(claims.host_data(), host_data);
        let length = if kind.is_tdx() { 48 } else { 32 };
        assert_eq!(claims.measurement.as_str(), "3e".repeat(length));
        assert_eq!(claims.code_digest(), "3e".repeat(length));
        match claims.details {
            Details::Sgx(claims) => assert_eq!((kind, claims.machine.fmspc), (Kind::Sgx, KIND)),
            Details::Tdx(claims) => assert_eq!((kind.is_tdx(), claims.machine.fmspc), (true, KIND)),
            other => panic!("{other:?}"),
        }
        assert_eq!(fmspc(&machine.sign().quote), Ok(KIND));
    }
}

#[test]
fn evidence_of_nodes_that_is_refused() {
    assert_eq!(Roots::MAKERS.intel, INTEL_ROOT);
    for kind in [Kind::Sgx, Kind::Tdx10, Kind::Tdx15] {
        let good = evidence(&bound(kind));
        let with = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = good.clone();
            change(&mut evidence);
            verify(&evidence, &BINDING, &policy(STRICT)).map(drop)
        };
        assert_eq!(with(&|_| {}), Ok(()));
        assert_eq!(verify(&good, &BINDING, &Policy::strict(NOW)), Err(dcap::Refusal::Root.into()));
        assert_eq!(with(&|it| it.uvm_endorsements = Some(vec![])), Err(Refusal::UnexpectedEndorsements));
        for json in [&b""[..], b"{}", b"[]"] {
            let expected = Err(Refusal::Intel(dcap::Refusal::Collateral));
            assert_eq!(with(&|it| it.endorsements = json.to_vec()), expected);
        }
        assert_eq!(with(&|it| it.quote.truncate(100)), Err(Refusal::Intel(dcap::Refusal::Malformed)));
        let (other, found) = if kind.is_tdx() { (Platform::Sgx, 0x81) } else { (Platform::Tdx, 0) };
        assert_eq!(with(&|it| it.platform = other), Err(Refusal::Intel(dcap::Refusal::Tee(found))));

        let other_key = verify(&good, &ReportData(Digest([8; 32])), &policy(STRICT));
        assert_eq!(other_key, Err(Refusal::ReportData));
        // All of the report data counts.
        let mut machine = bound(kind);
        let at = if kind.is_tdx() { domain_at::REPORT_DATA } else { enclave_at::REPORT_DATA };
        machine.put(at + 63, &[1]);
        assert_eq!(judge(&machine, STRICT), Err(Refusal::ReportData));
    }
}

#[test]
fn kinds_of_machines_and_their_parts() {
    for kind in Kind::ALL {
        let machine = bound(kind);
        let only = |kind| dcap::Requirements { kind: Some(kind), ..STRICT };
        judge(&machine, only(KIND)).unwrap();
        let expected = Err(Refusal::Intel(dcap::Refusal::Kind(KIND)));
        assert_eq!(judge(&machine, only([0x50, 0x80, 0x6f, 0, 0, 1])), expected);
    }
    // Everything that can be lived with, and what the parts are worth.
    let lenient = dcap::Requirements { statuses: &TcbStatus::ALL, advisories: Advisories::Any, ..STRICT };
    let mut machine = bound(Kind::Tdx15);
    machine.description.as_mut().unwrap().cpu_svn[0] = 6;
    machine.qe_identity["tcbLevels"][0]["tcbStatus"] = "ConfigurationNeeded".into();
    machine.put(584, &[3]);
    let Details::Tdx(claims) = judge(&machine, lenient).unwrap().details else { panic!("a domain") };
    let tcb = claims.machine.tcb;
    assert_eq!((tcb.status, tcb.date), (TcbStatus::OutOfDate, day(-50)));
    assert_eq!(tcb.advisories, ["INTEL-SA-00001"]);
    assert_eq!(tcb.of_parts, [TcbStatus::OutOfDate, TcbStatus::ConfigurationNeeded]);
    // Nothing is lived with that was revoked.
    machine.put(584, &[1]);
    assert_eq!(judge(&machine, lenient), Err(dcap::Refusal::RevokedTcb.into()));
    machine.put(584, &[0]);
    assert_eq!(judge(&machine, lenient), Err(dcap::Refusal::NoTcbLevel(Level::TdxModule).into()));
}

#[test]
fn collateral_for_other_machines() {
    for kind in Kind::ALL {
        let machine = Machine::new(kind);
        let good = machine.sign();
        let published = |machine: &Machine| collateral(&machine.sign().collateral);
        assert_eq!(check_collateral(&published(&machine), &good.quote), Ok(()));
        let mut other = machine.clone();
        other.tcb_info["fmspc"] = "50806F000001".into();
        assert_eq!(check_collateral(&published(&other), &good.quote), Err(dcap::Refusal::Fmspc));
        let other = Machine::new(if kind.is_tdx() { Kind::Sgx } else { Kind::Tdx15 });
        let of_other = dcap::Refusal::OtherPlatform(Document::TcbInfo);
        assert_eq!(check_collateral(&published(&other), &good.quote), Err(of_other));
        let mut none = machine.clone();
        none.tcb_info = "text".into();
        let malformed = dcap::Refusal::Document(Document::TcbInfo);
        assert_eq!(check_collateral(&published(&none), &good.quote), Err(malformed));
        assert_eq!(check_collateral(&published(&machine), b""), Err(dcap::Refusal::Malformed));
    }
}

#[test]
fn names_of_statuses() {
    for status in TcbStatus::ALL {
        assert_eq!(status.name().parse(), Ok(status));
    }
    for name in ["", "Revoked", "uptodate", "OutOfDate "] {
        assert!(name.parse::<TcbStatus>().is_err(), "{name}");
    }
}

#[test]
fn quotes_of_which_no_kind_can_be_read() {
    assert_eq!(fmspc(b""), Err(dcap::Refusal::Malformed));
    let mut machine = Machine::new(Kind::Sgx);
    machine.description = None;
    assert_eq!(fmspc(&machine.sign().quote), Err(dcap::Refusal::MachineExtension));
}
