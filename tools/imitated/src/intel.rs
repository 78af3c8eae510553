//! A machine with SGX and TDX, and what its vendor says about it.

mod bodies;
pub mod documents;

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, SignatureForm, SystemEntropy,
    hash::{HashAlgorithm, sha256_parts},
    pem,
    signature::SignatureScheme,
    x509::UnixTime,
};
use coco_wire::{Digest, text::encode_hex};
use serde_json::{Value, json};

pub use self::bodies::{domain_at, enclave_at};
use self::{
    bodies::{domain, enclave},
    documents::{Description, qe_identity, tcb_info, text},
};
use crate::der::{CERTIFICATES, Fields, REVOCATION_LISTS, authority, day, revocation_list};

/// Keys of the vendor, of a machine, and of somebody else: all on P-256.
pub struct Keys {
    /// Of the root.
    pub root: PrivateKey,
    /// Of who certifies machines.
    pub authority: PrivateKey,
    /// Of the machine.
    pub machine: PrivateKey,
    /// Of who signs documents.
    pub signer: PrivateKey,
    /// Of the quoting enclave.
    pub attestation: PrivateKey,
    /// Of whom nobody vouches for.
    pub other: PrivateKey,
}

/// Those of this run.
pub fn keys() -> &'static Keys {
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
pub const NOW: UnixTime = day(50);
/// Common name of the root.
pub const ROOT: &str = "Root";
/// Common name of who certifies machines.
pub const AUTHORITY: &str = "Platform CA";
/// Whose quoting enclave it is: a UUID that all quotes of Intel's have (Intel, SGX ECDSA Quote Library Reference,
/// section A.4).
const QE_VENDOR_ID: [u8; 16] = *b"\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07";

/// What a quote is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SGX, in version 3 of the format.
    Sgx,
    /// TDX 1.0, in version 4.
    Tdx10,
    /// The same in version 5.
    Tdx10In5,
    /// TDX 1.5, in version 5.
    Tdx15,
    /// With an extended body.
    Tdx15Ex,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sgx, Self::Tdx10, Self::Tdx10In5, Self::Tdx15, Self::Tdx15Ex];

    /// Whether it is a domain and no enclave.
    pub fn is_tdx(self) -> bool {
        self != Self::Sgx
    }
}

/// A revocation list before it is signed.
#[derive(Clone)]
pub struct List {
    /// Common name of whose it is.
    pub issuer: &'static str,
    /// Who signs it.
    pub key: &'static PrivateKey,
    /// When it was made, and when the next one is due.
    pub dates: [UnixTime; 2],
    /// Numbers of revoked certificates.
    pub serials: Vec<&'static [u8]>,
}

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Machine {
    /// What the quote is of.
    pub kind: Kind,
    /// The header of the quote, with type and length of the body in version 5.
    pub header: Vec<u8>,
    /// What the hardware says of an enclave or a domain.
    pub body: Vec<u8>,
    /// Who signs the quote.
    pub quote_key: &'static PrivateKey,
    /// What the hardware says of the quoting enclave.
    pub qe_report: Vec<u8>,
    /// Who signs that.
    pub qe_key: &'static PrivateKey,
    /// What the quoting enclave signs with its key.
    pub authentication: Vec<u8>,
    /// What it says that its key is.
    pub vouched: &'static PrivateKey,
    /// Types of certification data, the outer one only of TDX.
    pub certification: [u16; 2],
    /// What the certificate of the machine's key says of it.
    pub description: Option<Description>,
    /// That certificate.
    pub end: Fields,
    /// Of who signed it.
    pub authority: Fields,
    /// Of who signed that, and itself.
    pub root: Fields,
    /// Of who signs documents.
    pub signer: Fields,
    /// What versions of the trusted computing base are worth.
    pub tcb_info: Value,
    /// Which enclaves may sign quotes.
    pub qe_identity: Value,
    /// Who signs documents.
    pub documents_key: &'static PrivateKey,
    /// Revocation list of the root.
    pub root_list: List,
    /// Revocation list of the authority.
    pub machine_list: List,
}

/// A document with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What is signed.
    pub text: String,
    /// r ‖ s.
    pub signature: Vec<u8>,
    /// PEM of the certificates of the key that signed, and of the root.
    pub issuers: String,
}

/// What the vendor publishes about the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What versions of the trusted computing base are worth.
    pub tcb_info: Document,
    /// Which enclaves may sign quotes.
    pub qe_identity: Document,
    /// DER of the revocation list of the root.
    pub root_list: Vec<u8>,
    /// DER of the revocation list of the authority.
    pub machine_list: Vec<u8>,
}

