//! A machine that Azure never had.

use coco_crypto::{PublicKey, hash::sha256};
use coco_wire::text::{encode_base64url, encode_hex};

use super::super::{Claims, Demand, Evidence, Refusal, Requirements, verify_snp, verify_tdx};
use crate::{
    sev_snp,
    tests::{
        snp::{self, Machine, Verify as _},
        tpm::{NONCE, NOW, Shown, Tpm, keys, structure},
    },
    tpm::{self, PcrSet, Quoted},
};

/// What is required of it.
pub(super) const STRICT: Requirements<'static> = Requirements {
    tpm: tpm::Requirements { nonce: NONCE, replayed: PcrSet::of(&[0, 7]), ..tpm::Requirements::STRICT },
    user_data: Some([0xab; 64]),
    demands: &[Demand::SecureBoot, Demand::NoConsole],
};

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub(super) struct Azure {
    pub(super) snp: Machine,
    pub(super) tpm: Tpm,
    pub(super) runtime: String,
    pub(super) magic: [u8; 4],
    pub(super) version: u32,
    pub(super) request: u32,
    pub(super) runtime_version: u32,
    pub(super) hardware: u32,
    pub(super) hash: u32,
    /// What each of the three lengths is too long by: of everything, of the runtime data with and without header.
    pub(super) excess: [u32; 3],
    /// Whether the hardware is bound to the runtime data.
    pub(super) bound: bool,
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) report: Vec<u8>,
    pub(super) snp: snp::Evidence,
    pub(super) tpm: Shown,
}

pub(super) const SNP: u32 = 2;
pub(super) const TDX: u32 = 4;

impl Azure {
    pub(super) fn new() -> Self {
        let mut tpm = Tpm::new(&keys().rsa);
        tpm.measure(0, 8, b"version");
        tpm.measure(7, 4, &[0; 4]);
        Self {
            snp: Machine::milan(),
            tpm,
            runtime: runtime("HCLAkPub", &keys().rsa.public_key()),
            magic: *b"HCLA",
            version: 2,
            request: 2,
            runtime_version: 1,
            hardware: SNP,
            hash: 1,
            excess: [0; 3],
            bound: true,
        }
    }

    pub(super) fn sign(&self) -> Signed {
        let mut machine = self.snp.clone();
        machine.put(0x50, &self.bound_data());
        let snp = machine.sign();
        Signed { report: self.frame(&snp.report), snp, tpm: self.tpm.show() }
    }

    /// The report data of the hardware's report.
    pub(super) fn bound_data(&self) -> [u8; 64] {
        let mut data = [0; 64];
        if self.bound {
            data[..32].copy_from_slice(&sha256(self.runtime.as_bytes()).0);
        }
        data
    }

    /// The frame around a report of SEV-SNP, or one of TDX in its place.
    pub(super) fn frame(&self, snp: &[u8]) -> Vec<u8> {
        let mut hardware = snp.to_vec();
        if self.hardware == TDX {
            hardware.fill(0);
            hardware[0] = 0x81;
            hardware[16..128].fill(0x7d);
            hardware[128..192].copy_from_slice(&self.bound_data());
            hardware[192..1024].fill(0x7d);
        }
        let runtime_len = u32::try_from(self.runtime.len()).unwrap();
        let lengths = [32 + 1184 + 20 + runtime_len, 20 + runtime_len, runtime_len];
        let [whole, with_header, runtime_len] = [0, 1, 2].map(|at| lengths[at] + self.excess[at]);
        let header = [self.version, whole, self.request, 0, 0, 0, 0];
        let runtime = [with_header, self.runtime_version, self.hardware, self.hash, runtime_len];
        let mut report = self.magic.to_vec();
        report.extend(header.iter().flat_map(|number| number.to_le_bytes()));
        report.extend(hardware);
        report.extend(runtime.iter().flat_map(|number| number.to_le_bytes()));
        report.extend(self.runtime.as_bytes());
        report.extend([0; 40]);
        report
    }
}

/// JSON with a key of this name.
pub(super) fn runtime(name: &str, key: &PublicKey) -> String {
    let PublicKey::Rsa(key) = key else { unreachable!("the TPM has an RSA key") };
    let (modulus, exponent) = key.numbers();
    let [modulus, exponent] = [modulus, exponent].map(|number| encode_base64url(&number));
    let user_data = encode_hex(&[0xab; 64]).to_uppercase();
    format!(
        r#"{{"keys":[{{"kid":"{name}","key_ops":["sign"],"kty":"RSA","e":"{exponent}","n":"{modulus}"}},{{"kid":"HCLEkPub","kty":"RSA"}}],"vm-configuration":{{"console-enabled":false,"secure-boot":true,"tpm-enabled":true,"vmUniqueId":"NAME"}},"user-data":"{user_data}"}}"#
    )
}

impl Signed {
    pub(super) fn quoted(&self) -> Quoted<'_> {
        Quoted { message: &self.tpm.message, signature: structure(&self.tpm), pcrs: &self.tpm.pcrs }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence { report: &self.report, quoted: self.quoted(), log: Some(&self.tpm.log) }
    }

    pub(super) fn verify_with(
        &self,
        snp: &sev_snp::Requirements<'_>,
        requirements: &Requirements<'_>,
    ) -> Result<(sev_snp::Claims, Claims<'_>), Refusal> {
        let endorsements =
            sev_snp::Endorsements { certificates: &self.snp.certificates, revocation_lists: &[], uvm: None };
        let snp = sev_snp::Requirements { roots: self.snp.trusted(), ..*snp };
        verify_snp(&self.evidence(), &endorsements, &snp, requirements, NOW)
    }

    pub(super) fn verify(&self) -> Result<(sev_snp::Claims, Claims<'_>), Refusal> {
        self.verify_with(&sev_snp::Requirements::STRICT, &STRICT)
    }

    pub(super) fn verify_tdx(&self, report_data: &[u8; 64]) -> Result<Claims<'_>, Refusal> {
        verify_tdx(&self.evidence(), report_data, &STRICT, NOW)
    }
}
