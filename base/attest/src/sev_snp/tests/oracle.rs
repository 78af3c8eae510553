//! The crate `sev`, of the community that writes AMD's tools, is asked about the same evidence. It follows the
//! certificates and verifies the report's signature; everything else is ours to decide. So what we believe it must
//! verify, and what it does not verify we must not believe; where it verifies what we refuse, a rule of ours says why.

use std::{collections::BTreeMap, path::Path};

use coco_imitated::snp::Line;
use sev::{
    certs::snp::{Certificate, Chain, Verifiable, ca},
    firmware::{guest::AttestationReport, host::TcbVersion as Theirs},
    parser::ByteParser,
};

use super::{
    super::{
        Extension, Product, Refusal, Report, TcbVersion, check_endorsements, report::SIGNATURE_HALF_LEN,
    },
    machine::{Machine, keys, to_pem},
    vectors::all,
};
use crate::tests::{changes::each_nth_change, vectors};

/// Why a changed byte can be refused by us alone: it must be zero, `sev` does not look at it, or it makes DER of which
/// `sev` verifies what it would be in the right form.
const ALLOWED: [&str; 3] = ["Reserved", "Unseen", "Certificate(Malformed)"];

/// Whether `sev` verifies a report by three certificates: of the signing key, the intermediate, the root.
fn verified(report: &[u8], certificates: &[Vec<u8>]) -> bool {
    let read = || {
        let [vek, ask, ark] = [0, 1, 2].map(|at| Certificate::from_der(&certificates[at]));
        let chain = Chain { ca: ca::Chain { ark: ark?, ask: ask? }, vek: vek? };
        (&chain, &AttestationReport::from_bytes(report)?).verify()
    };
    read().is_ok()
}

/// Our reason, if it is one that `sev` must come to as well: something is not signed.
fn is_shared(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::ChainSignature(_) | Refusal::ReportSignature | Refusal::Size(_))
}

/// Whether `sev` verifies what stands there. It reads a report, writes it again and verifies that, so that it never sees
/// what has no meaning to it, such as bytes of versions that some processors leave out; and of each number of the
/// signature it takes 48 bytes, whatever is in the other 24.
fn is_seen(report: &[u8]) -> bool {
    let zero = |from: usize| report[from + 48..from + 72].iter().all(|byte| *byte == 0);
    let [r, s] = [Report::SIGNED_LEN, Report::SIGNED_LEN + SIGNATURE_HALF_LEN].map(zero);
    let read = AttestationReport::from_bytes(report);
    let written = read.and_then(|read| read.to_bytes());
    r && s && written.is_ok_and(|bytes| bytes[..Report::SIGNED_LEN] == report[..Report::SIGNED_LEN])
}

/// Compares the two; the name of the rule of ours where they differ.
fn compare(what: &str, report: &[u8], certificates: &[Vec<u8>]) -> Option<String> {
    let theirs = verified(report, certificates);
    match check_endorsements(&to_pem(certificates), report) {
        Ok(()) => assert!(theirs, "{what}: believed by us only"),
        Err(Refusal::ReportSignature) if theirs && !is_seen(report) => return Some("Unseen".to_owned()),
        Err(refusal) if is_shared(&refusal) => assert!(!theirs, "{what}: {refusal:?}, but verified by sev"),
        Err(refusal) if theirs => {
            let text = format!("{refusal:?}");
            return Some(text.split([' ', '{']).next().unwrap_or_default().to_owned());
        }
        Err(_) => {}
    }
    None
}

/// The certificates of a text.
fn ders(text: &[u8]) -> Vec<Vec<u8>> {
    let blocks = coco_crypto::pem::blocks(std::str::from_utf8(text).unwrap()).unwrap();
    blocks.iter().map(|block| block.der.to_vec()).collect()
}

fn machines() -> Vec<Machine> {
    let lines = [(Line::Milan, 2), (Line::Milan, 3), (Line::Genoa, 3), (Line::Turin, 3), (Line::Turin, 5)];
    let mut machines: Vec<Machine> = lines.map(|(line, version)| Machine::new(line, version)).into();
    machines.push(Machine::of_provider("CN=cloud"));
    machines
}

fn same_version(theirs: Theirs, ours: TcbVersion) -> bool {
    (theirs.fmc, theirs.bootloader, theirs.tee, theirs.snp, theirs.microcode)
        == (ours.fmc, ours.boot_loader, ours.tee, ours.snp, ours.microcode)
}

