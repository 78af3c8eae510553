//! A machine with Windows that was never booted.

use coco_crypto::{
    PrivateKey,
    hash::{HashAlgorithm, sha256},
    signature::SignatureScheme,
};
use coco_wire::Digest;

use crate::{
    der::{CERTIFICATES, Fields, authority, critical_extension},
    snp::to_pem,
    tpm::{Shown, Tpm, keys},
};

/// Kinds of events (TCG PC Client Platform Firmware Profile, table 27).
pub mod kind {
    /// Nothing before it was measured by what comes after it.
    pub const SEPARATOR: u32 = 0x4;
    /// Anything, with a tag in front.
    pub const TAG: u32 = 0x6;
    /// The version of firmware.
    pub const VERSION: u32 = 0x8;
    /// A variable that configures what firmware loads.
    pub const VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
    /// An application that firmware loaded.
    pub const APPLICATION: u32 = 0x8000_0003;
    /// The part of a variable that vouched for what firmware loaded.
    pub const VARIABLE_AUTHORITY: u32 = 0x8000_00e0;
}

/// What the enclave has signed unless a test says something else.
pub const DATA: [u8; 64] = [0xda; 64];
/// Hash of the enclave's image.
pub const UNIQUE: [u8; 32] = [0x11; 32];
/// Who signed the image.
pub const AUTHOR: [u8; 32] = [0x22; 32];
/// What the author calls its family.
pub const FAMILY: [u8; 16] = [0x33; 16];
/// What the author calls it.
pub const IMAGE: [u8; 16] = [0x44; 16];
/// What whoever created the enclave gave it.
pub const OWNER_ID: [u8; 32] = [0x99; 32];
/// Of a part of Windows in the enclave.
pub const PART: [u8; 32] = [0x55; 32];
/// What Windows' boot manager is signed with in these tests, and what its certificate would be.
pub const SIGNER: &[u8] = b"certificate of a signer";
const OWNER: [u8; 16] = [0x77; 16];

/// 8be4df61-93ca-11d2-aa0d-00e098032b8c: variables of firmware itself.
pub const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
/// d719b2cb-3d3a-4596-a3bc-dad00e67656f: databases of signers.
pub const DATABASE: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// An event: a PCR, a kind, what is measured, and what the log says.
pub type Measured = (u32, u32, Vec<u8>, Vec<u8>);

/// Names the signer of Windows' boot manager: SHA-256 of the certificate.
pub fn signer() -> Digest {
    sha256(SIGNER)
}

/// What must be measured in a boot, as records with a tag.
pub const STATE: [(u32, &[u8]); 14] = [
    (0x0002_0002, &[4, 0, 0, 0, 0, 0, 0, 0]),
    (0x0004_0001, &[0]),
    (0x0005_0001, &[0]),
    (0x0005_0002, &[1]),
    (0x0005_0003, &[0]),
    (0x0005_0005, &[0]),
    (0x0005_0006, &[0]),
    (0x0005_000a, &[1, 0, 0, 0, 0, 0, 0, 0]),
    (0x0005_000d, &[0]),
    (0x0005_0012, &[1, 0, 0, 0, 0, 0, 0, 0]),
    (0x0005_0021, &[0]),
    (0x0005_0024, &[1]),
    (0x0005_0025, &[0]),
    (0x0005_0026, &[1]),
];
/// The tag of the secure kernel's key.
pub const SIGNING_KEY: u32 = 0x0005_0023;

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Windows {
    /// What is measured into.
    pub tpm: Tpm,
    /// What firmware measures into PCR 7 before its separator, and behind it.
    pub firmware: [Vec<Vec<u8>>; 2],
    /// What Windows measures into PCRs 12 and 13.
    pub state: [Vec<(u32, Vec<u8>)>; 2],
    /// PCRs that get a separator.
    pub separated: Vec<u32>,
    /// What is measured when the boot is over.
    pub later: Vec<Measured>,
    /// Of the enclave.
    pub report: ReportFields,
    /// What signs the report.
    pub report_key: &'static PrivateKey,
}

/// A report before it is signed.
#[derive(Clone)]
pub struct ReportFields {
    /// Of the package around the report.
    pub package_version: u32,
    /// Of the signature.
    pub scheme: u32,
    /// Nothing.
    pub reserved: u32,
    /// Of the report.
    pub version: u32,
    /// What the enclave has signed.
    pub enclave_data: [u8; 64],
    /// Security version of the secure kernel.
    pub secure_kernel_svn: u32,
    /// Security version of the platform.
    pub platform_svn: u32,
    /// Whether the enclave can be looked into.
    pub flags: u32,
    /// By what it is protected.
    pub enclave_type: u32,
    /// What whoever created it gave it.
    pub owner_id: [u8; 32],
    /// Hash of its image.
    pub unique_id: [u8; 32],
    /// Security version of its image.
    pub svn: u32,
    /// Kind and content of blocks.
    pub blocks: Vec<(u32, Vec<u8>)>,
    /// What the length of the statement is too long by.
    pub excess: u32,
}

