//! A machine with SEV-SNP that was never built, and what its vendor says about it.

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, PublicKey, RsaKey, SignatureForm, SystemEntropy, hash::HashAlgorithm, pem,
    rsa::RsaBits, signature::SignatureScheme, x509::UnixTime,
};

use super::der::{CERTIFICATES, Fields, REVOCATION_LISTS, authority, day, element, extension};
use crate::sev_snp::{Claims, Endorsements, Product, Refusal, Report, Requirements, Roots, verify};

pub(crate) struct Keys {
    pub(crate) root: PrivateKey,
    pub(crate) intermediate: PrivateKey,
    pub(crate) chip: PrivateKey,
    pub(crate) other: PrivateKey,
}

pub(crate) fn keys() -> &'static Keys {
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
pub(crate) const NOW: UnixTime = day(50);
pub(crate) const ROOT: &str = "ARK";
pub(crate) const INTERMEDIATE: &str = "SEV";

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) product: Product,
    pub(crate) report: Vec<u8>,
    pub(crate) report_key: &'static PrivateKey,
    pub(crate) end: Fields,
    pub(crate) intermediate: Fields,
    pub(crate) root: Fields,
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) uvm: Option<Vec<u8>>,
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) report: Vec<u8>,
    pub(crate) certificates: Vec<u8>,
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) uvm: Option<Vec<u8>>,
    pub(crate) roots: Roots,
}

/// Bytes of a version of the trusted computing base, packed for this line of processors.
pub(crate) fn packed(product: Product) -> [u8; 8] {
    match product {
        Product::Milan | Product::Genoa => [4, 1, 0, 0, 0, 0, 24, 219],
        Product::Turin => [2, 4, 1, 3, 0, 0, 0, 219],
    }
}

/// The extensions that say the same in an end certificate.
pub(crate) fn tcb_extensions(product: Product) -> Vec<Vec<u8>> {
    let parts: &[(u8, u8)] = match product {
        Product::Milan | Product::Genoa => {
            &[(1, 4), (2, 1), (4, 0), (5, 0), (6, 0), (7, 0), (3, 24), (8, 219)]
        }
        Product::Turin => &[(9, 2), (1, 4), (2, 1), (3, 3), (5, 0), (6, 0), (7, 0), (8, 219)],
    };
    parts.iter().map(|(part, value)| tcb_extension(*part, *value)).collect()
}

pub(crate) fn tcb_extension(part: u8, value: u8) -> Vec<u8> {
    let content = if value < 0x80 { vec![value] } else { vec![0, value] };
    extension(&format!("1.3.6.1.4.1.3704.1.3.{part}"), &element(0x02, &[&content]))
}

pub(crate) fn text_extension(last: u8, text: &str) -> Vec<u8> {
    extension(&format!("1.3.6.1.4.1.3704.1.{last}"), &element(0x16, &[text.as_bytes()]))
}

pub(crate) fn chip_extension(chip: &[u8]) -> Vec<u8> {
    extension("1.3.6.1.4.1.3704.1.4", chip)
}

impl Machine {
    pub(crate) fn new(product: Product, version: u32) -> Self {
        let keys = keys();
        let mut report = vec![0; Report::LEN];
        let mut put = |at: usize, bytes: &[u8]| report[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &version.to_le_bytes());
        put(0x08, &0x3_001f_u64.to_le_bytes());
        put(0x34, &1_u32.to_le_bytes());
        put(0x40, &0x25_u64.to_le_bytes());
        put(0x50, &[0xda; 64]);
        put(0x90, &[0x3e; 48]);
        put(0xc0, &[0x40; 32]);
        for tcb in [0x38, 0x180, 0x1e0, 0x1f0] {
            put(tcb, &packed(product));
        }
        if version >= 3 {
            let processor = match product {
                Product::Milan => [0x19, 0x01, 1],
                Product::Genoa => [0x19, 0x11, 1],
                Product::Turin => [0x1a, 0x02, 1],
            };
            put(0x188, &processor);
        }
        let chip = &[0xc1; 64][..product.chip_id_len()];
        put(0x1a0, chip);
        put(0x1e8, &[29, 55, 1, 0, 29, 55, 1, 0]);
        if version >= 5 {
            put(0x1f8, &[3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        }
        let mut extensions = vec![text_extension(2, &format!("{}-B0", product.name())), chip_extension(chip)];
        extensions.extend(tcb_extensions(product));
        let end = Fields::new(&[0], (INTERMEDIATE, "SEV-VCEK"), &keys.chip, extensions, &keys.intermediate);
        let intermediate = authority(Some(0), CERTIFICATES);
        let intermediate =
            Fields::new(&[1, 0, 1], (ROOT, INTERMEDIATE), &keys.intermediate, intermediate, &keys.root);
        let root = authority(None, CERTIFICATES | REVOCATION_LISTS);
        let root = Fields::new(&[1, 0, 0], (ROOT, ROOT), &keys.root, root, &keys.root);
        Self {
            product,
            report,
            report_key: &keys.chip,
            end,
            intermediate,
            root,
            lists: Vec::new(),
            uvm: None,
        }
    }

    /// The common case.
    pub(crate) fn milan() -> Self {
        Self::new(Product::Milan, 3)
    }

    /// A machine of a provider that signs with its own key.
    pub(crate) fn of_provider(name: &str) -> Self {
        let mut machine = Self::milan();
        machine.end.subject = "SEV-VLEK";
        machine.end.extensions[1] = text_extension(5, name);
        machine.put(0x48, &[0b100]);
        machine.put(0x1a0, &[0; 64]);
        machine
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.report[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn sign(&self) -> Evidence {
        let mut report = self.report.clone();
        let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
        let signature = self.report_key.sign(scheme, &report[..Report::SIGNED_LEN]).unwrap();
        if let (r, Some(s)) = (&signature[..48], signature.get(48..96)) {
            for (at, half) in [(0x2a0, r), (0x2e8, s)] {
                let half: Vec<u8> = half.iter().rev().copied().collect();
                report[at..at + 48].copy_from_slice(&half);
            }
        }
        let certificates = [&self.end, &self.intermediate, &self.root].map(Fields::sign);
        let trusted = self.root.key.public_key().id();
        let none = PublicKey::id(&keys().other.public_key());
        let of = |product| if product == self.product { trusted } else { none };
        Evidence {
            report,
            certificates: to_pem(&certificates),
            lists: self.lists.clone(),
            uvm: self.uvm.clone(),
            roots: Roots { milan: of(Product::Milan), genoa: of(Product::Genoa), turin: of(Product::Turin) },
        }
    }
}

pub(crate) fn to_pem(certificates: &[Vec<u8>]) -> Vec<u8> {
    certificates.iter().map(|der| pem::encode("CERTIFICATE", der)).collect::<String>().into_bytes()
}

impl Evidence {
    pub(crate) fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal> {
        let lists: Vec<&[u8]> = self.lists.iter().map(Vec::as_slice).collect();
        let endorsements = Endorsements {
            certificates: &self.certificates,
            revocation_lists: &lists,
            uvm: self.uvm.as_deref(),
        };
        verify(&self.report, &endorsements, &Requirements { roots: self.roots, ..*requirements }, now)
    }
}
