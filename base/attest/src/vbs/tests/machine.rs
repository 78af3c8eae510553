//! A machine with Windows that was never booted.

use coco_crypto::{
    PrivateKey,
    hash::{HashAlgorithm, sha256},
    signature::SignatureScheme,
    x509::UnixTime,
};
use coco_wire::Digest;

use super::super::{Boot, Claims, Evidence, Pin, Refusal, Requirements, SecureKernel, verify};
use crate::{
    tests::{
        der::{CERTIFICATES, Fields, authority, critical_extension},
        snp::to_pem,
        tpm::{NONCE, NOW, Shown, Tpm, keys, structure},
    },
    tpm::{self, EventKind, Quoted},
};

pub(super) const DATA: [u8; 64] = [0xda; 64];
pub(super) const UNIQUE: [u8; 32] = [0x11; 32];
pub(super) const AUTHOR: [u8; 32] = [0x22; 32];
pub(super) const FAMILY: [u8; 16] = [0x33; 16];
pub(super) const IMAGE: [u8; 16] = [0x44; 16];
/// Of a part of Windows in the enclave.
pub(super) const PART: [u8; 32] = [0x55; 32];
/// What Windows' boot manager is signed with in these tests, and what its certificate would be.
pub(super) const SIGNER: &[u8] = b"certificate of a signer";
const OWNER: [u8; 16] = [0x77; 16];

pub(super) const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
pub(super) const DATABASE: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";

/// An event: a PCR, a kind, what is measured, and what the log says.
pub(super) type Measured = (u32, EventKind, Vec<u8>, Vec<u8>);

/// What must be measured in a boot, as records with a tag.
pub(super) const STATE: [(u32, &[u8]); 14] = [
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
pub(super) const SIGNING_KEY: u32 = 0x0005_0023;

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub(super) struct Windows {
    pub(super) tpm: Tpm,
    /// What firmware measures into PCR 7 before its separator, and behind it.
    pub(super) firmware: [Vec<Vec<u8>>; 2],
    /// What Windows measures into PCRs 12 and 13.
    pub(super) state: [Vec<(u32, Vec<u8>)>; 2],
    /// PCRs that get a separator.
    pub(super) separated: Vec<u32>,
    /// What is measured when the boot is over.
    pub(super) later: Vec<Measured>,
    pub(super) report: ReportFields,
    pub(super) report_key: &'static PrivateKey,
}

/// A report before it is signed.
#[derive(Clone)]
pub(super) struct ReportFields {
    pub(super) package_version: u32,
    pub(super) scheme: u32,
    pub(super) reserved: u32,
    pub(super) version: u32,
    pub(super) secure_kernel_svn: u32,
    pub(super) platform_svn: u32,
    pub(super) flags: u32,
    pub(super) enclave_type: u32,
    pub(super) unique_id: [u8; 32],
    pub(super) svn: u32,
    /// Kind and content of blocks.
    pub(super) blocks: Vec<(u32, Vec<u8>)>,
    /// What the length of the statement is too long by.
    pub(super) excess: u32,
}

/// What the machine shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) report: Vec<u8>,
    pub(super) tpm: Shown,
}

pub(super) fn image(unique_id: [u8; 32], author: [u8; 32], svn: u32) -> Vec<u8> {
    [unique_id.as_slice(), &author, &FAMILY, &IMAGE, &svn.to_le_bytes()].concat()
}

