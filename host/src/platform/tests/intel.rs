//! Domains and enclaves: what they show is believed, and why there may be nothing to show.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    sync::{Arc, Mutex},
};

use coco_attest::{Claims, Platform, Policy, ReportData, dcap, sgx, tdx};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_imitated::intel::{Kind, Machine, NOW, domain_at, enclave_at};
use coco_wire::Digest;

use super::{kernel::Imitated, sev_snp::Kept};
use crate::platform::{
    EvidenceSource as _,
    intel::{CollateralFile, NoCollateral, NoEvidence},
    sgx::{ATTEMPTS, SgxPlatform},
    tdx::TdxPlatform,
    tsm::{DIRECTORY, Files, Kernel, Tsm},
};

/// A quote of a machine for a question.
fn quote(machine: &Machine, question: &[u8]) -> Vec<u8> {
    let mut machine = machine.clone();
    machine
        .put(if machine.kind.is_tdx() { domain_at::REPORT_DATA } else { enclave_at::REPORT_DATA }, question);
    machine.sign().quote
}

/// A kernel in a domain on this machine.
fn domain(machine: &Machine) -> Imitated {
    let machine = machine.clone();
    let kernel = Imitated::new(move |question| quote(&machine, question));
    kernel.with(|state| {
        state.provider = b"tdx_guest\n".to_vec();
        // There is no such file.
        state.auxiliary = None;
    });
    kernel
}

/// The files of a library that runs a process in an enclave.
#[derive(Clone)]
struct Library(Arc<Mutex<State>>);

struct State {
    machine: Machine,
    /// What kind of attestation it makes, if it says so.
    kind: Option<&'static str>,
    question: Vec<u8>,
    /// How often somebody else asks in between.
    disturbances: u32,
    /// How many bytes of a question are taken at most.
    taken: usize,
    /// What it answers to every question, if not a quote.
    answer: Option<Vec<u8>>,
    /// A file that fails.
    fault: Option<(&'static str, ErrorKind)>,
    calls: Vec<String>,
}

impl Library {
    fn new(machine: &Machine) -> Self {
        Self(Arc::new(Mutex::new(State {
            machine: machine.clone(),
            kind: Some("dcap"),
            question: Vec::new(),
            disturbances: 0,
            taken: 64,
            answer: None,
            fault: None,
            calls: Vec::new(),
        })))
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.0.lock().unwrap())
    }

    fn start(&self, collateral: CollateralFile) -> Result<SgxPlatform, NoEvidence> {
        SgxPlatform::start(Box::new(self.clone()), Path::new("/"), collateral, &Log::discard())
    }
}

impl State {
    fn called(&mut self, path: &Path) -> io::Result<String> {
        assert_eq!(path.parent(), Some(Path::new("/dev/attestation")));
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        self.calls.push(name.clone());
        match self.fault {
            Some((faulty, kind)) if faulty == name => Err(kind.into()),
            _ => Ok(name),
        }
    }
}

impl Files for Library {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    fn remove_directory(&self, _: &Path) -> io::Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.with(|state| match state.called(path)?.as_str() {
            "attestation_type" => {
                state.kind.map(|kind| kind.as_bytes().to_vec()).ok_or_else(|| ErrorKind::NotFound.into())
            }
            "quote" if state.disturbances > 0 => {
                state.disturbances -= 1;
                Ok(quote(&state.machine, &[0xff; 64]))
            }
            "quote" => Ok(state.answer.clone().unwrap_or_else(|| quote(&state.machine, &state.question))),
            other => panic!("{other}"),
        })
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize> {
        self.with(|state| {
            assert_eq!((state.called(path)?.as_str(), content.len()), ("user_report_data", 64));
            state.question = content.to_vec();
            Ok(state.taken)
        })
    }
}

