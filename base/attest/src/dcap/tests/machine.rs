//! A machine that was never built, and what its vendor says about it.

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, SignatureForm, SystemEntropy,
    hash::{HashAlgorithm, sha256_parts},
    pem,
    signature::SignatureScheme,
    x509::UnixTime,
};
use coco_wire::Digest;
use serde_json::Value;

use super::{
    super::{Collateral, Refusal, Requirements, Signed},
    documents::{Description, qe_identity, tcb_info},
};
use crate::{
    sgx, tdx,
    tests::der::{CERTIFICATES, Fields, REVOCATION_LISTS, authority, day, revocation_list},
};

pub(crate) struct Keys {
    pub(crate) root: PrivateKey,
    pub(crate) authority: PrivateKey,
    pub(crate) machine: PrivateKey,
    pub(crate) signer: PrivateKey,
    pub(crate) attestation: PrivateKey,
    pub(crate) other: PrivateKey,
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let key = || PrivateKey::Ec(EcKey::generate(Curve::P256, &SystemEntropy));
    KEYS.get_or_init(|| Keys {
        root: key(),
        authority: key(),
        machine: key(),
        signer: key(),
        attestation: key(),
        other: key(),
    })
}

/// When everything is valid.
pub(crate) const NOW: UnixTime = day(50);
pub(crate) const ROOT: &str = "Root";
pub(crate) const AUTHORITY: &str = "Platform CA";

/// What a quote is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sgx,
    Tdx10,
    /// In version 5 of the format.
    Tdx10In5,
    Tdx15,
    Tdx15Ex,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Sgx, Self::Tdx10, Self::Tdx10In5, Self::Tdx15, Self::Tdx15Ex];

    pub(crate) fn is_tdx(self) -> bool {
        self != Self::Sgx
    }
}

/// A revocation list before it is signed.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) issuer: &'static str,
    pub(crate) key: &'static PrivateKey,
    pub(crate) dates: [UnixTime; 2],
    pub(crate) serials: Vec<&'static [u8]>,
}

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) kind: Kind,
    /// The header of the quote, with type and length of the body in version 5.
    pub(crate) header: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) quote_key: &'static PrivateKey,
    pub(crate) qe_report: Vec<u8>,
    pub(crate) qe_key: &'static PrivateKey,
    /// What the quoting enclave signs with its key.
    pub(crate) authentication: Vec<u8>,
    /// What it says that its key is.
    pub(crate) vouched: &'static PrivateKey,
    /// Types of certification data, the outer one only of TDX.
    pub(crate) certification: [u16; 2],
    pub(crate) description: Option<Description>,
    pub(crate) end: Fields,
    pub(crate) authority: Fields,
    pub(crate) root: Fields,
    pub(crate) signer: Fields,
    pub(crate) tcb_info: Value,
    pub(crate) qe_identity: Value,
    pub(crate) documents_key: &'static PrivateKey,
    pub(crate) root_list: List,
    pub(crate) machine_list: List,
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) kind: Kind,
    pub(crate) quote: Vec<u8>,
    pub(crate) collateral: Collateral,
    pub(crate) root: Digest,
}

/// What was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    Sgx(Box<sgx::Claims>),
    Tdx(Box<tdx::Claims>),
}

