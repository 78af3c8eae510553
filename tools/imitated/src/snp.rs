//! A machine with SEV-SNP, and what its maker says about it.

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, PublicKey, RsaKey, SignatureForm, SystemEntropy, hash::HashAlgorithm, pem,
    rsa::RsaBits, signature::SignatureScheme, x509::UnixTime,
};
use coco_wire::Digest;

use crate::der::{CERTIFICATES, Fields, REVOCATION_LISTS, authority, day, element, extension};

/// Bytes of a report.
const REPORT_LEN: usize = 1184;
/// How many of them are signed, and where the two halves of the signature follow.
const SIGNED_LEN: usize = 0x2a0;
const HALVES: [usize; 2] = [0x2a0, 0x2e8];
/// Bytes that a number of a signature by ECDSA on P-384 has.
const NUMBER_LEN: usize = 48;

/// Where fields of a report begin, in bytes (AMD publication 56860, section 7.3).
pub mod at {
    /// What the guest demands of its host: 8 bytes.
    pub const POLICY: usize = 0x08;
    /// What the platform is: 8 bytes.
    pub const PLATFORM: usize = 0x40;
    /// Privilege level that asked: 4 bytes.
    pub const VMPL: usize = 0x30;
    /// What the guest had signed: 64 bytes.
    pub const REPORT_DATA: usize = 0x50;
    /// Of the guest: 48 bytes.
    pub const MEASUREMENT: usize = 0x90;
    /// What the host gave: 32 bytes.
    pub const HOST_DATA: usize = 0xc0;
    /// The four versions of the trusted computing base, 8 bytes each: current, reported, committed, at the launch.
    pub const TCB: [usize; 4] = [0x38, 0x180, 0x1e0, 0x1f0];
    /// Family, model and stepping of the processor: a byte each, from version 3 of the format on.
    pub const PROCESSOR: usize = 0x188;
    /// Of the chip: 64 bytes.
    pub const CHIP_ID: usize = 0x1a0;
}

/// Lines of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Third generation.
    Milan,
    /// Fourth generation.
    Genoa,
    /// Fifth generation.
    Turin,
}

impl Line {
    const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// Family, model and stepping of a processor.
    fn processor(self) -> [u8; 3] {
        match self {
            Self::Milan => [0x19, 0x01, 1],
            Self::Genoa => [0x19, 0x11, 1],
            Self::Turin => [0x1a, 0x02, 1],
        }
    }

    fn chip_id_len(self) -> usize {
        match self {
            Self::Milan | Self::Genoa => 64,
            Self::Turin => 8,
        }
    }

    /// Bytes of a version of the trusted computing base, packed.
    fn packed(self) -> [u8; 8] {
        match self {
            Self::Milan | Self::Genoa => [4, 1, 0, 0, 0, 0, 24, 219],
            Self::Turin => [2, 4, 1, 3, 0, 0, 0, 219],
        }
    }

    /// The extensions that say the same in an end certificate.
    fn tcb_extensions(self) -> Vec<Vec<u8>> {
        let parts: &[(u8, u8)] = match self {
            Self::Milan | Self::Genoa => &[(1, 4), (2, 1), (4, 0), (5, 0), (6, 0), (7, 0), (3, 24), (8, 219)],
            Self::Turin => &[(9, 2), (1, 4), (2, 1), (3, 3), (5, 0), (6, 0), (7, 0), (8, 219)],
        };
        parts.iter().map(|(part, value)| tcb_extension(*part, *value)).collect()
    }
}

/// Keys of the maker, of a chip, and of somebody else.
pub struct Keys {
    /// Of the root: RSA.
    pub root: PrivateKey,
    /// Of the intermediate: RSA.
    pub intermediate: PrivateKey,
    /// Of the chip: P-384.
    pub chip: PrivateKey,
    /// Of whom nobody vouches for: P-384.
    pub other: PrivateKey,
}

/// Those of this run.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let ec = || PrivateKey::Ec(EcKey::generate(Curve::P384, &SystemEntropy));
    KEYS.get_or_init(|| Keys {
        root: PrivateKey::Rsa(RsaKey::generate(RsaBits::B2048)),
        intermediate: PrivateKey::Rsa(RsaKey::generate(RsaBits::B2048)),
        chip: ec(),
        other: ec(),
    })
}

/// When everything is valid.
pub const NOW: UnixTime = day(50);
/// Common name of the root.
pub const ROOT: &str = "ARK";
/// Common name of the intermediate.
pub const INTERMEDIATE: &str = "SEV";

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Machine {
    /// Of the processor.
    pub line: Line,
    /// The report; its signature is made by [`Self::sign`].
    pub report: Vec<u8>,
    /// Who signs it.
    pub report_key: &'static PrivateKey,
    /// The certificate of the chip's key.
    pub end: Fields,
    /// Of who signed that.
    pub intermediate: Fields,
    /// Of who signed that, and itself.
    pub root: Fields,
    /// DER of revocation lists.
    pub lists: Vec<Vec<u8>>,
    /// Endorsements of the utility VM.
    pub uvm: Option<Vec<u8>>,
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What the processor signed.
    pub report: Vec<u8>,
    /// PEM of the end, the intermediate and the root.
    pub certificates: Vec<u8>,
    /// DER of revocation lists.
    pub lists: Vec<Vec<u8>>,
    /// Endorsements of the utility VM.
    pub uvm: Option<Vec<u8>>,
    /// Names of the root keys to believe it by, in the order of [`Line`]; those of other lines are keys of nobody.
    pub roots: [Digest; 3],
}

