//! A guest of a machine that was never built, whose kernel gives reports and no certificates.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use coco_attest::{
    Policy, ReportData,
    sev_snp::{Requirements, Roots, servers::Service},
};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_host::platform::tsm::Files;
use coco_imitated::snp::{Machine, NOW, at};

use super::{
    loopback::{Act, Loopback, nobody},
    servers::{Kept, answers},
    *,
};

/// What was written into each folder, and how often.
struct Kernel(Mutex<BTreeMap<PathBuf, (Vec<u8>, u32)>>);

impl Files for Kernel {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().insert(path.to_path_buf(), (Vec::new(), 0));
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().remove(path);
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let questions = self.0.lock().unwrap();
        let (question, generation) = &questions[path.parent().unwrap()];
        match path.file_name().unwrap().to_str().unwrap() {
            "provider" => Ok(b"sev_guest\n".to_vec()),
            "generation" => Ok(format!("{generation}\n").into_bytes()),
            "outblob" => {
                let mut machine = Machine::milan();
                machine.put(at::REPORT_DATA, question);
                Ok(machine.sign().report)
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize> {
        let mut questions = self.0.lock().unwrap();
        let (question, generation) = questions.get_mut(path.parent().unwrap()).unwrap();
        (*question, *generation) = (content.to_vec(), *generation + 1);
        Ok(content.len())
    }
}

/// What vouches for a node in such a guest.
fn begin(attestation: &Attestation, log: &Log) -> Result<Vouching, PlatformError> {
    let (_stop, stopping) = watch::channel(false);
    let tsm = Tsm::new(Box::new(Kernel(Mutex::default())), Path::new("/"));
    Vouching::of_snp(Box::new(tsm), attestation, stopping, log)
}

fn believe(evidence: Evidence, report_data: Digest) {
    assert_eq!(evidence.format, EvidenceFormat::SevSnp);
    let evidence = coco_attest::Evidence {
        platform: Platform::SevSnp,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let [milan, genoa, turin] = Machine::milan().sign().roots;
    let sev_snp = Requirements { roots: Roots { milan, genoa, turin }, ..Requirements::STRICT };
    coco_attest::verify(&evidence, &ReportData(report_data), &Policy { sev_snp, ..Policy::strict(NOW) })
        .unwrap();
}

#[test]
fn a_node_is_believed_by_certificates_of_a_server() {
    let certificates = Machine::milan().sign().certificates;
    let directory = tempfile::tempdir().unwrap();
    // CCF's tests name such a file, so that servers are asked.
    let file = directory.path().join("host-amd-cert-base64");
    fs::write(&file, "").unwrap();
    let bad = Loopback::begin(Service::Azure, 0, vec![Act::good(b"no certificates")]);
    let good = Loopback::begin(Service::Amd, 0, answers(Service::Amd, &certificates));
    let attestation = Attestation {
        snp_endorsements_file: Some(file),
        snp_endorsements_servers: vec![bad.server.clone(), good.server.clone()],
        ..Attestation::default()
    };
    let kept = Kept::default();
    let vouching = begin(&attestation, &kept.log()).unwrap();
    for report_data in [Digest([9; 32]), Digest([10; 32])] {
        believe(vouching.source.quote(report_data).unwrap(), report_data);
    }
    assert_eq!((bad.asked().len(), good.asked().len()), (1, 2));
    let expected = [
        "Fail its certificates do not go with the report: SEV-SNP: Expected 3 endorsement certificates but got 0; \
         asking the next server",
        "Info answered",
        "Info answered, and complete",
    ];
    assert_eq!(kept.tries(), expected);
}

#[test]
fn a_node_that_gets_none_does_not_start() {
    let absent = nobody(Service::Thim);
    let attestation =
        Attestation { snp_endorsements_servers: vec![absent.clone()], ..Attestation::default() };
    let words = begin(&attestation, &Log::discard()).err().unwrap().to_string();
    let begin_of_all = "SEV-SNP: no certificates of the processor: no `attestation.snp_endorsements_file`; with the \
        report: the host gives none; `attestation.snp_endorsements_servers`: Giving up retrying fetching attestation \
        endorsements from";
    assert_eq!(words, format!("{begin_of_all} [{}] after 0 attempts", absent.address));
    let words = begin(&Attestation::default(), &Log::discard()).err().unwrap().to_string();
    assert!(words.ends_with("`attestation.snp_endorsements_servers`: there is no server to ask"), "{words}");
}
