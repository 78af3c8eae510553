//! What is believed, and one case for each reason not to.

mod bodies;
mod certificates;
mod collateral;

use coco_crypto::x509::UnixTime;
use coco_imitated::intel::documents::Description;
use serde_json::{Value, json};

use super::{
    super::{Advisories, Demand, Document, Level, QeField, Refusal, Requirements, TcbStatus, TdxModuleField},
    machine::{Claims, Kind, Machine, NOW, Verify as _, keys},
};
use crate::{sgx, tdx, tests::der::day};

pub(super) const STRICT: Requirements<'static> = Requirements::STRICT;
const BOTH: [Document; 2] = [Document::TcbInfo, Document::QeIdentity];

/// Asserts that machines of these kinds are refused once changed.
#[track_caller]
fn refused(expected: &Refusal, kinds: &[Kind], change: impl Fn(&mut Machine)) {
    refused_by(&STRICT, NOW, expected, kinds, change);
}

#[track_caller]
fn refused_by(
    requirements: &Requirements<'_>,
    now: UnixTime,
    expected: &Refusal,
    kinds: &[Kind],
    change: impl Fn(&mut Machine),
) {
    for kind in kinds {
        let mut machine = Machine::new(*kind);
        change(&mut machine);
        assert_eq!(machine.sign().verify(requirements, now).as_ref(), Err(expected));
    }
}

const SGX: &[Kind] = &[Kind::Sgx];
const TDX: &[Kind] = &[Kind::Tdx10, Kind::Tdx10In5, Kind::Tdx15, Kind::Tdx15Ex];
const ALL: &[Kind] = &Kind::ALL;

fn document(machine: &mut Machine, document: Document) -> &mut Value {
    match document {
        Document::TcbInfo => &mut machine.tcb_info,
        Document::QeIdentity => &mut machine.qe_identity,
    }
}

fn describe(machine: &mut Machine) -> &mut Description {
    machine.description.as_mut().unwrap()
}

#[test]
fn machines_that_are_believed() {
    for kind in Kind::ALL {
        let machine = match Machine::new(kind).sign().verify(&STRICT, NOW).unwrap() {
            Claims::Sgx(claims) => {
                assert_eq!((claims.enclave.measurement, claims.enclave.signer), ([0x3e; 32], [0x51; 32]));
                assert_eq!(claims.enclave.report_data, [0xda; 64]);
                claims.machine
            }
            Claims::Tdx(claims) => {
                assert_eq!((claims.domain.measurement, claims.domain.module), ([0x3e; 48], [0x5e; 48]));
                assert_eq!(claims.domain.report_data, [0xda; 64]);
                assert_eq!(claims.domain.current.is_some(), matches!(kind, Kind::Tdx15 | Kind::Tdx15Ex));
                claims.machine
            }
        };
        assert_eq!((machine.fmspc, machine.pce_svn), ([0x50, 0x80, 0x6f, 0, 0, 0], 11));
        assert_eq!((machine.provisioning_id, machine.instance_id), (vec![0x99; 16], Some([0x66; 16])));
        assert_eq!(machine.cpu_svn, Description::new().cpu_svn);
        assert_eq!(
            (machine.dynamic, machine.cached_keys, machine.smt),
            (Some(false), Some(false), Some(false))
        );
        assert_eq!(machine.tcb.status, TcbStatus::UpToDate);
        assert_eq!((machine.tcb.advisories.len(), machine.tcb.evaluation), (0, 17));
        assert_eq!(machine.tcb.date, day(-30));
        let validity = (machine.validity.not_before(), machine.validity.not_after());
        assert_eq!(validity, (day(42), UnixTime(day(58).0 - 1)));
    }
}