/// What the machine shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// Of the enclave.
    pub report: Vec<u8>,
    /// Of the TPM.
    pub tpm: Shown,
}

/// An image in a report.
pub fn image(unique_id: [u8; 32], author: [u8; 32], svn: u32) -> Vec<u8> {
    [unique_id.as_slice(), &author, &FAMILY, &IMAGE, &svn.to_le_bytes()].concat()
}

/// A block for a module.
pub fn module(unique_id: [u8; 32], author: [u8; 32], name: &str) -> (u32, Vec<u8>) {
    let mut content = image(unique_id, author, 3);
    content.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    while !content.len().is_multiple_of(8) {
        content.push(0);
    }
    (1, content)
}

impl ReportFields {
    fn new() -> Self {
        Self {
            package_version: 1,
            scheme: 1,
            reserved: 0,
            version: 1,
            enclave_data: DATA,
            secure_kernel_svn: 5,
            platform_svn: 2,
            flags: 0,
            enclave_type: 0x10,
            owner_id: OWNER_ID,
            unique_id: UNIQUE,
            svn: 3,
            blocks: vec![module(UNIQUE, AUTHOR, "enclave.dll"), module(PART, [0; 32], "vertdll.dll")],
            excess: 0,
        }
    }

    /// Has another image run, of the same author.
    pub fn run(&mut self, unique_id: [u8; 32]) {
        self.unique_id = unique_id;
        self.blocks[0] = module(unique_id, AUTHOR, "enclave.dll");
    }

    /// Has the enclave's data be a digest, which zeros follow.
    pub fn bind(&mut self, report_data: &Digest) {
        self.enclave_data = [0; 64];
        self.enclave_data[..Digest::LEN].copy_from_slice(&report_data.0);
    }

    /// A report that this key signed.
    pub fn sign(&self, key: &PrivateKey) -> Vec<u8> {
        let mut fields = self.version.to_le_bytes().to_vec();
        fields.extend(self.enclave_data);
        fields.extend(self.owner_id);
        fields.extend(image(self.unique_id, AUTHOR, self.svn));
        for number in [self.secure_kernel_svn, self.platform_svn, self.flags, 0, self.enclave_type] {
            fields.extend(number.to_le_bytes());
        }
        for (kind, content) in &self.blocks {
            fields.extend(kind.to_le_bytes());
            fields.extend(u32::try_from(content.len() + 8).expect("it is short").to_le_bytes());
            fields.extend(content);
        }
        let len = u32::try_from(fields.len() + 4).expect("it is short");
        let statement = [(len + self.excess).to_le_bytes().as_slice(), &fields].concat();
        let signature = key.sign(SignatureScheme::RsaPss(HashAlgorithm::Sha256), &statement);
        let signature = signature.unwrap_or_else(|_| vec![0; 256]);
        let signature_len = u32::try_from(signature.len()).expect("it is short");
        let header =
            [24 + len + signature_len, self.package_version, self.scheme, len, signature_len, self.reserved];
        let header: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        [header, statement, signature].concat()
    }
}

