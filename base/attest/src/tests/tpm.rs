//! A TPM in software, whose keys are drawn for each run.

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, PublicKey, RsaKey, SignatureForm, SystemEntropy, hash::HashAlgorithm,
    rsa::RsaBits, signature::SignatureScheme, x509::UnixTime,
};

use super::der::{CERTIFICATES, Fields, authority, day, element, extension, object_id, sequence};
use super::snp::to_pem;
use crate::tpm::{Hash, Signature};

pub(crate) struct Keys {
    pub(crate) rsa: PrivateKey,
    pub(crate) elliptic: PrivateKey,
    pub(crate) root: PrivateKey,
    pub(crate) intermediate: PrivateKey,
    /// Of the secure kernel of a machine with such a TPM.
    pub(crate) secure_kernel: PrivateKey,
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let rsa = || PrivateKey::Rsa(RsaKey::generate(RsaBits::B2048));
    KEYS.get_or_init(|| Keys {
        rsa: rsa(),
        elliptic: PrivateKey::Ec(EcKey::generate(Curve::P256, &SystemEntropy)),
        root: rsa(),
        intermediate: rsa(),
        secure_kernel: rsa(),
    })
}

pub(crate) const NONCE: &[u8] = b"nonce of a test";
pub(crate) const NOW: UnixTime = day(50);
const RSAPSS: u16 = 0x16;
const ECDSA: u16 = 0x18;
const SHA256: u16 = 0x0b;

/// Its PCRs, what was measured into them, and everything of a quote that a test may change before it is signed.
#[derive(Clone)]
pub(crate) struct Tpm {
    pub(crate) key: &'static PrivateKey,
    pub(crate) pcrs: Vec<Vec<u8>>,
    pub(crate) log: Vec<u8>,
    pub(crate) magic: u32,
    pub(crate) kind: u16,
    pub(crate) signer: Vec<u8>,
    pub(crate) nonce: Vec<u8>,
    pub(crate) banks: u32,
    pub(crate) bank: u16,
    pub(crate) selected: [u8; 3],
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) attributes: u32,
}

/// What it shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) pcrs: Vec<u8>,
    pub(crate) public: Vec<u8>,
    pub(crate) log: Vec<u8>,
}

impl Tpm {
    /// With a log that has nothing but its header.
    pub(crate) fn new(key: &'static PrivateKey) -> Self {
        Self {
            key,
            pcrs: vec![vec![0; 32]; 24],
            log: header(&[(4, 20), (SHA256, 32)]),
            magic: 0xff54_4347,
            kind: 0x8018,
            signer: [&[0, 0x0b], &[0x51; 32][..]].concat(),
            nonce: NONCE.to_vec(),
            banks: 1,
            bank: SHA256,
            selected: [0xff, 0x78, 0],
            digest: None,
            attributes: 0x0005_0072,
        }
    }

    /// Measures `data`.
    pub(crate) fn measure(&mut self, pcr: u32, kind: u32, data: &[u8]) {
        self.measure_as(pcr, kind, data, data);
    }

    /// Measures something else than the log says.
    pub(crate) fn measure_as(&mut self, pcr: u32, kind: u32, measured: &[u8], data: &[u8]) {
        let digests = [(4, Hash::Sha1.digest(measured)), (SHA256, Hash::Sha256.digest(measured))];
        self.extend(pcr, &digests[1].1);
        self.log.extend(event(pcr, kind, &digests, data));
    }

    /// Extends a PCR, of which nobody writes a log.
    pub(crate) fn extend(&mut self, pcr: u32, digest: &[u8]) {
        let value = &mut self.pcrs[usize::try_from(pcr).unwrap()];
        *value = Hash::Sha256.digest(&[value.as_slice(), digest].concat());
    }

    pub(crate) fn values(&self) -> Vec<u8> {
        let selected = u32::from_le_bytes([self.selected[0], self.selected[1], self.selected[2], 0]);
        let values = self.pcrs.iter().enumerate().filter(|(number, _)| selected >> number & 1 == 1);
        values.flat_map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn show(&self) -> Shown {
        let values = self.values();
        let digest = self.digest.clone().unwrap_or_else(|| Hash::Sha256.digest(&values));
        let mut message = self.magic.to_be_bytes().to_vec();
        message.extend(self.kind.to_be_bytes());
        message.extend(sized(&self.signer));
        message.extend(sized(&self.nonce));
        message.extend(123_456_u64.to_be_bytes());
        message.extend([0, 0, 0, 7, 0, 0, 0, 2, 1]);
        message.extend(0x0123_4567_89ab_cdef_u64.to_be_bytes());
        message.extend(self.banks.to_be_bytes());
        message.extend(self.bank.to_be_bytes());
        message.push(3);
        message.extend(self.selected);
        message.extend(sized(&digest));
        Shown {
            signature: sign(self.key, &message),
            message,
            pcrs: values,
            public: public(&self.key.public_key(), self.attributes),
            log: self.log.clone(),
        }
    }
}

impl Shown {
    /// Bytes of the nonce in the message.
    pub(crate) fn nonce_len(&self) -> usize {
        usize::from(self.message[6 + 36 + 1])
    }
}

/// `TPMT_SIGNATURE`.
pub(crate) fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let hash = HashAlgorithm::Sha256;
    let (scheme, numbers) = match key {
        PrivateKey::Rsa(_) => (RSAPSS, vec![key.sign(SignatureScheme::RsaPss(hash), message).unwrap()]),
        _ => {
            let both = key.sign(SignatureScheme::Ecdsa(hash, SignatureForm::Fixed), message).unwrap();
            (ECDSA, both.chunks(32).map(<[u8]>::to_vec).collect())
        }
    };
    let mut signature = [scheme.to_be_bytes(), SHA256.to_be_bytes()].concat();
    numbers.iter().for_each(|number| signature.extend(sized(number)));
    signature
}

