//! Machines that were never built, behind the devices that nodes ask.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use coco_attest::{Roots, sev_snp};
use coco_boundary::Log;
use coco_e2e::embedded::Ground;
use coco_host::platform::{
    EvidenceSource,
    intel::CollateralFile,
    sev_snp::{Endorsements, Endorser, SnpPlatform, Unendorsed},
    sgx::SgxPlatform,
    tdx::TdxPlatform,
    tsm::{Files, Tsm},
};
use coco_imitated::{der::day, intel, snp};
use coco_wire::text::encode_hex;

/// EAX of CPUID function 1 of the machine with SEV-SNP.
pub(super) const CPUID: &str = "00a00f11";
/// The kind of both machines of Intel's.
pub(super) const FMSPC: &str = "50806f000000";
/// In 2048: certificates write later dates in another way.
const END: i64 = 9_000;

/// Kinds of machines.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    SevSnp,
    Tdx,
    Sgx,
    /// One that somebody else signs for.
    ForgedTdx,
}

/// What a machine of Intel's shows, as tables spell it.
pub(super) struct Shown {
    pub(super) measurement: String,
    pub(super) host_data: String,
    /// What registers 1 and 2 of TDX are.
    pub(super) registers: String,
}

pub(super) fn tdx() -> Shown {
    let machine = intel::Machine::new(intel::Kind::Tdx10);
    let field = |at: usize| encode_hex(&machine.body[at..at + 48]);
    Shown {
        measurement: field(intel::domain_at::MEASUREMENT),
        host_data: field(intel::domain_at::CONFIG_ID),
        registers: field(intel::domain_at::REGISTERS[1]),
    }
}

pub(super) fn sgx() -> Shown {
    let machine = intel::Machine::new(intel::Kind::Sgx);
    let field = |at: usize, len: usize| encode_hex(&machine.body[at..at + len]);
    Shown {
        measurement: field(intel::enclave_at::MEASUREMENT, 32),
        host_data: field(intel::enclave_at::CONFIG_ID, 64),
        registers: String::new(),
    }
}

fn snp_machine() -> snp::Machine {
    let mut machine = snp::Machine::milan();
    for certificate in [&mut machine.end, &mut machine.intermediate, &mut machine.root] {
        certificate.end = day(END);
    }
    machine
}

fn intel_machine(kind: intel::Kind) -> intel::Machine {
    intel::Machine::new(kind).lasting(day(END))
}

impl Kind {
    /// Such a machine; it keeps files in `directory`.
    pub(super) fn ground(self, directory: &Path) -> Ground {
        let platform: Arc<dyn EvidenceSource> = match self {
            Self::SevSnp => Arc::new(of_snp()),
            Self::Tdx => Arc::new(of_tdx(directory, intel_machine(intel::Kind::Tdx10))),
            Self::ForgedTdx => {
                let mut machine = intel_machine(intel::Kind::Tdx10);
                machine.quote_key = &intel::keys().other;
                Arc::new(of_tdx(directory, machine))
            }
            Self::Sgx => Arc::new(of_sgx(directory)),
        };
        let [milan, genoa, turin] = snp_machine().sign().roots;
        let intel = intel_machine(intel::Kind::Sgx).sign().root;
        let sev_snp = sev_snp::Roots { milan, genoa, turin };
        Ground { platform, roots: Roots { sev_snp, intel, ..Roots::MAKERS } }
    }
}

/// Hands out certificates of the processor.
struct Given(Vec<u8>);

impl Endorser for Given {
    fn certificates(&self, _: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        Ok(self.0.clone())
    }
}

fn of_snp() -> SnpPlatform {
    let answer = |question: &[u8]| {
        let mut machine = snp_machine();
        machine.put(snp::at::REPORT_DATA, question);
        machine.sign().report
    };
    let tsm = Tsm::new(Box::new(Kernel::new("sev_guest", answer)), Path::new("/"));
    let servers = Box::new(Given(snp_machine().sign().certificates));
    let endorsements = Endorsements { processor: None, servers, uvm: None };
    SnpPlatform::start(Box::new(tsm), endorsements, &Log::discard()).unwrap()
}

/// Where the collateral of a machine is.
fn collateral(directory: &Path, name: &str, machine: &intel::Machine) -> CollateralFile {
    let path = directory.join(name);
    fs::write(&path, machine.sign().collateral.to_json()).unwrap();
    CollateralFile(Some(path))
}

fn of_tdx(directory: &Path, machine: intel::Machine) -> TdxPlatform {
    let collateral = collateral(directory, "tdx.json", &machine);
    let answer = move |question: &[u8]| {
        let mut machine = machine.clone();
        machine.put(intel::domain_at::REPORT_DATA, question);
        machine.sign().quote
    };
    let tsm = Tsm::new(Box::new(Kernel::new("tdx_guest", answer)), Path::new("/"));
    TdxPlatform::start(tsm, collateral, &Log::discard()).unwrap()
}

fn of_sgx(directory: &Path) -> SgxPlatform {
    let machine = intel_machine(intel::Kind::Sgx);
    let collateral = collateral(directory, "sgx.json", &machine);
    let answer = move |question: &[u8]| {
        let mut machine = machine.clone();
        machine.put(intel::enclave_at::REPORT_DATA, question);
        machine.sign().quote
    };
    let library = Box::new(Kernel::new("dcap", answer));
    SgxPlatform::start(library, Path::new("/"), collateral, &Log::discard()).unwrap()
}

/// What hardware signs, with a question in it.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// What answers questions that are written into files: the kernel, or a library that runs enclaves.
struct Kernel {
    name: &'static str,
    answer: Sign,
    /// By folder: what was written last, and how often.
    questions: Mutex<BTreeMap<PathBuf, (Vec<u8>, u32)>>,
}

impl Kernel {
    fn new(name: &'static str, answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self { name, answer: Box::new(answer), questions: Mutex::default() }
    }
}

impl Files for Kernel {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.questions.lock().unwrap().insert(path.to_path_buf(), (Vec::new(), 0));
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.questions.lock().unwrap().remove(path);
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let questions = self.questions.lock().unwrap();
        let question = questions.get(path.parent().unwrap());
        match (path.file_name().unwrap().to_str().unwrap(), question) {
            ("provider" | "attestation_type", _) => Ok(self.name.into()),
            ("generation", Some((_, generation))) => Ok(format!("{generation}\n").into_bytes()),
            ("outblob" | "quote", Some((question, _))) => Ok((self.answer)(question)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize> {
        let mut questions = self.questions.lock().unwrap();
        let (question, generation) = questions.entry(path.parent().unwrap().to_path_buf()).or_default();
        (*question, *generation) = (content.to_vec(), *generation + 1);
        Ok(content.len())
    }
}
