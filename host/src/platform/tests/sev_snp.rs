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
        servers::NoAnswer,
        uvm::{self, Endorsers},
    },
};
use coco_boundary::{Evidence, EvidenceFormat, Level, Log, LogSink, QuoteFault, Record};
use coco_crypto::pem;
use coco_imitated::{
    snp::{Machine, NOW, at, chip_extension, tcb_extension},
    uvm::{FEED, Message},
};
use coco_wire::Digest;
use proptest::{collection::vec, prelude::*};

use super::kernel::Imitated;
use crate::platform::{
    EvidenceSource as _,
    sev_snp::{Endorsements, Endorser, NoCertificates, NoEvidence, SnpPlatform, Unendorsed},
    tsm::{Kernel, Tsm},
};

/// AMD publication 56421, section 4.1.8.1: certificates of a chip's key, of the intermediate and the root.
const IDS: [&[u8; 16]; 3] = [
    b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
    b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
    b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
];

/// The text of the certificates of a machine, and its root keys.
pub(super) fn certificates(machine: &Machine) -> (String, Roots) {
    let evidence = machine.sign();
    let [milan, genoa, turin] = evidence.roots;
    (String::from_utf8(evidence.certificates).unwrap(), Roots { milan, genoa, turin })
}

/// The table that a host gives with a report.
pub(super) fn table(certificates: &str) -> Vec<u8> {
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
    SnpPlatform::start(Box::new(kernel.tsm()), endorsements, &Log::discard())
}

/// Servers with these certificates, if with any; they note the reports that they are asked about.
#[derive(Clone, Default)]
struct Servers(Option<Arc<Mutex<Shelf>>>);

#[derive(Default)]
struct Shelf {
    certificates: Vec<u8>,
    asked: Vec<Vec<u8>>,
}

impl Endorser for Servers {
    fn certificates(&self, report: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        let shelf = self.0.as_ref().ok_or(NoAnswer::NoServers)?;
        let mut shelf = shelf.lock().unwrap();
        shelf.asked.push(report.to_vec());
        Ok(shelf.certificates.clone())
    }
}

/// A file, if there is one, and no servers.
pub(super) fn given(processor: Option<Vec<u8>>, uvm: Option<Vec<u8>>) -> Endorsements {
    Endorsements { processor, servers: Box::new(Servers::default()), uvm }
}

