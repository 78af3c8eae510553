//! What is believed, and one case for each reason not to.

use coco_crypto::x509::{InvalidCertificate, InvalidRevocationList, UnixTime};

use super::{
    super::{
        Demand, Extension, Link, Processor, Product, Providers, Refusal, Requirements, Revocation, Signer,
        Tcb, TcbVersion, UnknownProduct, Vmpl, report::Mitigations,
    },
    der::{CERTIFICATES, REVOCATION_LISTS, authority, critical_extension, day, revocation_list},
    machine::{
        Evidence, INTERMEDIATE, Machine, NOW, ROOT, Verify, chip_extension, keys, tcb_extension,
        text_extension, to_pem,
    },
};

const STRICT: Requirements<'static> = Requirements::STRICT;
const MILAN: Processor = Processor { family: 0x19, model: 1, stepping: 1 };
const TCB: TcbVersion = TcbVersion { microcode: 219, snp: 24, tee: 1, boot_loader: 4, fmc: None };

#[test]
fn machines_that_are_believed() {
    let cases = [
        (Product::Milan, 2),
        (Product::Milan, 3),
        (Product::Genoa, 3),
        (Product::Genoa, 5),
        (Product::Turin, 3),
        (Product::Turin, 5),
    ];
    for (product, version) in cases {
        let machine = Machine::new(product, version);
        let requirements = Requirements { oldest_version: 2, report_data: Some([0xda; 64]), ..STRICT };
        let claims = machine.sign().verify(&requirements, NOW).unwrap();
        assert_eq!(claims.product, product);
        assert_eq!(claims.report.measurement, [0x3e; 48]);
        assert_eq!(claims.report.host_data, [0x40; 32]);
        assert_eq!(claims.signer, Signer::Chip(claims.report.chip_id));
        assert_eq!((claims.tcb.microcode, claims.tcb.tee, claims.tcb.boot_loader), (219, 1, 4));
        assert_eq!(claims.tcb.fmc, (product == Product::Turin).then_some(2));
        assert_eq!((claims.validity.not_before(), claims.validity.not_after()), (day(0), day(100)));
        assert_eq!(claims.report.processor.is_some(), version >= 3);
        let mitigations = (version >= 5).then_some(Mitigations { launch: 3, current: 7 });
        assert_eq!(claims.report.mitigations, mitigations);
    }
}

#[test]
fn what_may_be_allowed() {
    let provider = Machine::of_provider("CN=cloud").sign();
    for providers in [Providers::Only(&["CN=other", "CN=cloud"]), Providers::Anyone] {
        let claims = provider.verify(&Requirements { providers, ..STRICT }, NOW).unwrap();
        assert_eq!(claims.signer, Signer::Provider("CN=cloud".to_owned()));
    }

    let mut machine = Machine::milan();
    machine.put(0x30, &[3]);
    machine.sign().verify(&Requirements { vmpl: Vmpl::Guest, ..STRICT }, NOW).unwrap();

    let minimum = [(Processor { stepping: 2, ..MILAN }, TCB), (MILAN, TCB)];
    let lists =
        [&keys().root, &keys().root].map(|key| revocation_list(ROOT, key, [day(40), day(60)], &[&[1, 1, 1]]));
    let mut machine = Machine::milan();
    machine.lists = lists.to_vec();
    let demanding = Requirements {
        expected_tcb: Some(0xdb18_0000_0000_0104),
        minimum_tcb: Some(&minimum),
        revocation: Revocation::Required,
        demands: &[Demand::AliasCheck],
        ..STRICT
    };
    let claims = machine.sign().verify(&demanding, NOW).unwrap();
    assert_eq!((claims.validity.not_before(), claims.validity.not_after()), (day(40), day(60)));

    let mut machine = Machine::new(Product::Genoa, 5);
    machine.put(0x08, &0x112_0000_u64.to_le_bytes());
    let demands = [Demand::NoSmt, Demand::SingleSocket, Demand::HiddenCiphertext, Demand::Mitigations(3)];
    machine.sign().verify(&Requirements { demands: &demands, ..STRICT }, NOW).unwrap();
    // The host may report an older trusted computing base than it has.
    let mut machine = Machine::milan();
    machine.put(0x38, &[4, 1, 0, 0, 0, 0, 25, 220]);
    machine.put(0x1e0, &[4, 1, 0, 0, 0, 0, 25, 219]);
    machine.sign().verify(&STRICT, NOW).unwrap();
}

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Machine)) {
    refused_by(&STRICT, NOW, expected, change);
}