/// What is believed of evidence of this machine.
fn believe(evidence: Evidence, machine: &Machine, report_data: Digest) -> Claims {
    let (format, platform) = match machine.kind {
        Kind::Sgx => (EvidenceFormat::Sgx, Platform::Sgx),
        _ => (EvidenceFormat::Tdx, Platform::Tdx),
    };
    assert_eq!(evidence.format, format);
    let Evidence { quote, endorsements, uvm_endorsements, .. } = evidence;
    let evidence = coco_attest::Evidence { platform, quote, endorsements, uvm_endorsements };
    let machine = dcap::Requirements { root: machine.sign().root, ..dcap::Requirements::STRICT };
    let policy = Policy {
        sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
        tdx: tdx::Requirements { machine, ..tdx::Requirements::STRICT },
        ..Policy::strict(NOW)
    };
    coco_attest::verify(&evidence, &ReportData(report_data), &policy).unwrap()
}

/// Collateral of a machine, in a file of a folder.
fn file(directory: &Path, machine: &Machine) -> CollateralFile {
    let path = directory.join("collateral.json");
    fs::write(&path, machine.sign().collateral.to_json()).unwrap();
    CollateralFile(Some(path))
}

fn start_domain(kernel: &Imitated, collateral: CollateralFile) -> Result<TdxPlatform, NoEvidence> {
    TdxPlatform::start(kernel.tsm(), collateral, &Log::discard())
}

#[test]
fn what_domains_show_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [Kind::Tdx10, Kind::Tdx15] {
        let machine = Machine::new(kind);
        let kernel = domain(&machine);
        let platform = start_domain(&kernel, file(directory.path(), &machine)).unwrap();
        for report_data in [Digest([9; 32]), Digest([10; 32])] {
            let claims = believe(platform.quote(report_data).unwrap(), &machine, report_data);
            assert_eq!(claims.measurement.as_str(), "3e".repeat(48));
        }
        kernel.with(|state| assert!(state.questions.is_empty()));
    }
}

#[test]
fn what_enclaves_show_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(Kind::Sgx);
    for (kind, disturbances) in [(Some("dcap\n"), 0), (None, 0), (Some("dcap"), ATTEMPTS - 1)] {
        let library = Library::new(&machine);
        library.with(|state| (state.kind, state.disturbances) = (kind, disturbances));
        let platform = library.start(file(directory.path(), &machine)).unwrap();
        for report_data in [Digest([9; 32]), Digest([10; 32])] {
            let claims = believe(platform.quote(report_data).unwrap(), &machine, report_data);
            assert_eq!(claims.measurement.as_str(), "3e".repeat(32));
        }
        let questions = 3 + disturbances as usize;
        library.with(|state| assert_eq!(state.calls.len(), 1 + 2 * questions));
    }
}

#[test]
fn collateral_is_read_again_for_each_quote() {
    let directory = tempfile::tempdir().unwrap();
    let (of_domain, of_enclave) = (Machine::new(Kind::Tdx10), Machine::new(Kind::Sgx));
    let newer = |machine: &Machine| {
        let mut machine = machine.clone();
        machine.tcb_info["tcbEvaluationDataNumber"] = 18.into();
        machine
    };
    let domain = start_domain(&domain(&of_domain), file(directory.path(), &of_domain)).unwrap();
    file(directory.path(), &newer(&of_domain));
    let claims = believe(domain.quote(Digest([9; 32])).unwrap(), &of_domain, Digest([9; 32]));
    let coco_attest::Details::Tdx(claims) = claims.details else { panic!("a domain") };
    assert_eq!(claims.machine.tcb.evaluation, 18);
    let enclave = Library::new(&of_enclave).start(file(directory.path(), &of_enclave)).unwrap();
    file(directory.path(), &newer(&of_enclave));
    let claims = believe(enclave.quote(Digest([9; 32])).unwrap(), &of_enclave, Digest([9; 32]));
    let coco_attest::Details::Sgx(claims) = claims.details else { panic!("an enclave") };
    assert_eq!(claims.machine.tcb.evaluation, 18);
}