/// A part of the trusted computing base, as an end certificate says it.
pub fn tcb_extension(part: u8, value: u8) -> Vec<u8> {
    let content = if value < 0x80 { vec![value] } else { vec![0, value] };
    extension(&format!("1.3.6.1.4.1.3704.1.3.{part}"), &element(0x02, &[&content]))
}

/// A text, such as the line of processors (2) or the provider (5).
pub fn text_extension(last: u8, text: &str) -> Vec<u8> {
    extension(&format!("1.3.6.1.4.1.3704.1.{last}"), &element(0x16, &[text.as_bytes()]))
}

/// The chip.
pub fn chip_extension(chip: &[u8]) -> Vec<u8> {
    extension("1.3.6.1.4.1.3704.1.4", chip)
}

impl Machine {
    /// A guest on this line of processors, with a report of this version of the format.
    pub fn new(line: impl Into<Line>, version: u32) -> Self {
        let (line, keys) = (line.into(), keys());
        let chip = &[0xc1; 64][..line.chip_id_len()];
        let mut extensions = vec![text_extension(2, &format!("{}-B0", line.name())), chip_extension(chip)];
        extensions.extend(line.tcb_extensions());
        let end = Fields::new(&[0], (INTERMEDIATE, "SEV-VCEK"), &keys.chip, extensions, &keys.intermediate);
        let intermediate = authority(Some(0), CERTIFICATES);
        let intermediate =
            Fields::new(&[1, 0, 1], (ROOT, INTERMEDIATE), &keys.intermediate, intermediate, &keys.root);
        let root = authority(None, CERTIFICATES | REVOCATION_LISTS);
        let root = Fields::new(&[1, 0, 0], (ROOT, ROOT), &keys.root, root, &keys.root);
        Self {
            line,
            report: report(line, version),
            report_key: &keys.chip,
            end,
            intermediate,
            root,
            lists: Vec::new(),
            uvm: None,
        }
    }

    /// The common case.
    pub fn milan() -> Self {
        Self::new(Line::Milan, 3)
    }

    /// A machine of a provider that signs with its own key.
    pub fn of_provider(name: &str) -> Self {
        let mut machine = Self::milan();
        machine.end.subject = "SEV-VLEK";
        machine.end.extensions[1] = text_extension(5, name);
        machine.put(0x48, &[0b100]);
        machine.put(at::CHIP_ID, &[0; 64]);
        machine
    }

    /// Changes bytes of the report.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.report[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Has the report bound to a digest, which zeros follow, as nodes have it.
    pub fn bind(&mut self, report_data: &Digest) {
        self.put(at::REPORT_DATA, &report_data.0);
        self.put(at::REPORT_DATA + Digest::LEN, &[0; 32]);
    }

    /// The report, signed.
    pub fn sign_report(&self) -> Vec<u8> {
        let mut report = self.report.clone();
        let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
        let signature = self.report_key.sign(scheme, &report[..SIGNED_LEN]).expect("an elliptic curve's key");
        for (at, number) in HALVES.into_iter().zip(signature.chunks_exact(NUMBER_LEN)) {
            let number: Vec<u8> = number.iter().rev().copied().collect();
            report[at..at + NUMBER_LEN].copy_from_slice(&number);
        }
        report
    }

    /// What the machine shows.
    pub fn sign(&self) -> Evidence {
        let certificates = [&self.end, &self.intermediate, &self.root].map(Fields::sign);
        let trusted = self.root.key.public_key().id();
        let nobody = PublicKey::id(&keys().other.public_key());
        Evidence {
            report: self.sign_report(),
            certificates: to_pem(&certificates),
            lists: self.lists.clone(),
            uvm: self.uvm.clone(),
            roots: Line::ALL.map(|line| if line == self.line { trusted } else { nobody }),
        }
    }
}

/// A report before it is signed.
fn report(line: Line, version: u32) -> Vec<u8> {
    let mut report = vec![0; REPORT_LEN];
    let mut put = |at: usize, bytes: &[u8]| report[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &version.to_le_bytes());
    put(at::POLICY, &0x3_001f_u64.to_le_bytes());
    put(0x34, &1_u32.to_le_bytes());
    put(at::PLATFORM, &0x25_u64.to_le_bytes());
    put(at::REPORT_DATA, &[0xda; 64]);
    put(at::MEASUREMENT, &[0x3e; 48]);
    put(at::HOST_DATA, &[0x40; 32]);
    for tcb in at::TCB {
        put(tcb, &line.packed());
    }
    if version >= 3 {
        put(at::PROCESSOR, &line.processor());
    }
    put(at::CHIP_ID, &[0xc1; 64][..line.chip_id_len()]);
    put(0x1e8, &[29, 55, 1, 0, 29, 55, 1, 0]);
    if version >= 5 {
        put(0x1f8, &[3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    }
    report
}

/// PEM of certificates, one behind the other.
pub fn to_pem(certificates: &[Vec<u8>]) -> Vec<u8> {
    certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect::<String>().into_bytes()
}
