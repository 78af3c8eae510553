//! A machine that Azure never had.

use coco_crypto::{PublicKey, hash::sha256};
use coco_wire::{
    Digest,
    text::{encode_base64url, encode_hex},
};

use crate::{
    snp::{self, Machine},
    tpm::{Shown, Tpm, keys},
};

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Azure {
    /// The hardware.
    pub snp: Machine,
    /// The paravisor's TPM.
    pub tpm: Tpm,
    /// What the paravisor says: JSON.
    pub runtime: String,
    /// What the frame begins with.
    pub magic: [u8; 4],
    /// Of the frame.
    pub version: u32,
    /// The kind of request.
    pub request: u32,
    /// Of the second header.
    pub runtime_version: u32,
    /// The kind of hardware.
    pub hardware: u32,
    /// The hash by which the hardware is bound.
    pub hash: u32,
    /// What each of the three lengths is too long by: of everything, of the runtime data with and without header.
    pub excess: [u32; 3],
    /// Whether the hardware is bound to the runtime data.
    pub bound: bool,
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// Of the hardware, with a frame around it.
    pub report: Vec<u8>,
    /// Of the hardware.
    pub snp: snp::Evidence,
    /// Of the TPM.
    pub tpm: Shown,
}

/// Hardware with SEV-SNP.
pub const SNP: u32 = 2;
/// Hardware with TDX.
pub const TDX: u32 = 4;

impl Azure {
    /// One that is to be believed.
    pub fn genuine() -> Self {
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

    /// Has its quote bound to a digest.
    pub fn bind(&mut self, report_data: &Digest) {
        self.tpm.nonce = report_data.0.to_vec();
    }

    /// What it shows.
    pub fn sign(&self) -> Signed {
        let mut machine = self.snp.clone();
        machine.put(0x50, &self.bound_data());
        let snp = machine.sign();
        Signed { report: self.frame(&snp.report), snp, tpm: self.tpm.show() }
    }

    /// The report data of the hardware's report.
    pub fn bound_data(&self) -> [u8; 64] {
        let mut data = [0; 64];
        if self.bound {
            data[..32].copy_from_slice(&sha256(self.runtime.as_bytes()).0);
        }
        data
    }

    /// The frame around a report of SEV-SNP, or one of TDX in its place.
    pub fn frame(&self, snp: &[u8]) -> Vec<u8> {
        let mut hardware = snp.to_vec();
        if self.hardware == TDX {
            hardware.fill(0);
            hardware[0] = 0x81;
            hardware[16..128].fill(0x7d);
            hardware[128..192].copy_from_slice(&self.bound_data());
            hardware[192..1024].fill(0x7d);
        }
        let runtime_len = u32::try_from(self.runtime.len()).expect("it is short");
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
pub fn runtime(name: &str, key: &PublicKey) -> String {
    let PublicKey::Rsa(key) = key else { unreachable!("the TPM has an RSA key") };
    let (modulus, exponent) = key.numbers();
    let [modulus, exponent] = [modulus, exponent].map(|number| encode_base64url(&number));
    let user_data = encode_hex(&[0xab; 64]).to_uppercase();
    format!(
        r#"{{"keys":[{{"kid":"{name}","key_ops":["sign"],"kty":"RSA","e":"{exponent}","n":"{modulus}"}},{{"kid":"HCLEkPub","kty":"RSA"}}],"vm-configuration":{{"console-enabled":false,"secure-boot":true,"tpm-enabled":true,"vmUniqueId":"NAME"}},"user-data":"{user_data}"}}"#
    )
}
