//! A confidential machine of Azure: what it shows is believed, and why there may be nothing to show.

use std::sync::atomic::Ordering;

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

use super::{
    chip::{Chip, NV_READ_PUBLIC, QUOTE},
    tpm::Socket,
};
use crate::platform::{
    EvidenceSource as _,
    azure::{AzurePlatform, NoEvidence},
    sev_snp::{Endorser, Unendorsed},
    tpm::Tpm,
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

fn imitated(machine: &Azure) -> Tpm {
    Tpm::new(Box::new(chip(machine)))
}

fn chip(machine: &Azure) -> Chip {
    Chip { area: (AREA, machine.sign().report), ..Chip::new(machine.tpm.clone(), KEY) }
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
    let refusing = |code| Tpm::new(Box::new(Chip { refuses: Some(code), ..chip(&machine) }));
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
    let chip = chip(&machine);
    let gone = chip.gone.clone();
    let platform = start(Tpm::new(Box::new(chip)), certificates(&machine)).unwrap();
    platform.quote(Digest([7; 32])).unwrap();
    gone.store(true, Ordering::Relaxed);
    assert_eq!(platform.quote(Digest([7; 32])), Err(QuoteFault));
}
