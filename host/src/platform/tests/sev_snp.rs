//! A guest of SEV-SNP: what it shows is believed, and why there may be nothing to show.

use std::{
    io::ErrorKind,
    sync::{Arc, Mutex},
};

use coco_attest::{
    Details, Policy, ReportData,
    sev_snp::{
        Refusal, Requirements, Roots,
        certificates::InvalidEndorsements,
        uvm::{self, Endorsers},
    },
};
use coco_boundary::{Evidence, EvidenceFormat, Level, Log, LogSink, QuoteFault, Record};
use coco_crypto::pem;
use coco_imitated::{
    snp::{Machine, NOW, at},
    uvm::{FEED, Message},
};
use coco_wire::Digest;
use proptest::{collection::vec, prelude::*};

use super::kernel::Imitated;
use crate::platform::{
    EvidenceSource as _,
    sev_snp::{Endorsements, NoEvidence, SnpPlatform},
};

/// AMD publication 56421, section 4.1.8.1: certificates of a chip's key, of the intermediate and the root.
const IDS: [&[u8; 16]; 3] = [
    b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
    b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
    b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
];

/// The text of the certificates of a machine, and its root keys.
fn certificates(machine: &Machine) -> (String, Roots) {
    let evidence = machine.sign();
    let [milan, genoa, turin] = evidence.roots;
    (String::from_utf8(evidence.certificates).unwrap(), Roots { milan, genoa, turin })
}

/// The table that a host gives with a report.
fn table(certificates: &str) -> Vec<u8> {
    let mut offset = 24 * 4;
    let (mut table, mut contents) = (Vec::new(), Vec::new());
    for (id, block) in IDS.into_iter().zip(pem::blocks(certificates).unwrap()) {
        table.extend(id);
        table.extend(u32::to_le_bytes(offset));
        table.extend(u32::try_from(block.der.len()).unwrap().to_le_bytes());
        offset += u32::try_from(block.der.len()).unwrap();
        contents.extend(block.der.to_vec());
    }
    table.extend([0; 24]);
    table.extend(contents);
    table
}

/// A kernel in a guest on this machine.
fn kernel(machine: &Machine) -> Imitated {
    let machine = machine.clone();
    Imitated::new(move |question| {
        let mut machine = machine.clone();
        machine.put(at::REPORT_DATA, question);
        machine.sign().report
    })
}

fn start(kernel: &Imitated, endorsements: Endorsements) -> Result<SnpPlatform, NoEvidence> {
    SnpPlatform::with(kernel.tsm(), endorsements, &Log::discard())
}