#[test]
fn what_may_be_allowed() {
    let minimum = Requirements {
        statuses: &[TcbStatus::OutOfDate],
        advisories: Advisories::Only(&["INTEL-SA-00009", "INTEL-SA-00001"]),
        minimum_evaluation: 17,
        max_age_s: Some(10 * 86_400),
        demands: &[Demand::NoSmt, Demand::NotDynamic, Demand::NoCachedKeys],
        ..STRICT
    };
    for kind in Kind::ALL {
        let mut machine = Machine::new(kind);
        describe(&mut machine).cpu_svn[1] = 6;
        machine.qe_report[258] = 6;
        machine.root_list.dates = [day(1), day(58)];
        // A version that must not be out of date, as the quoting enclave's is, is not asked for twice.
        machine.sign().verify(&minimum, NOW).unwrap();
        // As some keep quotes, and some write certificates.
        let mut evidence = machine.sign();
        let claims = evidence.verify(&minimum, NOW).unwrap();
        evidence.quote.resize(8_000, 0);
        evidence.collateral.tcb_info.issuers.push('\0');
        evidence.collateral.qe_identity.issuers.pop();
        assert_eq!(evidence.verify(&minimum, NOW), Ok(claims));
    }
    // Single processors do not say what does not concern them.
    let mut machine = Machine::new(Kind::Sgx);
    describe(&mut machine).flags = None;
    machine.sign().verify(&STRICT, NOW).unwrap();

    let mut machine = Machine::new(Kind::Sgx);
    machine.put(48, &[0b11_0101]);
    let requirements = sgx::Requirements {
        report_data: Some([0xda; 64]),
        keys: &[sgx::Key::Provisioning, sgx::Key::Launch],
        ..sgx::Requirements::STRICT
    };
    machine.sign().verify_sgx(&requirements, NOW).unwrap();

    let demands = [
        tdx::Demand::NoProtectionKeys,
        tdx::Demand::NoKeyLocker,
        tdx::Demand::NoCounters,
        tdx::Demand::NoProvisioningAgent,
        tdx::Demand::Features(0xe7),
    ];
    let requirements =
        tdx::Requirements { report_data: Some([0xda; 64]), demands: &demands, ..tdx::Requirements::STRICT };
    for kind in TDX {
        Machine::new(*kind).sign().verify_tdx(&requirements, NOW).unwrap();
    }
}

#[test]
fn quoting_enclaves() {
    let keys = keys();
    refused(&Refusal::QeSignature, ALL, |machine| machine.qe_key = &keys.other);
    refused(&Refusal::AttestationKey, ALL, |machine| machine.vouched = &keys.other);
    refused(&Refusal::AttestationKey, ALL, |machine| machine.quote_key = &keys.other);
    let fields = [
        (QeField::Signer, 159, 1),
        (QeField::Product, 256, 3),
        (QeField::MiscSelect, 16, 1),
        (QeField::Attributes, 48, 2),
        (QeField::Attributes, 51, 1),
        (QeField::ReportData, 352, 1),
        (QeField::ReportData, 383, 0x80),
    ];
    for (field, at, bits) in fields {
        refused(&Refusal::QuotingEnclave(field), ALL, |machine| machine.qe_report[at] ^= bits);
    }
    for kind in Kind::ALL {
        let mut evidence = Machine::new(kind).sign();
        evidence.quote[100] ^= 1;
        assert_eq!(evidence.verify(&STRICT, NOW), Err(Refusal::QuoteSignature));
    }
}

