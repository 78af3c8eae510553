//! A VBS enclave of Windows: what it shows is believed, and why there may be nothing to show.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use coco_attest::{
    Details, Policy, ReportData,
    tpm::{self, Public},
    vbs::{self, PCRS, Pin},
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_crypto::x509::UnixTime;
use coco_imitated::{
    software_tpm::{SoftwareTpm, kind},
    tpm::{ATTESTS, Certificates},
    windows::{PART, UNIQUE, Windows, kind as event, signer},
};
use coco_wire::Digest;

use super::{
    chip::{Chip, QUOTE},
    tpm::Socket,
};
use crate::platform::{
    EvidenceSource as _,
    tpm::{Channel, Tpm},
    vbs::{NoEvidence, System, VbsPlatform},
};

/// Handle of the key.
const KEY: u32 = 0x8101_0002;

/// An imitated Windows, as long as it is there.
#[derive(Clone)]
struct Imitated {
    windows: Windows,
    /// The log, in place of that of the boot.
    log: Option<Vec<u8>>,
    /// Data that reports have in place of those that are asked for.
    data: Option<Digest>,
    gone: Arc<AtomicBool>,
}

impl Imitated {
    fn of(windows: &Windows) -> Self {
        Self { windows: windows.clone(), log: None, data: None, gone: Arc::default() }
    }

    fn check(&self) -> io::Result<()> {
        if self.gone.load(Ordering::Relaxed) { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }
}

impl System for Imitated {
    fn report(&self, data: &[u8; 64]) -> io::Result<Vec<u8>> {
        self.check()?;
        let mut report = self.windows.report.clone();
        report.enclave_data = *data;
        if let Some(other) = &self.data {
            report.bind(other);
        }
        Ok(report.sign(self.windows.report_key))
    }

    fn boot_log(&self) -> io::Result<Vec<u8>> {
        self.check()?;
        Ok(self.log.clone().unwrap_or_else(|| self.windows.booted().log))
    }
}

fn chip(windows: &Windows) -> Chip {
    Chip::new(windows.booted(), KEY)
}

fn start(system: Imitated, chip: impl Channel + 'static) -> Result<VbsPlatform, NoEvidence> {
    VbsPlatform::start(Box::new(system), Tpm::new(Box::new(chip)), KEY, None, &Log::discard())
}

/// What evidence says to whoever knows the enclave, and the TPM by its key.
fn believe(evidence: Evidence, report_data: Digest) -> vbs::NodeClaims {
    assert_eq!(evidence.format, EvidenceFormat::Vbs);
    let name = Public::read(&evidence.endorsements).unwrap().name;
    let evidence = coco_attest::Evidence {
        platform: coco_attest::Platform::Vbs,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let vbs = vbs::Requirements {
        enclaves: &[Pin::Exactly(UNIQUE)],
        modules: &[Pin::Exactly(PART)],
        boot_authorities: &[signer()],
        tpm: tpm::Requirements { names: &[&name], ..tpm::Requirements::STRICT },
        ..vbs::Requirements::STRICT
    };
    let policy = Policy { vbs, ..Policy::strict(UnixTime(0)) };
    let claims = coco_attest::verify(&evidence, &ReportData(report_data), &policy).unwrap();
    let Details::Vbs(claims) = claims.details else { panic!("of Windows") };
    *claims
}

#[test]
fn evidence_of_an_enclave_is_believed() {
    let windows = Windows::genuine();
    let platform = start(Imitated::of(&windows), chip(&windows)).unwrap();
    let report_data = Digest([7; 32]);
    let claims = believe(platform.quote(report_data).unwrap(), report_data);
    assert_eq!(claims.tpm.quote.selected, PCRS);
    assert_eq!(claims.authorities, [signer()]);
}

#[test]
fn evidence_of_an_enclave_beside_a_software_tpm_is_believed() {
    let Some(software) = SoftwareTpm::start("no enclave of Windows with a software TPM is asked") else {
        return;
    };
    software.make_key(kind::ELLIPTIC, KEY);
    let windows = Windows::genuine();
    software.extend(&windows.events());
    let platform = start(Imitated::of(&windows), Socket(software.socket())).unwrap();
    let report_data = Digest([8; 32]);
    believe(platform.quote(report_data).unwrap(), report_data);
}

#[test]
fn certificates_go_with_evidence_in_place_of_the_key() {
    let windows = Windows::genuine();
    let certificates = Certificates::new(ATTESTS).sign();
    let (system, tpm) = (Box::new(Imitated::of(&windows)), Tpm::new(Box::new(chip(&windows))));
    let given = Some(certificates.clone());
    let platform = VbsPlatform::start(system, tpm, KEY, given, &Log::discard()).unwrap();
    assert_eq!(platform.quote(Digest([7; 32])).unwrap().endorsements, certificates);
}

/// A Windows that measures something between a quote and the log.
struct Busy {
    system: Imitated,
    tpm: Arc<Mutex<Chip>>,
    times: Mutex<u32>,
}

struct Shared(Arc<Mutex<Chip>>);

impl Channel for Shared {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.0.lock().unwrap().transmit(command)
    }
}

impl System for Busy {
    fn report(&self, data: &[u8; 64]) -> io::Result<Vec<u8>> {
        self.system.report(data)
    }