impl Published {
    /// As JSON, with texts as they are and bytes in hexadecimal.
    pub fn to_json(&self) -> Vec<u8> {
        let json = json!({
            "root_ca_crl": encode_hex(&self.root_list),
            "pck_crl": encode_hex(&self.machine_list),
            "tcb_info": self.tcb_info.text,
            "tcb_info_signature": encode_hex(&self.tcb_info.signature),
            "tcb_info_issuer_chain": self.tcb_info.issuers,
            "qe_identity": self.qe_identity.text,
            "qe_identity_signature": encode_hex(&self.qe_identity.signature),
            "qe_identity_issuer_chain": self.qe_identity.issuers,
        });
        json.to_string().into_bytes()
    }
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What the quote is of.
    pub kind: Kind,
    /// What the quoting enclave signed.
    pub quote: Vec<u8>,
    /// What goes with it.
    pub collateral: Published,
    /// Name of the root key to believe it by.
    pub root: Digest,
}

impl Machine {
    /// A machine that is up to date.
    pub fn new(kind: Kind) -> Self {
        let keys = keys();
        let (version, body_type, body) = match kind {
            Kind::Sgx => (3, None, enclave()),
            Kind::Tdx10 => (4, None, domain(584)),
            Kind::Tdx10In5 => (5, Some(2_u16), domain(584)),
            Kind::Tdx15 => (5, Some(3), domain(648)),
            Kind::Tdx15Ex => (5, Some(4), domain(885)),
        };
        let mut header = vec![version, 0, 2, 0, if kind.is_tdx() { 0x81 } else { 0 }, 0, 0, 0, 0, 0, 0, 0];
        header.extend(QE_VENDOR_ID);
        header.extend([0x55; 20]);
        if let Some(body_type) = body_type {
            header.extend(body_type.to_le_bytes());
            header.extend(length(&body));
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

    /// Changes bytes of the body.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.body[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Has everything last: certificates, lists and documents.
    #[must_use]
    pub fn lasting(mut self, end: UnixTime) -> Self {
        for certificate in [&mut self.end, &mut self.authority, &mut self.root, &mut self.signer] {
            certificate.end = end;
        }
        for list in [&mut self.root_list, &mut self.machine_list] {
            list.dates[1] = end;
        }
        for document in [&mut self.tcb_info, &mut self.qe_identity] {
            document["nextUpdate"] = text(end).into();
        }
        self
    }

    /// Has the quote bound to a digest, which zeros follow, as nodes have it.
    pub fn bind(&mut self, report_data: &Digest) {
        let at = if self.kind.is_tdx() { domain_at::REPORT_DATA } else { enclave_at::REPORT_DATA };
        self.put(at, &report_data.0);
        self.put(at + Digest::LEN, &[0; 32]);
    }

    /// What the machine shows.
    pub fn sign(&self) -> Evidence {
        let [end, authority, root, signer] = self.sign_certificates();
        let signed = |document: &Value| {
            let text = document.to_string();
            let signature = fixed(self.documents_key, text.as_bytes());
            Document { text, signature, issuers: to_pem(&[&signer, &root]) }
        };
        let list = |list: &List| revocation_list(list.issuer, list.key, list.dates, &list.serials);
        Evidence {
            kind: self.kind,
            quote: self.sign_quote(&to_pem(&[&end, &authority, &root])),
            collateral: Published {
                tcb_info: signed(&self.tcb_info),
                qe_identity: signed(&self.qe_identity),
                root_list: list(&self.root_list),
                machine_list: list(&self.machine_list),
            },
            root: self.root.key.public_key().id(),
        }
    }

    /// Of the machine, its authority, the root, and who signs documents.
    pub fn sign_certificates(&self) -> [Vec<u8>; 4] {
        let mut end = self.end.clone();
        end.extensions.extend(self.description.iter().map(Description::extension));
        [&end, &self.authority, &self.root, &self.signer].map(Fields::sign)
    }

    /// A quote with these certificates of the machine's key.
    pub fn sign_quote(&self, certificates: &str) -> Vec<u8> {
        let mut qe_report = self.qe_report.clone();
        let digest = sha256_parts(&[&point(self.vouched), &self.authentication]);
        qe_report[320..352].copy_from_slice(&digest.0);
        let authentication_len =
            u16::try_from(self.authentication.len()).expect("tests have it short").to_le_bytes();
        let mut certified = [&qe_report[..], &fixed(self.qe_key, &qe_report), &authentication_len].concat();
        certified.extend(&self.authentication);
        certified.extend(certification(self.certification[1], certificates.as_bytes()));
        if self.kind.is_tdx() {
            certified = certification(self.certification[0], &certified);
        }
        let signed = [&self.header[..], &self.body].concat();
        let signature = [fixed(self.quote_key, &signed), point(self.quote_key), certified].concat();
        [&signed, &length(&signature)[..], &signature].concat()
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("quotes are short").to_le_bytes()
}

fn certification(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &length(data), data].concat()
}

fn fixed(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    key.sign(SignatureScheme::Ecdsa(HashAlgorithm::Sha256, SignatureForm::Fixed), message)
        .expect("a curve's key")
}

fn point(key: &PrivateKey) -> Vec<u8> {
    key.public_key().as_ec().expect("all keys are of a curve").point()[1..].to_vec()
}

/// PEM of certificates, one behind the other.
pub fn to_pem(certificates: &[&[u8]]) -> String {
    certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect()
}