#[test]
fn files_without_collateral() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("collateral.json");
    let (domain_machine, enclave_machine) = (Machine::new(Kind::Tdx10), Machine::new(Kind::Sgx));
    let refused = |file: Option<&Path>| {
        let named = || CollateralFile(file.map(Path::to_path_buf));
        let of_domain = start_domain(&domain(&domain_machine), named()).err().unwrap();
        let of_enclave = Library::new(&enclave_machine).start(named()).err().unwrap();
        [of_domain, of_enclave]
    };
    for error in refused(None) {
        let words = error.to_string();
        assert!(matches!(error, NoEvidence::Collateral(NoCollateral::Unnamed(_))), "{words}");
        assert!(words.contains("kind 50806f000000"), "{words}");
    }
    for error in refused(Some(&path)) {
        assert!(matches!(error, NoEvidence::Collateral(NoCollateral::Read { .. })), "{error}");
        assert!(error.to_string().contains("collateral.json"));
    }
    let mut other = domain_machine.clone();
    other.tcb_info["fmspc"] = "50806F000001".into();
    let contents = [b"{}".to_vec(), other.sign().collateral.to_json()];
    for content in contents {
        fs::write(&path, content).unwrap();
        for error in refused(Some(&path)) {
            assert!(matches!(error, NoEvidence::Collateral(NoCollateral::Other { .. })), "{error}");
        }
    }
    fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
    for error in refused(Some(&path)) {
        assert!(matches!(error, NoEvidence::Collateral(NoCollateral::Read { .. })), "{error}");
    }
}

#[test]
fn domains_that_show_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(Kind::Tdx10);
    let refused = |kernel: &Imitated| start_domain(kernel, file(directory.path(), &machine)).err().unwrap();
    let kernel = domain(&machine);
    kernel.with(|state| state.provider = b"sev_guest".to_vec());
    assert_eq!(refused(&kernel).to_string(), "the kernel's reports are of sev_guest, not of tdx_guest");
    let kernel = domain(&machine);
    kernel.with(|state| state.faults = vec![("outblob", ErrorKind::TimedOut)]);
    assert!(matches!(refused(&kernel), NoEvidence::Kernel(error) if error.kind() == ErrorKind::TimedOut));
    let kernel = domain(&machine);
    kernel.with(|state| state.sign = Box::new(|_| vec![4, 0, 2, 0]));
    assert!(matches!(refused(&kernel), NoEvidence::Quote(dcap::Refusal::Malformed)));
    let (kernel, other) = (domain(&machine), machine.clone());
    kernel.with(|state| state.sign = Box::new(move |_| quote(&other, &[1; 64])));
    assert!(matches!(refused(&kernel), NoEvidence::Disturbed));
    let (kernel, enclave) = (domain(&machine), Machine::new(Kind::Sgx));
    kernel.with(|state| state.sign = Box::new(move |question| quote(&enclave, question)));
    assert!(matches!(refused(&kernel), NoEvidence::Quote(dcap::Refusal::Tee(0))));
}

#[test]
fn enclaves_that_show_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(Kind::Sgx);
    let refused = |change: fn(&mut State)| {
        let library = Library::new(&machine);
        library.with(change);
        library.start(file(directory.path(), &machine)).err().unwrap()
    };
    for kind in ["none", "epid", ""] {
        let library = Library::new(&machine);
        library.with(|state| state.kind = Some(kind));
        let error = library.start(file(directory.path(), &machine)).err().unwrap();
        assert!(matches!(error, NoEvidence::Kind(found) if found == kind));
    }
    assert!(matches!(refused(|it| it.taken = 63), NoEvidence::Library(_)));
    assert!(matches!(refused(|it| it.disturbances = ATTEMPTS), NoEvidence::Disturbed));
    let denied = refused(|it| it.fault = Some(("quote", ErrorKind::PermissionDenied)));
    assert!(matches!(denied, NoEvidence::Library(error) if error.kind() == ErrorKind::PermissionDenied));
    let denied = refused(|it| it.fault = Some(("user_report_data", ErrorKind::NotFound)));
    assert!(matches!(denied, NoEvidence::Library(_)));
    let domain = refused(|it| it.machine = Machine::new(Kind::Tdx10));
    assert!(matches!(domain, NoEvidence::Quote(dcap::Refusal::Tee(0x81))));
}