/// A block for a module.
pub(super) fn module(unique_id: [u8; 32], author: [u8; 32], name: &str) -> (u32, Vec<u8>) {
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
            secure_kernel_svn: 5,
            platform_svn: 2,
            flags: 0,
            enclave_type: 0x10,
            unique_id: UNIQUE,
            svn: 3,
            blocks: vec![module(UNIQUE, AUTHOR, "enclave.dll"), module(PART, [0; 32], "vertdll.dll")],
            excess: 0,
        }
    }

    pub(super) fn sign(&self, key: &PrivateKey) -> Vec<u8> {
        let mut fields = self.version.to_le_bytes().to_vec();
        fields.extend(DATA);
        fields.extend([0x99; 32]);
        fields.extend(image(self.unique_id, AUTHOR, self.svn));
        for number in [self.secure_kernel_svn, self.platform_svn, self.flags, 0, self.enclave_type] {
            fields.extend(number.to_le_bytes());
        }
        for (kind, content) in &self.blocks {
            fields.extend(kind.to_le_bytes());
            fields.extend(u32::try_from(content.len() + 8).unwrap().to_le_bytes());
            fields.extend(content);
        }
        let len = u32::try_from(fields.len() + 4).unwrap();
        let statement = [(len + self.excess).to_le_bytes().as_slice(), &fields].concat();
        let signature = key.sign(SignatureScheme::RsaPss(HashAlgorithm::Sha256), &statement);
        let signature = signature.unwrap_or_else(|_| vec![0; 256]);
        let signature_len = u32::try_from(signature.len()).unwrap();
        let header =
            [24 + len + signature_len, self.package_version, self.scheme, len, signature_len, self.reserved];
        let header: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        [header, statement, signature].concat()
    }
}

