//! Forms of quotes, enclaves and domains.

use super::{
    super::{
        super::{Forbidden, Refusal},
        machine::{Evidence, Kind, Machine, NOW, Verify as _},
    },
    ALL, SGX, STRICT, TDX, refused,
};
use crate::{sgx, tdx};

#[test]
fn forms_of_quotes() {
    refused(&Refusal::Version(4), SGX, |machine| machine.header[0] = 4);
    refused(&Refusal::Version(3), TDX, |machine| machine.header[0] = 3);
    refused(&Refusal::Version(6), ALL, |machine| machine.header[0] = 6);
    refused(&Refusal::Tee(0x81), SGX, |machine| machine.header[4] = 0x81);
    refused(&Refusal::Tee(0), TDX, |machine| machine.header[4] = 0);
    refused(&Refusal::Tee(0x100), SGX, |machine| machine.header[5] = 1);
    refused(&Refusal::KeyType, ALL, |machine| machine.header[2] = 3);
    refused(&Refusal::Vendor, ALL, |machine| machine.header[12] ^= 1);
    for kind in [0, 1, 5] {
        refused(&Refusal::Body(kind), &[Kind::Tdx10In5, Kind::Tdx15], |machine| {
            machine.header[48..50].copy_from_slice(&kind.to_le_bytes());
        });
    }
    refused(&Refusal::Malformed, &[Kind::Tdx15], |machine| machine.header[48] = 2);
    refused(&Refusal::Malformed, &[Kind::Tdx15Ex], |machine| machine.header[53] = 1);
    for kind in [1, 4, 6, 7] {
        refused(&Refusal::CertificationData(kind), ALL, |machine| machine.certification[1] = kind);
    }
    refused(&Refusal::CertificationData(5), TDX, |machine| machine.certification[0] = 5);
    for offset in [20, 31, 96, 127, 160, 191, 262, 303] {
        refused(&Refusal::Reserved { offset }, SGX, |machine| machine.put(offset, &[0x80]));
    }
    for (at, bit) in [(48, 3), (49, 0), (49, 1), (49, 3), (55, 7)] {
        refused(&Refusal::Reserved { offset: 48 }, SGX, |machine| machine.body[at] |= 1 << bit);
    }
    for kind in Kind::ALL {
        let evidence = Machine::new(kind).sign();
        let with = |quote| Evidence { quote, ..evidence.clone() }.verify(&STRICT, NOW);
        let mut longer = evidence.quote.clone();
        longer.push(1);
        assert_eq!(with(longer), Err(Refusal::TrailingBytes));
        let mut too_long = evidence.quote.clone();
        too_long.resize(40_000, 0);
        assert_eq!(with(too_long), Err(Refusal::TooLarge));
        assert_eq!(with(Vec::new()), Err(Refusal::Malformed));
    }
    // Something behind the certificates, within the lengths around them.
    let mut machine = Machine::new(Kind::Sgx);
    machine.authentication = vec![0; 31];
    assert_eq!(machine.sign().verify(&STRICT, NOW), Err(Refusal::AttestationKey));
    let mut quote = Machine::new(Kind::Tdx10).sign().quote;
    quote.extend([0; 2]);
    for at in [632, 632 + 4 + 128 + 2] {
        let length = u32::from_le_bytes(quote[at..at + 4].try_into().unwrap()) + 2;
        quote[at..at + 4].copy_from_slice(&length.to_le_bytes());
        let evidence = Evidence { quote: quote.clone(), ..Machine::new(Kind::Tdx10).sign() };
        assert_eq!(evidence.verify(&STRICT, NOW), Err(Refusal::Malformed));
    }
}

#[test]
fn enclaves() {
    let forbidden = [
        (0b111, Forbidden::Debug),
        (0b100, Forbidden::Uninitialised),
        (0b001, Forbidden::NotMode64),
        (0b1_0101, Forbidden::ProvisioningKey),
        (0b10_0101, Forbidden::LaunchKey),
    ];
    for (bits, reason) in forbidden {
        refused(&Refusal::Forbidden(reason), SGX, |machine| machine.put(48, &[bits]));
    }
    let mut expected = [0xda; 64];
    expected[63] = 0;
    let requirements = sgx::Requirements { report_data: Some(expected), ..sgx::Requirements::STRICT };
    let found = Machine::new(Kind::Sgx).sign().verify_sgx(&requirements, NOW);
    assert_eq!(found, Err(Refusal::ReportData));
}

#[test]
fn domains() {
    let bit = |machine: &mut Machine, bit: usize| machine.body[120 + bit / 8] ^= 1 << (bit % 8);
    let forbidden = [
        (0, Forbidden::Debug),
        (4, Forbidden::Profiling),
        (5, Forbidden::Profiling),
        (6, Forbidden::Profiling),
        (1, Forbidden::Attributes),
        (7, Forbidden::Attributes),
        (32, Forbidden::Attributes),
        (61, Forbidden::Attributes),
        (17, Forbidden::ServiceDomain),
        (28, Forbidden::EptViolations),
        (29, Forbidden::Migration),
    ];
    for (at, reason) in forbidden {
        refused(&Refusal::Forbidden(reason), TDX, |machine| bit(machine, at));
    }
    let service = Refusal::Forbidden(Forbidden::ServiceDomain);
    refused(&service, &[Kind::Tdx15, Kind::Tdx15Ex], |machine| machine.put(600, &[1]));
    // Digests and attributes at the launch and now, behind what names the virtual machine and its devices.
    for at in [729, 776, 777, 784, 829, 876, 877, 884] {
        refused(&service, &[Kind::Tdx15Ex], |machine| machine.put(at, &[1]));
    }
    let demands = [
        (30, tdx::Demand::NoProtectionKeys),
        (31, tdx::Demand::NoKeyLocker),
        (62, tdx::Demand::NoProvisioningAgent),
        (63, tdx::Demand::NoCounters),
    ];
    for kind in TDX {
        for (at, demand) in demands {
            let mut machine = Machine::new(*kind);
            bit(&mut machine, at);
            let evidence = machine.sign();
            evidence.verify(&STRICT, NOW).unwrap();
            let demanding = tdx::Requirements { demands: &[demand], ..tdx::Requirements::STRICT };
            assert_eq!(evidence.verify_tdx(&demanding, NOW), Err(Refusal::Domain(demand)));
        }
        let evidence = Machine::new(*kind).sign();
        let features = tdx::Demand::Features(0x67);
        let demanding = tdx::Requirements { demands: &[features], ..tdx::Requirements::STRICT };
        assert_eq!(evidence.verify_tdx(&demanding, NOW), Err(Refusal::Domain(features)));
        let mut expected = [0xda; 64];
        expected[63] = 0;
        let bound = tdx::Requirements { report_data: Some(expected), ..tdx::Requirements::STRICT };
        assert_eq!(evidence.verify_tdx(&bound, NOW), Err(Refusal::ReportData));
    }
}