/// What evidence says that these root keys vouch for.
pub(super) fn believe(evidence: Evidence, roots: Roots, report_data: Digest) -> coco_attest::Claims {
    assert_eq!(evidence.format, EvidenceFormat::SevSnp);
    let evidence = coco_attest::Evidence {
        platform: coco_attest::Platform::SevSnp,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let sev_snp = Requirements { roots, uvm: Endorsers::Anyone, ..Requirements::STRICT };
    coco_attest::verify(&evidence, &ReportData(report_data), &Policy { sev_snp, ..Policy::strict(NOW) })
        .unwrap()
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
        (table(&text), given(None, None)),
        (Vec::new(), given(of_azure.clone(), None)),
        // What the operator gives is newer than what the host has.
        (vec![0xff; 100], given(of_azure, Some(message))),
        (table(&text), given(Some(json(&text, "DB18000000000004")), None)),
        (table(&text), given(Some(Vec::new()), None)),
    ];
    for (auxiliary, endorsements) in cases {
        kernel.with(|state| state.auxiliary = Some(auxiliary));
        let endorsed = endorsements.uvm.is_some();
        let platform = start(&kernel, endorsements).unwrap();
        assert_eq!(platform.host_data(), Digest([0x40; 32]));
        for report_data in [Digest([9; 32]), Digest([10; 32])] {
            let claims = believe(platform.quote(report_data).unwrap(), roots, report_data);
            assert_eq!(claims.host_data(), [0x40; 32]);
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
    let refusal = start(kernel, given(processor, None)).err().expect("it does not start");
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
    start(&working(), given(None, None)).unwrap();

    let absent = working();
    absent.with(|state| state.faults = vec![("create", ErrorKind::NotFound)]);
    let (refusal, words) = refused(&absent, None);
    assert!(matches!(refusal, NoEvidence::Kernel(error) if error.kind() == ErrorKind::NotFound));
    let expected = "the kernel gives no report (Linux 6.7 or newer does, in /sys/kernel/config/tsm/report; 5.19 or newer, ";
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
    let mut another = Machine::milan();
    another.end.extensions[1] = chip_extension(&[2; 64]);
    let (of_another, _) = certificates(&another);
    let another_chip = || InvalidEndorsements::Report(Refusal::ChipId);
    let other = InvalidEndorsements::Tcb { endorsed: 0xdb18_0000_0000_0004, reported: 0xdb18_0000_0000_0104 };
    let cases = [
        (None, None, None, InvalidEndorsements::Missing),
        (Some(vec![0; 4096]), None, None, InvalidEndorsements::Missing),
        (Some(good[..good.len() - 1].to_vec()), None, None, InvalidEndorsements::Table),
        (lacking(0), None, None, InvalidEndorsements::Lacks("signing key")),
        (lacking(1), None, None, InvalidEndorsements::Lacks("intermediate")),
        (lacking(2), None, None, InvalidEndorsements::Lacks("root")),
        (Some(table(&of_another)), None, None, another_chip()),
        (None, Some(b"{}".to_vec()), Some(InvalidEndorsements::Json), InvalidEndorsements::Missing),
        (None, Some(json(&text, "DB18000000000004")), Some(other), InvalidEndorsements::Missing),
        (
            Some(table(&of_another)),
            Some(json(&of_another, "DB18000000000104")),
            Some(another_chip()),
            another_chip(),
        ),
    ];
    for (auxiliary, processor, of_file, of_host) in cases {
        let kernel = kernel(&machine);
        kernel.with(|state| state.auxiliary = auxiliary);
        let (refusal, words) = refused(&kernel, processor);
        let NoEvidence::Certificates(NoCertificates { file, host, servers }) = refusal else {
            panic!("{words}");
        };
        let file_in_words = match &of_file {
            Some(why) => format!("`attestation.snp_endorsements_file`: {why}"),
            None => "no `attestation.snp_endorsements_file`".to_owned(),
        };
        let servers_in_words = "`attestation.snp_endorsements_servers`: there is no server to ask";
        assert_eq!(
            words,
            format!(
                "no certificates of the processor: {file_in_words}; with the report: {of_host}; {servers_in_words}"
            )
        );
        assert_eq!((file, host), (of_file, Some(of_host)), "{words}");
        assert!(matches!(servers, Unendorsed::NoAnswer(NoAnswer::NoServers)));
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
}

#[test]
fn servers_are_asked_when_nobody_else_knows() {
    let machine = Machine::milan();
    let (text, roots) = certificates(&machine);
    let kernel = kernel(&machine);
    let shelf = Arc::new(Mutex::new(Shelf { certificates: text.clone().into_bytes(), asked: Vec::new() }));
    let asked = || shelf.lock().unwrap().asked.len();
    let begin = |processor| {
        let servers = Box::new(Servers(Some(Arc::clone(&shelf))));
        start(&kernel, Endorsements { processor, servers, uvm: None }).unwrap()
    };
    // A file that is of use, then a host that is: nobody else is asked.
    kernel.with(|state| state.auxiliary = None);
    begin(Some(json(&text, "DB18000000000104")));
    kernel.with(|state| state.auxiliary = Some(table(&text)));
    begin(Some(b"{}".to_vec()));
    assert_eq!(asked(), 0);
    // They are asked once.
    kernel.with(|state| state.auxiliary = None);
    let platform = begin(Some(b"{}".to_vec()));
    for report_data in [Digest([9; 32]), Digest([10; 32])] {
        believe(platform.quote(report_data).unwrap(), roots, report_data);
    }
    assert_eq!(asked(), 1);
    // When the host has loaded other firmware, there are other certificates.
    let mut newer = Machine::milan();
    for tcb in at::TCB {
        newer.put(tcb, &[4, 1, 0, 0, 0, 0, 24, 220]);
    }
    *newer.end.extensions.last_mut().unwrap() = tcb_extension(8, 220);
    let (text, _) = certificates(&newer);
    shelf.lock().unwrap().certificates = text.into_bytes();
    kernel.with(|state| {
        state.sign = Box::new(move |question| {
            let mut newer = newer.clone();
            newer.put(at::REPORT_DATA, question);
            newer.sign().report
        });
    });
    believe(platform.quote(Digest([11; 32])).unwrap(), roots, Digest([11; 32]));
    platform.quote(Digest([12; 32])).unwrap();
    assert_eq!(asked(), 2);
}

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(super) struct Kept(pub(super) Arc<Mutex<Vec<String>>>);

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
    let platform = SnpPlatform::start(Box::new(kernel.tsm()), given(None, None), &log).unwrap();
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
    assert!(!Tsm::is_there(root.path()));
    let tsm = Tsm::new(Box::new(Kernel), root.path());
    let started = SnpPlatform::start(Box::new(tsm), given(None, None), &Log::discard());
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
        match start(&kernel, given(None, None)) {
            Ok(_) | Err(NoEvidence::Certificates(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