#[test]
fn levels() {
    refused(&Refusal::NoTcbLevel(Level::Machine), ALL, |machine| describe(machine).cpu_svn[1] = 2);
    refused(&Refusal::NoTcbLevel(Level::Machine), ALL, |machine| describe(machine).pce_svn = 4);
    refused(&Refusal::NoTcbLevel(Level::Machine), TDX, |machine| machine.put(2, &[1]));
    refused(&Refusal::NoTcbLevel(Level::QuotingEnclave), ALL, |machine| machine.qe_report[258] = 3);
    let module = Refusal::NoTcbLevel(Level::TdxModule);
    refused(&module, TDX, |machine| machine.put(0, &[0]));
    refused(&module, TDX, |machine| machine.put(1, &[2]));
    let newer = [Kind::Tdx15, Kind::Tdx15Ex];
    refused(&module, &newer, |machine| machine.put(584, &[0]));
    refused(&Refusal::TdxModule(TdxModuleField::Signer), TDX, |machine| machine.put(64, &[1]));
    refused(&Refusal::TdxModule(TdxModuleField::Attributes), TDX, |machine| machine.put(112, &[1]));
    let of_tdx = |machine: &mut Machine| {
        machine.tcb_info["tdxModuleIdentities"][0]["attributesMask"] = json!("0000000000000000");
        machine.put(119, &[1]);
    };
    refused(&Refusal::TdxModule(TdxModuleField::Attributes), TDX, of_tdx);

    refused(&Refusal::RevokedTcb, ALL, |machine| describe(machine).cpu_svn[0] = 4);
    refused(&Refusal::RevokedTcb, ALL, |machine| machine.qe_report[258] = 5);
    refused(&Refusal::RevokedTcb, TDX, |machine| machine.put(0, &[1]));
    refused(&Refusal::RevokedTcb, &newer, |machine| machine.put(584, &[1]));

    let out_of_date = Refusal::Status(TcbStatus::OutOfDate);
    refused(&out_of_date, ALL, |machine| describe(machine).cpu_svn[0] = 6);
    refused(&out_of_date, ALL, |machine| describe(machine).pce_svn = 10);
    refused(&out_of_date, ALL, |machine| machine.qe_report[258] = 7);
    refused(&out_of_date, &[Kind::Tdx10, Kind::Tdx10In5], |machine| machine.put(0, &[3]));
    refused(&Refusal::Status(TcbStatus::TdRelaunchAdvised), &newer, |machine| machine.put(0, &[3]));
    // What runs now, or made the quote, may be worth less than what dcap-qvl says of the whole.
    refused(&out_of_date, &newer, |machine| machine.put(584, &[3]));
    refused(&Refusal::Status(TcbStatus::ConfigurationNeeded), ALL, |machine| {
        machine.qe_identity["tcbLevels"][0]["tcbStatus"] = json!("ConfigurationNeeded");
    });

    let old = Requirements { statuses: &[TcbStatus::UpToDate, TcbStatus::OutOfDate], ..STRICT };
    let advisory = |number: &str| Refusal::Advisory(format!("INTEL-SA-{number}"));
    refused_by(&old, NOW, &advisory("00001"), ALL, |machine| describe(machine).cpu_svn[0] = 5);
    refused_by(&old, NOW, &advisory("00003"), &newer, |machine| {
        machine.tcb_info["tdxModuleIdentities"][0]["tcbLevels"][1]["advisoryIDs"] = json!(["INTEL-SA-00003"]);
        machine.put(584, &[3]);
    });
    refused_by(&STRICT, NOW, &advisory("00004"), ALL, |machine| {
        machine.qe_identity["tcbLevels"][0]["advisoryIDs"] = json!(["INTEL-SA-00004"]);
    });
    let later = Requirements { minimum_evaluation: 18, ..STRICT };
    refused_by(&later, NOW, &Refusal::Evaluation(17), ALL, |_| {});
    refused_by(&later, NOW, &Refusal::Evaluation(16), ALL, |machine| {
        machine.tcb_info["tcbEvaluationDataNumber"] = json!(18);
        machine.qe_identity["tcbEvaluationDataNumber"] = json!(16);
    });
    for (at, demand) in [Demand::NotDynamic, Demand::NoCachedKeys, Demand::NoSmt].into_iter().enumerate() {
        let demanding = Requirements { demands: &[demand], ..STRICT };
        refused_by(&demanding, NOW, &Refusal::Demand(demand), ALL, |machine| {
            describe(machine).flags.as_mut().unwrap()[at] = true;
        });
        refused_by(&demanding, NOW, &Refusal::Demand(demand), ALL, |machine| describe(machine).flags = None);
    }
}