    fn boot_log(&self) -> io::Result<Vec<u8>> {
        let (mut times, mut chip) = (self.times.lock().unwrap(), self.tpm.lock().unwrap());
        if *times > 0 {
            *times -= 1;
            chip.tpm.measure(13, event::TAG, b"another module");
        }
        Ok(chip.tpm.log.clone())
    }
}

#[test]
fn a_log_that_goes_on_is_read_until_it_leads_to_the_quote() {
    let windows = Windows::genuine();
    for (times, expected) in [(3, true), (5, false)] {
        let tpm = Arc::new(Mutex::new(chip(&windows)));
        let system = Busy { system: Imitated::of(&windows), tpm: tpm.clone(), times: Mutex::new(times) };
        let tpm = Tpm::new(Box::new(Shared(tpm)));
        let started = VbsPlatform::start(Box::new(system), tpm, KEY, None, &Log::discard());
        match started {
            Ok(_) => assert!(expected, "measured {times} times"),
            Err(refused) => assert!(!expected && matches!(refused, NoEvidence::Incomplete), "{refused}"),
        }
    }
}

#[test]
fn an_enclave_without_evidence_says_why() {
    let windows = Windows::genuine();
    let system = Imitated::of(&windows);
    let words = |system: Imitated, chip: Chip| start(system, chip).err().unwrap().to_string();
    let gone = Arc::new(AtomicBool::new(true));
    let mut version = windows.clone();
    version.report.version = 9;
    let mut more = chip(&windows);
    more.tpm.extend(12, &[1; 32]);
    // More events than fit into evidence, all of which were measured.
    let mut long = chip(&windows);
    for _ in 0..12 {
        long.tpm.measure(14, event::TAG, &[7; 0xffff]);
    }
    let log = Some(long.tpm.log.clone());
    let cases = [
        (
            words(Imitated { gone, ..system.clone() }, chip(&windows)),
            "the secure kernel gives no report (it does in enclaves of Windows 10, 1709, or later): permission denied",
        ),
        (words(Imitated::of(&version), chip(&windows)), "the secure kernel's report: "),
        (
            words(Imitated { data: Some(Digest([1; 32])), ..system.clone() }, chip(&windows)),
            "the secure kernel's report is for another question",
        ),
        (
            words(system.clone(), Chip { refuses: Some(QUOTE), ..chip(&windows) }),
            "the TPM refuses TPM2_Quote",
        ),
        (words(Imitated { log: Some(vec![1]), ..system.clone() }, chip(&windows)), "the log of the boot: "),
        (words(system.clone(), more), "the log of the boot does not say all that was measured into the TPM"),
        (
            words(Imitated { log, ..system.clone() }, long),
            "the log of the boot is too long: evidence with it has 10",
        ),
    ];
    for (words, expected) in cases {
        assert!(words.starts_with(expected), "{words}");
    }
}

#[test]
fn what_is_lost_later_is_a_fault() {
    let windows = Windows::genuine();
    let system = Imitated::of(&windows);
    let gone = system.gone.clone();
    let platform = start(system, chip(&windows)).unwrap();
    platform.quote(Digest([7; 32])).unwrap();
    gone.store(true, Ordering::Relaxed);
    assert_eq!(platform.quote(Digest([7; 32])), Err(QuoteFault));
}