#[track_caller]
fn refused_by(
    requirements: &Requirements<'_>,
    now: UnixTime,
    expected: Refusal,
    change: impl FnOnce(&mut Machine),
) {
    let mut machine = Machine::milan();
    change(&mut machine);
    assert_eq!(machine.sign().verify(requirements, now), Err(expected));
}

#[test]
fn forms_of_reports() {
    for version in [0, 1, 4, 6, u32::MAX] {
        refused(Refusal::Version(version), |machine| machine.put(0, &version.to_le_bytes()));
    }
    assert_eq!(Machine::new(Product::Milan, 2).sign().verify(&STRICT, NOW), Err(Refusal::Version(2)));
    for offset in [0x4c, 0x4f, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x1f8, 0x29f] {
        refused(Refusal::Reserved { offset }, |machine| machine.put(offset, &[1]));
    }
    for (offset, at, bit) in [(8, 0x0b, 2), (8, 0x0f, 7), (0x48, 0x48, 5), (0x48, 0x4b, 7)] {
        refused(Refusal::Reserved { offset }, |machine| machine.report[at] |= 1 << bit);
    }
    refused(Refusal::SignatureAlgorithm(2), |machine| machine.put(0x34, &[2]));
    for length in [0, 1183, 1185, 4000] {
        let mut evidence = Machine::milan().sign();
        evidence.report.resize(length, 0);
        assert_eq!(evidence.verify(&STRICT, NOW), Err(Refusal::Size(length)));
    }
}

#[test]
fn chains() {
    let keys = keys();
    let good = Machine::milan();
    let [end, intermediate, root] = [&good.end, &good.intermediate, &good.root].map(super::der::Fields::sign);
    let with = |certificates: &[&[u8]]| {
        let certificates: Vec<Vec<u8>> = certificates.iter().map(|der| der.to_vec()).collect();
        Evidence { certificates: to_pem(&certificates), ..good.sign() }.verify(&STRICT, NOW).unwrap_err()
    };
    assert_eq!(with(&[]), Refusal::Certificates(0));
    assert_eq!(with(&[&end, &intermediate]), Refusal::Certificates(2));
    assert_eq!(with(&[&end, &intermediate, &root, &root]), Refusal::Certificates(4));
    assert_eq!(with(&[&end, &[], &root]), InvalidCertificate::Malformed.into());
    assert_eq!(with(&[&vec![0; 70_000], &intermediate, &root]), Refusal::EndorsementsTooLarge);
    assert_eq!(with(&[&root, &intermediate, &end]), Refusal::Root);
    assert_eq!(with(&[&end, &root, &root]), Refusal::ChainSignature(Link::End));
    assert_eq!(with(&[&end, &end, &root]), Refusal::ChainSignature(Link::End));

    let foreign = Evidence { roots: [keys.chip.public_key().id(); 3], ..good.sign() };
    assert_eq!(foreign.verify(&STRICT, NOW), Err(Refusal::Root));
    refused(Refusal::ChainSignature(Link::End), |machine| machine.end.signed_by = &keys.root);
    refused(Refusal::ChainSignature(Link::End), |machine| machine.end.issuer = "another");
    refused(Refusal::ChainSignature(Link::Intermediate), |machine| {
        machine.intermediate.signed_by = &keys.intermediate;
    });
    refused(Refusal::ChainSignature(Link::Root), |machine| machine.root.signed_by = &keys.intermediate);

    refused(Refusal::Constraints(Link::End), |machine| {
        machine.end.extensions.extend(authority(None, CERTIFICATES));
    });
    refused(Refusal::Constraints(Link::End), |machine| {
        machine.end.extensions.push(critical_extension("1.2.3.4", &[5, 0]));
    });
    let of_intermediate: [Vec<Vec<u8>>; 2] = [Vec::new(), authority(Some(0), REVOCATION_LISTS)];
    for extensions in of_intermediate {
        refused(Refusal::Constraints(Link::Intermediate), |machine| {
            machine.intermediate.extensions = extensions;
        });
    }
    for extensions in [authority(Some(0), CERTIFICATES), authority(None, REVOCATION_LISTS), Vec::new()] {
        refused(Refusal::Constraints(Link::Root), |machine| machine.root.extensions = extensions);
    }
}