/// What evidence says that these root keys vouch for.
fn believe(evidence: Evidence, roots: Roots, report_data: Digest) -> coco_attest::Claims {
    assert_eq!(evidence.format, EvidenceFormat::SevSnp);
    let evidence = coco_attest::Evidence {
        platform: coco_attest::Platform::SevSnp,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let sev_snp = Requirements { roots, uvm: Endorsers::Anyone, ..Requirements::STRICT };
    coco_attest::verify(&evidence, &ReportData(report_data), &Policy { now: NOW, sev_snp }).unwrap()
}

/// JSON of Azure's.
fn json(certificates: &str, tcbm: &str) -> Vec<u8> {
    let end = certificates.rfind("-----BEGIN").unwrap();
    serde_json::json!({
        "cacheControl": "86400",
        "vcekCert": &certificates[..end],
        "certificateChain": &certificates[end..],
        "tcbm": tcbm,
    })
    .to_string()
    .into_bytes()
}

#[test]
fn what_a_guest_shows_is_believed() {
    let machine = Machine::milan();
    let (text, roots) = certificates(&machine);
    let kernel = kernel(&machine);
    let (message, did) = Message::new().sign();
    let of_azure = Some(json(&text, "DB18000000000104"));
    let cases = [
        (table(&text), Endorsements::default()),
        (Vec::new(), Endorsements { processor: of_azure.clone(), uvm: None }),
        // What the operator gives is newer than what the host has.
        (vec![0xff; 100], Endorsements { processor: of_azure, uvm: Some(message) }),
    ];
    for (auxiliary, endorsements) in cases {
        kernel.with(|state| state.auxiliary = Some(auxiliary));
        let endorsed = endorsements.uvm.is_some();
        let platform = start(&kernel, endorsements).unwrap();
        assert_eq!(platform.host_data(), Digest([0x40; 32]));
        for report_data in [Digest([9; 32]), Digest([10; 32])] {
            let claims = believe(platform.quote(report_data).unwrap(), roots, report_data);
            assert_eq!(claims.host_data, Digest([0x40; 32]));
            assert_eq!(claims.code_digest(), "3e".repeat(48));
            let Details::SevSnp(snp) = claims.details else { panic!("another platform") };
            let named = uvm::Claims { did: did.clone(), feed: FEED.to_owned(), svn: 7 };
            assert_eq!(snp.uvm, endorsed.then_some(named));
        }
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
}

/// Why a guest does not start, in words.
fn refused(kernel: &Imitated, processor: Option<Vec<u8>>) -> (NoEvidence, String) {
    let refusal = start(kernel, Endorsements { processor, uvm: None }).err().expect("it does not start");
    let text = refusal.to_string();
    (refusal, text)
}

#[test]
fn a_guest_without_evidence_does_not_start() {
    let machine = Machine::milan();
    let (text, _) = certificates(&machine);
    let working = || {
        let kernel = kernel(&machine);
        kernel.with(|state| state.auxiliary = Some(table(&text)));
        kernel
    };
    start(&working(), Endorsements::default()).unwrap();

    let absent = working();
    absent.with(|state| state.faults = vec![("create", ErrorKind::NotFound)]);
    let (refusal, words) = refused(&absent, None);
    assert!(matches!(refusal, NoEvidence::Kernel(error) if error.kind() == ErrorKind::NotFound));
    let expected = "the kernel gives no report (Linux 6.7 or newer does, in /sys/kernel/config/tsm/report): ";
    assert!(words.starts_with(expected), "{words}");

    let intel = working();
    intel.with(|state| state.provider = b"tdx_guest\n".to_vec());
    let (refusal, words) = refused(&intel, None);
    assert!(matches!(refusal, NoEvidence::Provider(name) if name == "tdx_guest"));
    assert_eq!(words, "the kernel's reports are of tdx_guest, not of sev_guest");

    let forms = [(Vec::new(), Refusal::Size(0)), (vec![0; 1185], Refusal::Size(1185)), {
        let mut report = machine.report.clone();
        report[0] = 9;
        (report, Refusal::Version(9))
    }];
    for (report, expected) in forms {
        let other = working();
        other.with(|state| state.sign = Box::new(move |_| report.clone()));
        let (refusal, words) = refused(&other, None);
        assert_eq!(words, format!("the kernel's report: {expected}"));
        assert!(matches!(refusal, NoEvidence::Report(found) if found == expected));
    }
}

#[test]
fn a_guest_without_certificates_does_not_start() {
    let machine = Machine::milan();
    let (text, _) = certificates(&machine);
    let good = table(&text);
    let lacking = |at: usize| {
        let mut table = good.clone();
        table[24 * at] ^= 1;
        Some(table)
    };
    let other = InvalidEndorsements::Tcb { endorsed: 0xdb18_0000_0000_0004, reported: 0xdb18_0000_0000_0104 };
    let cases = [
        (None, None, InvalidEndorsements::Missing),
        (Some(vec![0; 4096]), None, InvalidEndorsements::Missing),
        (Some(good[..good.len() - 1].to_vec()), None, InvalidEndorsements::Table),
        (lacking(0), None, InvalidEndorsements::Lacks("signing key")),
        (lacking(1), None, InvalidEndorsements::Lacks("intermediate")),
        (lacking(2), None, InvalidEndorsements::Lacks("root")),
        (Some(good.clone()), Some(b"{}".to_vec()), InvalidEndorsements::Json),
        (Some(good.clone()), Some(json(&text, "DB18000000000004")), other),
    ];
    for (auxiliary, processor, expected) in cases {
        let kernel = kernel(&machine);
        kernel.with(|state| state.auxiliary = auxiliary);
        let (refusal, words) = refused(&kernel, processor);
        assert!(matches!(refusal, NoEvidence::Certificates(found) if found == expected), "{words}");
        let whose = "certificates of the processor (of the host or of `attestation.snp_endorsements_file`)";
        assert_eq!(words, format!("{whose}: {expected}"));
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl LogSink for Kept {
    fn enabled(&self, _: Level) -> bool {
        true
    }

    fn record(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(format!("{:?} {}", record.level, record.message));
    }
}

#[test]
fn why_there_is_no_evidence_any_more_is_logged() {
    let machine = Machine::milan();
    let (text, _) = certificates(&machine);
    let (kernel, kept) = (kernel(&machine), Kept::default());
    kernel.with(|state| state.auxiliary = Some(table(&text)));
    let log = Log::new(Arc::new(kept.clone()));
    let platform = SnpPlatform::with(kernel.tsm(), Endorsements::default(), &log).unwrap();
    kernel.with(|state| state.provider = b"other".to_vec());
    assert_eq!(platform.quote(Digest([9; 32])), Err(QuoteFault));
    kernel.with(|state| state.provider = b"sev_guest".to_vec());
    platform.quote(Digest([9; 32])).unwrap();
    let words = "Fail SEV-SNP: the kernel's reports are of other, not of sev_guest";
    assert_eq!(*kept.0.lock().unwrap(), [words]);
}

#[test]
fn a_guest_is_known_by_its_device() {
    let root = tempfile::tempdir().unwrap();
    assert!(!SnpPlatform::is_there(root.path()));
    let started = SnpPlatform::start(root.path(), Endorsements::default(), &Log::discard());
    assert!(matches!(started.err().unwrap(), NoEvidence::Kernel(_)));
    std::fs::create_dir(root.path().join("dev")).unwrap();
    std::fs::write(root.path().join("dev/sev-guest"), "").unwrap();
    assert!(SnpPlatform::is_there(root.path()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever a host gives instead of certificates, a node starts or says why not.
    #[test]
    fn no_table_of_a_host_is_too_much(
        entries in vec((0..5_usize, prop_oneof![0..600_u32, any::<u32>()], prop_oneof![0..600_u32, any::<u32>()]), 0..40),
        rest in vec(any::<u8>(), 0..600),
    ) {
        let mut table = Vec::new();
        for (id, offset, len) in entries {
            table.extend(IDS.get(id).map_or([u8::try_from(id).unwrap(); 16], |id| **id));
            table.extend(offset.to_le_bytes());
            table.extend(len.to_le_bytes());
        }
        table.extend([0; 24]);
        table.extend(rest);
        let report = Machine::milan().report;
        let kernel = Imitated::new(move |_| report.clone());
        kernel.with(|state| state.auxiliary = Some(table));
        match start(&kernel, Endorsements::default()) {
            Ok(_) | Err(NoEvidence::Certificates(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
