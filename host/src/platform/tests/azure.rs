//! A confidential machine of Azure: what it shows is believed, and why there may be nothing to show.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use coco_attest::{
    Details, Policy, ReportData, Roots,
    sev_snp::{self, Requirements, servers::NoAnswer},
    tpm::PcrSet,
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_imitated::{
    azure::{Azure, TDX, runtime},
    snp::{Machine, NOW},
    software_tpm::{SoftwareTpm, kind},
};
use coco_wire::Digest;

use super::tpm::Socket;
use crate::platform::{
    EvidenceSource as _,
    azure::{AzurePlatform, NoEvidence},
    sev_snp::{Endorser, Unendorsed},
    tpm::{Channel, Tpm},
};

/// Handle of the key, and index of the data area.
const KEY: u32 = 0x8100_0003;
const AREA: u32 = 0x0140_0001;

/// Servers with these certificates, or none.
struct Servers(Option<Vec<u8>>);

impl Endorser for Servers {
    fn certificates(&self, _: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        self.0.clone().ok_or_else(|| NoAnswer::NoServers.into())
    }
}

/// The TPM of a machine, which understands what the host asks, and nothing more.
struct Imitated {
    machine: Azure,
    /// The number of a command that it refuses.
    refuses: Option<u32>,
    /// Whether it is gone.
    gone: Arc<AtomicBool>,
}

const NV_READ_PUBLIC: u32 = 0x169;
const NV_READ: u32 = 0x14e;
const READ_PUBLIC: u32 = 0x173;
const PCR_READ: u32 = 0x17e;
const QUOTE: u32 = 0x158;

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn answer(tag: u16, rest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + rest.len()).unwrap();
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &[0; 4], rest].concat()
}

/// An answer to a command with a session.
fn of_session(parameters: &[u8]) -> Vec<u8> {
    let size = u32::try_from(parameters.len()).unwrap().to_be_bytes();
    answer(0x8002, &[&size[..], parameters, &[0; 5]].concat())
}

impl Imitated {
    fn area(&self) -> Vec<u8> {
        self.machine.sign().report
    }

    /// The values of the PCRs with these bits.
    fn pcrs(&self, selected: [u8; 3]) -> Vec<u8> {
        let mut tpm = self.machine.tpm.clone();
        tpm.selected = selected;
        let values: Vec<Vec<u8>> = tpm.values().chunks(32).map(sized).collect();
        let count = u32::try_from(values.len()).unwrap().to_be_bytes();
        let selection = [&[0, 0, 0, 1, 0, 0x0b, 3][..], &selected].concat();
        [&[0; 4][..], &selection, &count, &values.concat()].concat()
    }
}

impl Channel for Imitated {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let number = |at: usize| u32::from_be_bytes(command[at..at + 4].try_into().unwrap());
        let half = |at: usize| usize::from(u16::from_be_bytes(command[at..at + 2].try_into().unwrap()));
        let code = number(6);
        if self.gone.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.refuses == Some(code) {
            return Ok([&[0x80, 1, 0, 0, 0, 10, 0, 0][..], &[0x01, 0x8b]].concat());
        }
        Ok(match code {
            NV_READ_PUBLIC => {
                assert_eq!(number(10), AREA);
                let size = u16::try_from(self.area().len()).unwrap().to_be_bytes();
                let public = [&AREA.to_be_bytes()[..], &[0, 0x0b], &[0; 4], &[0, 0], &size].concat();
                answer(0x8001, &[sized(&public), sized(&[])].concat())
            }
            NV_READ => {
                let (size, offset) = (half(command.len() - 4), half(command.len() - 2));
                let area = self.area();
                of_session(&sized(&area[offset..(offset + size.min(1024)).min(area.len())]))
            }
            READ_PUBLIC => {
                assert_eq!(number(10), KEY);
                let public = self.machine.tpm.show().public;
                answer(0x8001, &[public, sized(&[]), sized(&[])].concat())
            }
            PCR_READ => answer(0x8001, &self.pcrs(command[command.len() - 3..].try_into().unwrap())),
            QUOTE => {
                let mut tpm = self.machine.tpm.clone();
                // Header, handle, session with its length, then the nonce.
                let at = 10 + 4 + 4 + usize::try_from(number(14)).unwrap();
                tpm.nonce = command[at + 2..at + 2 + half(at)].to_vec();
                tpm.selected = command[command.len() - 3..].try_into().unwrap();
                let shown = tpm.show();
                of_session(&[sized(&shown.message), shown.signature].concat())
            }
            other => panic!("command {other:#x}"),
        })
    }
}

fn imitated(machine: &Azure) -> Tpm {
    Tpm::new(Box::new(Imitated { machine: machine.clone(), refuses: None, gone: Arc::default() }))
}

fn certificates(machine: &Azure) -> Option<Vec<u8>> {
    Some(machine.snp.sign().certificates)
}