/// A variable as firmware measures it.
pub(super) fn variable(space: [u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = space.to_vec();
    bytes.extend(u64::try_from(name.len()).unwrap().to_le_bytes());
    bytes.extend(u64::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend(data);
    bytes
}

/// What is measured of a signer that vouched for something.
pub(super) fn vouched(signer: &[u8]) -> Vec<u8> {
    variable(DATABASE, "db", &[&OWNER, signer].concat())
}

pub(super) fn record(tag: u32, data: &[u8]) -> Vec<u8> {
    [&tag.to_le_bytes(), &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
}

/// What is measured of the secure kernel's key.
pub(super) fn signing_key(key: &PrivateKey) -> Vec<u8> {
    let PrivateKey::Rsa(key) = key else { unreachable!("it has an RSA key") };
    let (modulus, exponent) = key.public_key().numbers();
    let lengths = [exponent.len(), modulus.len()].map(|len| u32::try_from(len).unwrap().to_le_bytes());
    let bits = 2048_u32.to_le_bytes();
    [&1_u32.to_le_bytes(), &bits, &lengths[0], &lengths[1], exponent.as_slice(), &modulus].concat()
}

impl Windows {
    pub(super) fn new() -> Self {
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

    /// What is measured, in order.
    pub(super) fn events(&self) -> Vec<Measured> {
        let plain = |pcr: u32, kind: EventKind, data: &[u8]| (pcr, kind, data.to_vec(), data.to_vec());
        let mut events = vec![plain(0, EventKind(8), b"version")];
        let [before, behind] = &self.firmware;
        events.extend(before.iter().map(|data| plain(7, EventKind::VARIABLE_DRIVER_CONFIG, data)));
        events.push(plain(7, EventKind::SEPARATOR, &[0; 4]));
        let firmwares = self.separated.iter().filter(|pcr| **pcr < 8);
        events.extend(firmwares.map(|pcr| plain(*pcr, EventKind::SEPARATOR, &[0; 4])));
        events.extend(behind.iter().map(|data| plain(7, EventKind::VARIABLE_AUTHORITY, data)));
        events.push((4, EventKind(0x8000_0003), b"the boot manager".to_vec(), b"where it was".to_vec()));
        for (pcr, state) in [12, 13].into_iter().zip(&self.state) {
            // Windows measures everything in a container, and modules in containers within.
            let module = record(0x4001_0003, &record(0x0007_0004, &[0x12; 32]));
            let records = state.iter().flat_map(|(tag, data)| record(*tag, data));
            let records: Vec<u8> = module.into_iter().chain(records).collect();
            events.push(plain(pcr, EventKind::TAG, &record(0x4001_0001, &records)));
        }
        events.push(plain(14, EventKind::TAG, &record(0x4001_0001, &record(0x0006_0002, b"a key"))));
        let windows = self.separated.iter().filter(|pcr| **pcr > 8);
        events.extend(windows.map(|pcr| plain(*pcr, EventKind::SEPARATOR, b"WBCL")));
        events.extend(self.later.clone());
        events
    }

    pub(super) fn sign(&self) -> Signed {
        let mut tpm = self.tpm.clone();
        for (pcr, kind, measured, data) in self.events() {
            tpm.measure_as(pcr, kind.0, &measured, &data);
        }
        Signed { report: self.report.sign(self.report_key), tpm: tpm.show() }
    }
}

/// What is required of the machine but for the name of its TPM's key.
pub(super) fn with_strict<T>(check: impl FnOnce(&Requirements<'_>) -> T) -> T {
    let modules = [Pin::Exactly(PART)];
    let enclave = Pin::Signed { author_id: AUTHOR, family_id: FAMILY, image_id: IMAGE, svn: 3 };
    let root = keys().root.public_key().id();
    check(&Requirements {
        enclave_data: Some(DATA),
        enclaves: &[enclave],
        modules: &modules,
        secure_kernel_svn: 5,
        platform_svn: 2,
        tpm: tpm::Requirements { nonce: NONCE, ..tpm::Requirements::STRICT },
        boot_authorities: &[signer()],
        demands: &[],
        health_roots: &[root],
    })
}

pub(super) fn signer() -> Digest {
    sha256(SIGNER)
}

impl Signed {
    pub(super) fn verify_with(&self, requirements: &Requirements<'_>) -> Result<Claims<'_>, Refusal> {
        let name = tpm::Public::read(&self.tpm.public).map(|public| public.name).unwrap_or_default();
        self.verify_named(&name, requirements)
    }

    /// The same, for a TPM whose key is known by this name.
    pub(super) fn verify_named(
        &self,
        name: &[u8],
        requirements: &Requirements<'_>,
    ) -> Result<Claims<'_>, Refusal> {
        let quoted =
            Quoted { message: &self.tpm.message, signature: structure(&self.tpm), pcrs: &self.tpm.pcrs };
        let key = tpm::Key::Named(&self.tpm.public);
        let shown = tpm::Evidence { quoted, key, log: Some(&self.tpm.log) };
        let evidence = Evidence { report: &self.report, secure_kernel: SecureKernel::Measured(shown) };
        let tpm = tpm::Requirements { names: &[name], ..requirements.tpm };
        verify(&evidence, &Requirements { tpm, ..*requirements }, NOW)
    }

    pub(super) fn verify(&self) -> Result<Claims<'_>, Refusal> {
        with_strict(|requirements| self.verify_with(requirements))
    }

    /// Verifies the report alone, of a key with these health certificates.
    pub(super) fn verify_certified(&self, text: &[u8], now: UnixTime) -> Result<Claims<'static>, Refusal> {
        with_strict(|requirements| {
            let evidence = Evidence { report: &self.report, secure_kernel: SecureKernel::Certified(text) };
            let Claims { report, key, boot } = verify(&evidence, requirements, now)?;
            let Boot::Certified(validity) = boot else { unreachable!("nothing was measured") };
            Ok(Claims { report, key, boot: Boot::Certified(validity) })
        })
    }
}

/// Health certificates before they are signed.
#[derive(Clone)]
pub(super) struct Health(pub(super) [Fields; 2]);

impl Health {
    pub(super) fn new() -> Self {
        let signs = critical_extension("2.5.29.15", &[0x03, 0x02, 0x07, 0x80]);
        let keys = keys();
        Self([
            Fields::new(&[1], ("HGS", "Host"), &keys.secure_kernel, vec![signs], &keys.root),
            Fields::new(&[2], ("HGS", "HGS"), &keys.root, authority(None, CERTIFICATES), &keys.root),
        ])
    }

    pub(super) fn sign(&self) -> Vec<u8> {
        to_pem(&self.0.each_ref().map(Fields::sign))
    }
}