/// What both read in a report is the same.
fn same_fields(what: &str, bytes: &[u8], product: Product) {
    let (ours, theirs) = (Report::read(bytes).unwrap(), AttestationReport::from_bytes(bytes).unwrap());
    let versions = [
        (theirs.current_tcb, ours.current_tcb),
        (theirs.reported_tcb, ours.reported_tcb),
        (theirs.committed_tcb, ours.committed_tcb),
        (theirs.launch_tcb, ours.launch_tcb),
    ];
    for (theirs, packed) in versions {
        assert!(same_version(theirs, product.tcb_version(packed)), "{what}: {theirs:?}, {packed:016x}");
    }
    assert_eq!((theirs.version, theirs.guest_svn, theirs.vmpl), (ours.version, ours.guest_svn, ours.vmpl));
    assert_eq!(theirs.policy.abi_minor(), u64::from(ours.policy.abi_minor()), "{what}");
    assert_eq!(theirs.policy.debug_allowed(), ours.policy.allows_debug(), "{what}");
    assert_eq!(theirs.policy.migrate_ma_allowed(), ours.policy.allows_migration(), "{what}");
    assert_eq!(theirs.policy.smt_allowed(), ours.policy.allows_smt(), "{what}");
    assert_eq!(theirs.key_info.signing_key(), ours.flags.signing_key(), "{what}");
    assert_eq!(theirs.key_info.mask_chip_key(), ours.flags.mask_chip_key(), "{what}");
    assert_eq!((theirs.chip_id, theirs.report_data), (ours.chip_id, ours.report_data), "{what}");
    assert_eq!((theirs.measurement, theirs.host_data), (ours.measurement, ours.host_data), "{what}");
    assert_eq!((theirs.report_id, theirs.report_id_ma), (ours.report_id, ours.report_id_ma), "{what}");
    assert_eq!(
        (theirs.id_key_digest, theirs.author_key_digest),
        (ours.id_key_digest, ours.author_key_digest)
    );
    let processor = ours.processor.map(|processor| (processor.family, processor.model, processor.stepping));
    let theirs_processor = theirs.cpuid_fam_id.zip(theirs.cpuid_mod_id).zip(theirs.cpuid_step);
    assert_eq!(theirs_processor.map(|((family, model), stepping)| (family, model, stepping)), processor);
    let mitigations = ours.mitigations.map(|mitigations| (mitigations.launch, mitigations.current));
    assert_eq!(theirs.launch_mit_vector.zip(theirs.current_mit_vector), mitigations, "{what}");
}

fn products() -> [Product; 6] {
    [Product::Milan, Product::Milan, Product::Genoa, Product::Turin, Product::Turin, Product::Milan]
}

#[test]
fn made_up_evidence_is_judged_alike() {
    for (at, (machine, product)) in machines().iter().zip(products()).enumerate() {
        let signed = machine.sign();
        let certificates = ders(&signed.certificates);
        let what = format!("machine {at}");
        assert_eq!(compare(&what, &signed.report, &certificates), None);
        assert!(verified(&signed.report, &certificates), "{what}");
        same_fields(&what, &signed.report, product);
    }
}

/// A change of some places, as `sev` takes its time.
#[test]
fn changed_evidence_is_judged_alike() {
    let mut rules: BTreeMap<String, u32> = BTreeMap::new();
    let signed = Machine::milan().sign();
    let certificates = ders(&signed.certificates);
    each_nth_change(&signed.report, &[0x01, 0x80], 7, |change, report| {
        let rule = compare(&change, &report, &certificates);
        rule.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
    });
    for at in 0..3 {
        each_nth_change(&certificates[at], &[0x01], 29, |change, der| {
            let mut changed = certificates.clone();
            changed[at] = der;
            let rule = compare(&format!("certificate {at}, {change}"), &signed.report, &changed);
            rule.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
        });
    }
    println!("refused by our rules, verified by sev: {rules:?}");
    assert!(rules.keys().all(|rule| ALLOWED.contains(&rule.as_str())), "{rules:?}");
}

type Change = fn(&mut Machine);

/// What is signed as it must be, and still not to be believed.
#[test]
fn rules_beyond_signatures_are_ours() {
    let rule = |change: Change| {
        let mut machine = Machine::milan();
        change(&mut machine);
        let signed = machine.sign();
        compare("a changed machine", &signed.report, &ders(&signed.certificates))
    };
    let identity = format!("{:?}", Refusal::Extension(Extension::Identity));
    let cases: [(&str, Change); 6] = [
        ("ChipId", |machine| machine.put(coco_imitated::snp::at::CHIP_ID, &[7; 64])),
        ("EndorsedTcb", |machine| machine.put(coco_imitated::snp::at::TCB[1], &[1])),
        ("TcbOrder", |machine| machine.put(coco_imitated::snp::at::TCB[2], &[1])),
        ("MaskedChip", |machine| machine.put(0x48, &[0b10])),
        ("SigningKey(1)", |machine| machine.put(0x48, &[0b100])),
        (&identity, |machine| drop(machine.end.extensions.remove(1))),
    ];
    for (expected, change) in cases {
        assert_eq!(rule(change).as_deref(), Some(expected));
    }
    assert_eq!(rule(|machine| machine.report_key = &keys().other), None);
}

#[test]
fn genuine_evidence_is_judged_alike() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    let mut rules = BTreeMap::new();
    for vector in all() {
        let (report, certificates) = (vector.report(Path::new(&directory)), vector.certificates(&directory));
        let what = format!("{} by {}", vector.report, vector.end);
        if let Some(rule) = compare(&what, &report, &certificates) {
            rules.insert(what.clone(), rule);
        }
        if let Ok((product, _)) = vector.expected {
            assert!(verified(&report, &certificates), "{what}");
            same_fields(&what, &report, product);
        }
    }
    println!("refused by our rules, verified by sev: {rules:?}");
}