impl Machine {
    pub(crate) fn new(kind: Kind) -> Self {
        let keys = keys();
        let (version, body_type, body) = match kind {
            Kind::Sgx => (3, None, enclave()),
            Kind::Tdx10 => (4, None, domain(584)),
            Kind::Tdx10In5 => (5, Some(2_u16), domain(584)),
            Kind::Tdx15 => (5, Some(3), domain(648)),
            Kind::Tdx15Ex => (5, Some(4), domain(885)),
        };
        let mut header = vec![version, 0, 2, 0, if kind.is_tdx() { 0x81 } else { 0 }, 0, 0, 0, 0, 0, 0, 0];
        header.extend(dcap_qvl::INTEL_QE_VENDOR_ID);
        header.extend([0x55; 20]);
        if let Some(body_type) = body_type {
            header.extend(body_type.to_le_bytes());
            header.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        }
        let mut qe_report = enclave();
        qe_report[48] = 0x15;
        qe_report[320..384].fill(0);
        qe_report[128..160].copy_from_slice(&[0x8c; 32]);
        qe_report[256..260].copy_from_slice(&[1, 0, 9, 0]);
        let fields =
            |serial, names, key, extensions, by| Fields::new(&[1, serial], names, key, extensions, by);
        let above = authority(Some(1), CERTIFICATES | REVOCATION_LISTS);
        let between = authority(Some(0), CERTIFICATES | REVOCATION_LISTS);
        let list = |issuer, key| List { issuer, key, dates: [day(42), day(58)], serials: vec![&[5]] };
        Self {
            kind,
            header,
            body,
            quote_key: &keys.attestation,
            qe_report,
            qe_key: &keys.machine,
            authentication: (0..32).collect(),
            vouched: &keys.attestation,
            certification: [6, 5],
            description: Some(Description::new()),
            end: fields(3, (AUTHORITY, "Machine"), &keys.machine, Vec::new(), &keys.authority),
            authority: fields(2, (ROOT, AUTHORITY), &keys.authority, between, &keys.root),
            root: fields(1, (ROOT, ROOT), &keys.root, above, &keys.root),
            signer: fields(4, (ROOT, "TCB Signing"), &keys.signer, Vec::new(), &keys.root),
            tcb_info: tcb_info(kind.is_tdx()),
            qe_identity: qe_identity(kind.is_tdx()),
            documents_key: &keys.signer,
            root_list: list(ROOT, &keys.root),
            machine_list: list(AUTHORITY, &keys.authority),
        }
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.body[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn sign(&self) -> Evidence {
        let mut end = self.end.clone();
        end.extensions.extend(self.description.iter().map(Description::extension));
        let [end, authority, root, signer] =
            [&end, &self.authority, &self.root, &self.signer].map(Fields::sign);
        let signed = |document: &Value| {
            let text = document.to_string();
            let signature = fixed(self.documents_key, text.as_bytes());
            Signed { text, signature, issuers: to_pem(&[&signer, &root]) }
        };
        let list = |list: &List| revocation_list(list.issuer, list.key, list.dates, &list.serials);
        Evidence {
            kind: self.kind,
            quote: self.sign_quote(&to_pem(&[&end, &authority, &root])),
            collateral: Collateral {
                tcb_info: signed(&self.tcb_info),
                qe_identity: signed(&self.qe_identity),
                root_list: list(&self.root_list),
                machine_list: list(&self.machine_list),
            },
            root: self.root.key.public_key().id(),
        }
    }

    /// Of the machine, its authority, the root, and who signs documents.
    pub(crate) fn sign_certificates(&self) -> [Vec<u8>; 4] {
        let mut end = self.end.clone();
        end.extensions.extend(self.description.iter().map(Description::extension));
        [&end, &self.authority, &self.root, &self.signer].map(Fields::sign)
    }

    /// A quote with these certificates of the machine's key.
    pub(crate) fn sign_quote(&self, certificates: &str) -> Vec<u8> {
        let mut qe_report = self.qe_report.clone();
        let digest = sha256_parts(&[&point(self.vouched), &self.authentication]);
        qe_report[320..352].copy_from_slice(&digest.0);
        let authentication_len = u16::try_from(self.authentication.len()).unwrap().to_le_bytes();
        let mut certified = [&qe_report[..], &fixed(self.qe_key, &qe_report), &authentication_len].concat();
        certified.extend(&self.authentication);
        certified.extend(certification(self.certification[1], certificates.as_bytes()));
        if self.kind.is_tdx() {
            certified = certification(self.certification[0], &certified);
        }
        let signed = [&self.header[..], &self.body].concat();
        let signature = [fixed(self.quote_key, &signed), point(self.quote_key), certified].concat();
        [&signed, &u32::try_from(signature.len()).unwrap().to_le_bytes()[..], &signature].concat()
    }
}

/// An enclave of 64 bits, whose features are those of AVX.
fn enclave() -> Vec<u8> {
    let mut body = vec![0; 384];
    body[..16].copy_from_slice(&[7; 16]);
    body[48..56].copy_from_slice(&0b101_u64.to_le_bytes());
    body[56..64].copy_from_slice(&7_u64.to_le_bytes());
    body[64..96].copy_from_slice(&[0x3e; 32]);
    body[128..160].copy_from_slice(&[0x51; 32]);
    body[320..384].copy_from_slice(&[0xda; 64]);
    body
}

fn domain(length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    body[..3].copy_from_slice(&[7, 1, 2]);
    body[16..64].copy_from_slice(&[0x5e; 48]);
    body[120..128].copy_from_slice(&(1_u64 << 28).to_le_bytes());
    body[128..136].copy_from_slice(&0xe7_u64.to_le_bytes());
    body[136..184].copy_from_slice(&[0x3e; 48]);
    body[520..584].copy_from_slice(&[0xda; 64]);
    if length > 584 {
        body[584..587].copy_from_slice(&[7, 1, 2]);
    }
    body
}

fn certification(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
}

fn fixed(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    key.sign(SignatureScheme::Ecdsa(HashAlgorithm::Sha256, SignatureForm::Fixed), message).unwrap()
}

fn point(key: &PrivateKey) -> Vec<u8> {
    key.public_key().as_ec().unwrap().point()[1..].to_vec()
}

pub(crate) fn to_pem(certificates: &[&[u8]]) -> String {
    certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect()
}

impl Evidence {
    pub(crate) fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal> {
        let machine = Requirements { root: self.root, ..*requirements };
        if self.kind.is_tdx() {
            self.verify_tdx(&tdx::Requirements { machine, ..tdx::Requirements::STRICT }, now)
                .map(|claims| Claims::Tdx(Box::new(claims)))
        } else {
            self.verify_sgx(&sgx::Requirements { machine, ..sgx::Requirements::STRICT }, now)
                .map(|claims| Claims::Sgx(Box::new(claims)))
        }
    }

    pub(crate) fn verify_sgx(
        &self,
        requirements: &sgx::Requirements<'_>,
        now: UnixTime,
    ) -> Result<sgx::Claims, Refusal> {
        let machine = Requirements { root: self.root, ..requirements.machine };
        sgx::verify(&self.quote, &self.collateral, &sgx::Requirements { machine, ..*requirements }, now)
    }

    pub(crate) fn verify_tdx(
        &self,
        requirements: &tdx::Requirements<'_>,
        now: UnixTime,
    ) -> Result<tdx::Claims, Refusal> {
        let machine = Requirements { root: self.root, ..requirements.machine };
        tdx::verify(&self.quote, &self.collateral, &tdx::Requirements { machine, ..*requirements }, now)
    }
}