#[test]
fn no_quote_is_too_much() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [Kind::Tdx15, Kind::Sgx] {
        let machine = Machine::new(kind);
        let whole = quote(&machine, &[0; 64]);
        // Cut off anywhere, and with anything changed that is not of the report data.
        let cut = (0..whole.len()).step_by(41).map(|length| whole[..length].to_vec());
        let changed = (0..whole.len()).step_by(53).map(|at| {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            changed
        });
        for given in cut.chain(changed) {
            let (kernel, library, answer) = (domain(&machine), Library::new(&machine), given.clone());
            kernel.with(|state| state.sign = Box::new(move |_| answer.clone()));
            library.with(|state| state.answer = Some(given.clone()));
            let collateral = file(directory.path(), &machine);
            let error = match kind {
                Kind::Sgx => library.start(collateral).err(),
                _ => start_domain(&kernel, collateral).err(),
            };
            // Most of what is signed is not looked at here.
            assert!(error.is_some() || given.len() == whole.len(), "a part of a quote is none");
            if let Some(error) = error {
                let of_quote =
                    matches!(error, NoEvidence::Quote(_) | NoEvidence::Disturbed | NoEvidence::Collateral(_));
                assert!(of_quote, "{error}");
            }
        }
    }
}

#[test]
fn why_there_is_no_evidence_any_more_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(Kind::Tdx10);
    let (kernel, kept) = (domain(&machine), Kept::default());
    let log = Log::new(Arc::new(kept.clone()));
    let platform = TdxPlatform::start(kernel.tsm(), file(directory.path(), &machine), &log).unwrap();
    kernel.with(|state| state.provider = b"other".to_vec());
    assert_eq!(platform.quote(Digest([9; 32])), Err(QuoteFault));
    let enclave = Machine::new(Kind::Sgx);
    let library = Library::new(&enclave);
    let files = Box::new(library.clone());
    let collateral = file(directory.path(), &enclave);
    let platform = SgxPlatform::start(files, Path::new("/"), collateral, &log).unwrap();
    library.with(|state| state.disturbances = ATTEMPTS);
    assert_eq!(platform.quote(Digest([9; 32])), Err(QuoteFault));
    platform.quote(Digest([9; 32])).unwrap();
    let words = [
        "Fail TDX: the kernel's reports are of other, not of tdx_guest",
        "Fail SGX: the quote is for another question: something else in this process asks, too",
    ];
    assert_eq!(*kept.0.lock().unwrap(), words);
}

#[test]
fn domains_and_enclaves_are_known_by_their_files() {
    let root = tempfile::tempdir().unwrap();
    assert!(!TdxPlatform::is_there(root.path()) && !SgxPlatform::is_there(root.path()));
    let log = Log::discard();
    let tsm = Tsm::new(Box::new(Kernel), root.path());
    let started = TdxPlatform::start(tsm, CollateralFile(None), &log);
    assert!(matches!(started.err().unwrap(), NoEvidence::Kernel(_)));
    let started = SgxPlatform::start(Box::new(Kernel), root.path(), CollateralFile(None), &log);
    assert!(matches!(started.err().unwrap(), NoEvidence::Library(_)));
    fs::create_dir_all(root.path().join("dev/attestation")).unwrap();
    fs::write(root.path().join("dev/tdx_guest"), "").unwrap();
    assert!(TdxPlatform::is_there(root.path()) && !SgxPlatform::is_there(root.path()));
    fs::write(root.path().join("dev/attestation/user_report_data"), "").unwrap();
    assert!(SgxPlatform::is_there(root.path()));
    assert!(!root.path().join(DIRECTORY).exists());
}