#[test]
fn dates() {
    for (link, at) in [(Link::End, 0), (Link::Intermediate, 1), (Link::Root, 2)] {
        let shift = |machine: &mut Machine, begin: i64, end: i64| {
            let fields = [&mut machine.end, &mut machine.intermediate, &mut machine.root];
            let [fields] = fields.into_iter().skip(at).take(1).collect::<Vec<_>>().try_into().ok().unwrap();
            (fields.begin, fields.end) = (day(begin), day(end));
        };
        refused(Refusal::NotYetValid(link), |machine| shift(machine, 51, 100));
        refused(Refusal::Expired(link), |machine| shift(machine, 0, 49));
        // Both ends are included.
        for now in [day(20), day(60)] {
            let mut machine = Machine::milan();
            shift(&mut machine, 20, 60);
            let claims = machine.sign().verify(&STRICT, now).unwrap();
            assert_eq!((claims.validity.not_before(), claims.validity.not_after()), (day(20), day(60)));
        }
    }
}

#[test]
fn revocation() {
    let keys = keys();
    let required = Requirements { revocation: Revocation::Required, ..STRICT };
    refused_by(&required, NOW, Refusal::NoRevocationList, |_| {});
    let of_root =
        |dates: [i64; 2], serials: &[&[u8]]| revocation_list(ROOT, &keys.root, dates.map(day), serials);
    let refused_with = |expected: Refusal, lists: Vec<Vec<u8>>| {
        refused(expected, |machine| machine.lists = lists);
    };
    refused_with(Refusal::Revoked(Link::Intermediate), vec![of_root([40, 60], &[&[9], &[1, 0, 1]])]);
    refused_with(Refusal::RevocationListDate, vec![of_root([51, 60], &[])]);
    refused_with(Refusal::RevocationListDate, vec![of_root([40, 49], &[])]);
    refused_with(Refusal::EndorsementsTooLarge, vec![of_root([40, 60], &[]); 5]);
    refused_with(InvalidRevocationList::Malformed.into(), vec![vec![0x30, 0]]);
    let forged = revocation_list(ROOT, &keys.intermediate, [day(40), day(60)], &[]);
    refused_with(Refusal::ForeignRevocationList, vec![of_root([40, 60], &[]), forged]);
    // AMD's intermediate authorities may not sign lists; one that may revokes the end certificate.
    let of_intermediate = revocation_list(INTERMEDIATE, &keys.intermediate, [day(40), day(60)], &[&[0]]);
    refused_with(Refusal::ForeignRevocationList, vec![of_intermediate.clone()]);
    refused(Refusal::Revoked(Link::End), |machine| {
        machine.intermediate.extensions = authority(Some(0), CERTIFICATES | REVOCATION_LISTS);
        machine.lists.push(of_intermediate);
    });
}

#[test]
fn identities() {
    let keys = keys();
    refused(Refusal::ReportSignature, |machine| machine.report_key = &keys.other);
    refused(Refusal::ReportSignature, |machine| machine.end.key = &keys.other);
    refused(Refusal::ReportSignature, |machine| machine.end.key = &keys.root);
    refused(Refusal::Processor, |machine| machine.put(0x189, &[0x11]));
    let unknown = UnknownProduct { family: 0x17, model: 1 };
    refused(unknown.into(), |machine| machine.put(0x188, &[0x17]));
    refused(Refusal::Extension(Extension::ProductName), |machine| drop(machine.end.extensions.remove(0)));
    for name in ["Genoa", "Milan B0", "milan", ""] {
        refused(Refusal::ProductName, |machine| machine.end.extensions[0] = text_extension(2, name));
    }
    for flags in [0b100, 0b11100] {
        refused(Refusal::SigningKey(flags >> 2), |machine| machine.put(0x48, &flags.to_le_bytes()));
    }
    refused(Refusal::SigningKey(0), |machine| {
        *machine = Machine { report: Machine::milan().report, ..Machine::of_provider("CN=cloud") }
    });
    refused(Refusal::MaskedChip, |machine| machine.put(0x48, &[0b10]));
    refused(Refusal::ChipId, |machine| machine.put(0x1df, &[0]));
    refused(Refusal::ChipId, |machine| machine.end.extensions[1] = chip_extension(&[0xc2; 64]));
    // Of the chips of the newest line, eight bytes are named; no other bytes may follow.
    refused(Refusal::ChipId, |machine| {
        *machine = Machine::new(Product::Turin, 5);
        machine.put(0x1a8, &[1]);
    });
    refused(Refusal::Provider, |machine| *machine = Machine::of_provider("CN=cloud"));
    for extensions in [
        vec![],
        vec![chip_extension(&[0xc1; 8])],
        vec![text_extension(5, "\n")],
        vec![chip_extension(&[0xc1; 64]); 2],
    ] {
        refused(Refusal::Extension(Extension::Identity), |machine| {
            machine.end.extensions.remove(1);
            machine.end.extensions.extend(extensions);
        });
    }
    refused(Refusal::Extension(Extension::Identity), |machine| {
        machine.end.extensions.push(text_extension(5, "CN=cloud"));
    });
}