fn start(tpm: Tpm, servers: Option<Vec<u8>>) -> Result<AzurePlatform, NoEvidence> {
    AzurePlatform::start(tpm, None, Box::new(Servers(servers)), &Log::discard())
}

/// What evidence says that the root keys of a machine vouch for.
fn believe(evidence: Evidence, machine: &Machine, report_data: Digest) -> coco_attest::Claims {
    assert_eq!(evidence.format, EvidenceFormat::AzureCvm);
    let [milan, genoa, turin] = machine.sign().roots;
    let roots = Roots { sev_snp: sev_snp::Roots { milan, genoa, turin }, ..Roots::MAKERS };
    let evidence = coco_attest::Evidence {
        platform: coco_attest::Platform::AzureCvm,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let sev_snp = Requirements { roots: roots.sev_snp, ..Requirements::STRICT };
    let policy = Policy { sev_snp, ..Policy::strict(NOW) };
    coco_attest::verify(&evidence, &ReportData(report_data), &policy).unwrap()
}

/// All PCRs but those of IMA and of the machine itself.
const QUOTED: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14]);

#[test]
fn evidence_of_a_machine_is_believed() {
    let machine = Azure::genuine();
    let platform = start(imitated(&machine), certificates(&machine)).unwrap();
    let report_data = Digest([7; 32]);
    let claims = believe(platform.quote(report_data).unwrap(), &machine.snp, report_data);
    let Details::AzureCvm(claims) = claims.details else { panic!("of Azure") };
    assert_eq!(claims.tpm.quote.selected, QUOTED);
    assert_eq!(claims.tpm.pcrs.value(7), Some(&machine.tpm.pcrs[7][..]));
    assert_eq!(claims.runtime.configuration.secure_boot, Some(true));
}

#[test]
fn evidence_of_a_machine_with_a_software_tpm_is_believed() {
    let Some(software) = SoftwareTpm::start("no machine of Azure's with a software TPM is asked") else {
        return;
    };
    software.make_key(kind::RSA, KEY);
    // The paravisor knows the key of its TPM.
    let public = coco_attest::tpm::Public::read(&{
        let tpm = Tpm::new(Box::new(Socket(software.socket())));
        tpm.quote(KEY, QUOTED, &[]).unwrap().public
    });
    let mut machine = Azure::genuine();
    machine.runtime = runtime("HCLAkPub", &public.unwrap().key);
    software.make_area(AREA, &machine.sign().report);
    let tpm = Tpm::new(Box::new(Socket(software.socket())));
    let platform = start(tpm, certificates(&machine)).unwrap();
    let report_data = Digest([8; 32]);
    believe(platform.quote(report_data).unwrap(), &machine.snp, report_data);
}

#[test]
fn a_machine_without_evidence_says_why() {
    let words = |tpm: Tpm, servers| start(tpm, servers).err().unwrap().to_string();
    let machine = Azure::genuine();
    let changed = |change: fn(&mut Azure)| {
        let mut machine = machine.clone();
        change(&mut machine);
        imitated(&machine)
    };
    let refusing = |code| {
        let machine = machine.clone();
        Tpm::new(Box::new(Imitated { machine, refuses: Some(code), gone: Arc::default() }))
    };
    let given = || certificates(&machine);
    let cases = [
        (
            words(changed(|it| it.magic = *b"ABCD"), given()),
            "the report in the TPM: Azure: not a paravisor report",
        ),
        (words(changed(|it| it.hardware = TDX), given()), "the machine is not on AMD SEV-SNP"),
        (words(refusing(NV_READ_PUBLIC), given()), "the TPM refuses TPM2_NV_ReadPublic"),
        (words(refusing(QUOTE), given()), "the TPM refuses TPM2_Quote"),
        (
            words(imitated(&machine), None),
            "no certificates of the processor: no `attestation.snp_endorsements_file`; \
             `attestation.snp_endorsements_servers`: there is no server to ask",
        ),
    ];
    for (words, expected) in cases {
        assert!(words.starts_with(expected), "{words}");
    }
    let file = Some(b"{}".to_vec());
    let log = Log::discard();
    let refused =
        AzurePlatform::start(imitated(&machine), file, Box::new(Servers(None)), &log).err().unwrap();
    assert!(refused.to_string().contains("`attestation.snp_endorsements_file`: "), "{refused}");
}

#[test]
fn what_is_lost_later_is_a_fault() {
    let machine = Azure::genuine();
    let gone = Arc::new(AtomicBool::new(false));
    let tpm = Imitated { machine: machine.clone(), refuses: None, gone: gone.clone() };
    let platform = start(Tpm::new(Box::new(tpm)), certificates(&machine)).unwrap();
    platform.quote(Digest([7; 32])).unwrap();
    gone.store(true, Ordering::Relaxed);
    assert_eq!(platform.quote(Digest([7; 32])), Err(QuoteFault));
}