pub(crate) fn structure(shown: &Shown) -> Signature<'_> {
    Signature::Structure(&shown.signature)
}

/// `TPM2B_PUBLIC`.
pub(crate) fn public(key: &PublicKey, attributes: u32) -> Vec<u8> {
    let kind: u16 = if matches!(key, PublicKey::Rsa(_)) { 0x01 } else { 0x23 };
    let mut area = [kind.to_be_bytes(), SHA256.to_be_bytes()].concat();
    area.extend(attributes.to_be_bytes());
    area.extend([0, 0, 0, 0x10]);
    match key {
        PublicKey::Rsa(key) => {
            area.extend([RSAPSS.to_be_bytes(), SHA256.to_be_bytes(), [8, 0], [0, 0], [0, 0]].concat());
            area.extend(sized(&key.numbers().0));
        }
        PublicKey::Ec(key) => {
            area.extend([ECDSA.to_be_bytes(), SHA256.to_be_bytes(), [0, 3], [0, 0x10]].concat());
            key.point()[1..].chunks(32).for_each(|coordinate| area.extend(sized(coordinate)));
        }
        PublicKey::Ed25519(_) => unreachable!("no TPM has such keys"),
    }
    sized(&area)
}

pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn sized_le(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

/// The first event of a log, which names its banks.
pub(crate) fn header(banks: &[(u16, u16)]) -> Vec<u8> {
    let mut data = b"Spec ID Event03\0\0\0\0\0\0\x02\0\x02".to_vec();
    data.extend(u32::try_from(banks.len()).unwrap().to_le_bytes());
    for (bank, len) in banks {
        data.extend([bank.to_le_bytes(), len.to_le_bytes()].concat());
    }
    data.push(0);
    old_event(0, 3, &[0; 20], &data)
}

/// An event in the old form.
pub(crate) fn old_event(pcr: u32, kind: u32, digest: &[u8], data: &[u8]) -> Vec<u8> {
    [&pcr.to_le_bytes(), &kind.to_le_bytes(), digest, &sized_le(data)].concat()
}

/// An event in the newer form.
pub(crate) fn event(pcr: u32, kind: u32, digests: &[(u16, Vec<u8>)], data: &[u8]) -> Vec<u8> {
    let mut event = [pcr.to_le_bytes(), kind.to_le_bytes()].concat();
    event.extend(u32::try_from(digests.len()).unwrap().to_le_bytes());
    for (bank, digest) in digests {
        event.extend(bank.to_le_bytes());
        event.extend(digest);
    }
    event.extend(sized_le(data));
    event
}

/// Certificates of the RSA key before they are signed.
#[derive(Clone)]
pub(crate) struct Certificates(pub(crate) [Fields; 3]);

pub(crate) const ATTESTS: &str = "2.23.133.8.3";

impl Certificates {
    pub(crate) fn new(purpose: &str) -> Self {
        let keys = keys();
        let purpose = extension("2.5.29.37", &sequence(&[&object_id(purpose)]));
        Self([
            Fields::new(&[1], ("Maker", "TPM"), &keys.rsa, vec![purpose], &keys.intermediate),
            Fields::new(
                &[2],
                ("Root", "Maker"),
                &keys.intermediate,
                authority(Some(0), CERTIFICATES),
                &keys.root,
            ),
            Fields::new(&[3], ("Root", "Root"), &keys.root, authority(None, CERTIFICATES), &keys.root),
        ])
    }

    /// What a key usage of this one byte says.
    pub(crate) fn use_end_for(&mut self, usage: u8) {
        let usage = extension("2.5.29.15", &element(0x03, &[&[0, usage]]));
        self.0[0].extensions.push(usage);
    }

    pub(crate) fn sign(&self) -> Vec<u8> {
        to_pem(&self.0.each_ref().map(Fields::sign))
    }
}