#[test]
fn versions_of_the_trusted_computing_base() {
    let reported = 0xdb18_0000_0000_0104;
    for at in [0x180, 0x181, 0x182, 0x186, 0x187] {
        let mut bytes = u64::to_le_bytes(reported);
        bytes[at - 0x180] ^= 1;
        let expected = Refusal::EndorsedTcb { endorsed: reported, reported: u64::from_le_bytes(bytes) };
        refused(expected, |machine| machine.put(0x180, &bytes));
    }
    for missing in 2..10 {
        refused(Refusal::Extension(Extension::Tcb), |machine| drop(machine.end.extensions.remove(missing)));
    }
    refused(Refusal::Extension(Extension::Tcb), |machine| machine.end.extensions.push(tcb_extension(8, 219)));
    // A committed version below the reported one, and a current one below the committed one.
    refused(Refusal::TcbOrder, |machine| machine.put(0x1e7, &[218]));
    refused(Refusal::TcbOrder, |machine| machine.put(0x3e, &[23]));
    let expected = Refusal::ExpectedTcb { expected: 0, reported };
    refused_by(&Requirements { expected_tcb: Some(0), ..STRICT }, NOW, expected, |_| {});

    let none = Requirements { minimum_tcb: Some(&[]), ..STRICT };
    refused_by(&none, NOW, Refusal::NoMinimumTcb, |_| {});
    let newer = [
        TcbVersion { microcode: 220, ..TCB },
        TcbVersion { snp: 25, ..TCB },
        TcbVersion { tee: 2, ..TCB },
        TcbVersion { boot_loader: 5, ..TCB },
        TcbVersion { fmc: Some(0), ..TCB },
    ];
    for newer in newer {
        let minimum = [(MILAN, newer)];
        let minimum = Requirements { minimum_tcb: Some(&minimum), ..STRICT };
        refused_by(&minimum, NOW, Refusal::MinimumTcb(Tcb::Reported), |_| {});
    }
    let minimum = Requirements { minimum_tcb: Some(&[(MILAN, TCB)]), ..STRICT };
    refused_by(&minimum, NOW, Refusal::MinimumTcb(Tcb::Launch), |machine| machine.put(0x1f6, &[23]));
}

#[test]
fn demands() {
    refused(Refusal::Vmpl(1), |machine| machine.put(0x30, &[1]));
    refused_by(&Requirements { vmpl: Vmpl::Guest, ..STRICT }, NOW, Refusal::Vmpl(4), |machine| {
        machine.put(0x30, &[4]);
    });
    refused(Refusal::Debug, |machine| machine.report[0x0a] |= 1 << 3);
    refused(Refusal::Migration, |machine| machine.report[0x0a] |= 1 << 2);
    let other = [[0; 64], {
        let mut data = [0xda; 64];
        data[63] = 0;
        data
    }];
    for data in other {
        refused_by(&Requirements { report_data: Some(data), ..STRICT }, NOW, Refusal::ReportData, |_| {});
    }
    let demands = [Demand::NoSmt, Demand::SingleSocket, Demand::HiddenCiphertext, Demand::Mitigations(1)];
    for demand in demands {
        refused_by(&Requirements { demands: &[demand], ..STRICT }, NOW, Refusal::Demand(demand), |_| {});
    }
    let missing = Demand::Mitigations(4);
    refused_by(&Requirements { demands: &[missing], ..STRICT }, NOW, Refusal::Demand(missing), |machine| {
        *machine = Machine::new(Product::Genoa, 5);
    });
    refused_by(
        &Requirements { demands: &[Demand::AliasCheck], ..STRICT },
        NOW,
        Refusal::Demand(Demand::AliasCheck),
        |machine| {
            machine.put(0x40, &[5]);
        },
    );
}