/// A variable as firmware measures it.
pub fn variable(space: [u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let len = |len: usize| u64::try_from(len).expect("a variable is short");
    let mut bytes = space.to_vec();
    bytes.extend(len(name.len()).to_le_bytes());
    bytes.extend(len(data.len()).to_le_bytes());
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend(data);
    bytes
}

/// What is measured of a signer that vouched for something.
pub fn vouched(signer: &[u8]) -> Vec<u8> {
    variable(DATABASE, "db", &[&OWNER, signer].concat())
}

/// A record with a tag.
pub fn record(tag: u32, data: &[u8]) -> Vec<u8> {
    [&tag.to_le_bytes(), &u32::try_from(data.len()).expect("it is short").to_le_bytes(), data].concat()
}

/// What is measured of the secure kernel's key.
pub fn signing_key(key: &PrivateKey) -> Vec<u8> {
    let PrivateKey::Rsa(key) = key else { unreachable!("it has an RSA key") };
    let (modulus, exponent) = key.public_key().numbers();
    let lengths =
        [exponent.len(), modulus.len()].map(|len| u32::try_from(len).expect("it is short").to_le_bytes());
    let bits = 2048_u32.to_le_bytes();
    [&1_u32.to_le_bytes(), &bits, &lengths[0], &lengths[1], exponent.as_slice(), &modulus].concat()
}

impl Windows {
    /// One whose enclave is to be believed.
    pub fn genuine() -> Self {
        let state: Vec<(u32, Vec<u8>)> = STATE.iter().map(|(tag, data)| (*tag, data.to_vec())).collect();
        let key = (SIGNING_KEY, signing_key(&keys().secure_kernel));
        let with_key = [state, vec![key]].concat();
        Self {
            tpm: Tpm::new(&keys().elliptic),
            firmware: [
                vec![
                    variable(GLOBAL, "SecureBoot", &[1]),
                    variable(GLOBAL, "PK", b"one"),
                    variable(GLOBAL, "KEK", b"some"),
                    variable(DATABASE, "db", b"more"),
                    variable(DATABASE, "dbx", b"many"),
                ],
                vec![vouched(SIGNER)],
            ],
            state: [with_key.clone(), with_key],
            separated: vec![0, 1, 2, 3, 4, 5, 6, 12, 13, 14],
            later: Vec::new(),
            report: ReportFields::new(),
            report_key: &keys().secure_kernel,
        }
    }

    /// Has both halves of its evidence bound to a digest: the enclave's data, which zeros follow, and the quote.
    pub fn bind(&mut self, report_data: &Digest) {
        self.report.bind(report_data);
        self.tpm.nonce = report_data.0.to_vec();
    }

    /// What is measured, in order.
    pub fn events(&self) -> Vec<Measured> {
        let plain = |pcr: u32, kind: u32, data: &[u8]| (pcr, kind, data.to_vec(), data.to_vec());
        let mut events = vec![plain(0, kind::VERSION, b"version")];
        let [before, behind] = &self.firmware;
        events.extend(before.iter().map(|data| plain(7, kind::VARIABLE_DRIVER_CONFIG, data)));
        events.push(plain(7, kind::SEPARATOR, &[0; 4]));
        let firmwares = self.separated.iter().filter(|pcr| **pcr < 8);
        events.extend(firmwares.map(|pcr| plain(*pcr, kind::SEPARATOR, &[0; 4])));
        events.extend(behind.iter().map(|data| plain(7, kind::VARIABLE_AUTHORITY, data)));
        events.push((4, kind::APPLICATION, b"the boot manager".to_vec(), b"where it was".to_vec()));
        for (pcr, state) in [12, 13].into_iter().zip(&self.state) {
            // Windows measures everything in a container, and modules in containers within.
            let module = record(0x4001_0003, &record(0x0007_0004, &[0x12; 32]));
            let records = state.iter().flat_map(|(tag, data)| record(*tag, data));
            let records: Vec<u8> = module.into_iter().chain(records).collect();
            events.push(plain(pcr, kind::TAG, &record(0x4001_0001, &records)));
        }
        events.push(plain(14, kind::TAG, &record(0x4001_0001, &record(0x0006_0002, b"a key"))));
        let windows = self.separated.iter().filter(|pcr| **pcr > 8);
        events.extend(windows.map(|pcr| plain(*pcr, kind::SEPARATOR, b"WBCL")));
        events.extend(self.later.clone());
        events
    }

    /// Its TPM once it was booted.
    pub fn booted(&self) -> Tpm {
        let mut tpm = self.tpm.clone();
        for (pcr, kind, measured, data) in self.events() {
            tpm.measure_as(pcr, kind, &measured, &data);
        }
        tpm
    }

    /// What it shows then.
    pub fn sign(&self) -> Signed {
        Signed { report: self.report.sign(self.report_key), tpm: self.booted().show() }
    }
}

/// Health certificates before they are signed.
#[derive(Clone)]
pub struct Health(
    /// That of the secure kernel's key, and the root's.
    pub [Fields; 2],
);

impl Health {
    /// Those of the machine's secure kernel.
    pub fn genuine() -> Self {
        let signs = critical_extension("2.5.29.15", &[0x03, 0x02, 0x07, 0x80]);
        let keys = keys();
        Self([
            Fields::new(&[1], ("HGS", "Host"), &keys.secure_kernel, vec![signs], &keys.root),
            Fields::new(&[2], ("HGS", "HGS"), &keys.root, authority(None, CERTIFICATES), &keys.root),
        ])
    }

    /// PEM of both.
    pub fn sign(&self) -> Vec<u8> {
        to_pem(&self.0.each_ref().map(Fields::sign))
    }
}
