//! A TPM in software, whose keys are drawn for each run.

use std::sync::OnceLock;

use coco_crypto::{
    Curve, EcKey, PrivateKey, PublicKey, RsaKey, SignatureForm, SystemEntropy,
    hash::{HashAlgorithm, sha256},
    rsa::RsaBits,
    sha1::sha1,
    signature::SignatureScheme,
    x509::UnixTime,
};
use coco_wire::text::encode_base64;
use serde_json::json;

use crate::{
    der::{CERTIFICATES, Fields, authority, day, element, extension, object_id, sequence},
    snp::to_pem,
};

/// Keys of a TPM, and of who certifies them.
pub struct Keys {
    /// Of a TPM, which attests: RSA.
    pub rsa: PrivateKey,
    /// The same: P-256.
    pub elliptic: PrivateKey,
    /// Of the maker's root: RSA.
    pub root: PrivateKey,
    /// Of the maker's intermediate: RSA.
    pub intermediate: PrivateKey,
    /// Of the secure kernel of a machine with such a TPM.
    pub secure_kernel: PrivateKey,
}

/// Those of this run.
pub fn keys() -> &'static Keys {
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

/// What a quote answers unless a test says something else.
pub const NONCE: &[u8] = b"nonce of a test";
/// When everything is valid.
pub const NOW: UnixTime = day(50);
const RSAPSS: u16 = 0x16;
const ECDSA: u16 = 0x18;
const SHA256: u16 = 0x0b;

/// Its PCRs, what was measured into them, and everything of a quote that a test may change before it is signed.
#[derive(Clone)]
pub struct Tpm {
    /// What signs.
    pub key: &'static PrivateKey,
    /// The values of all PCRs of the bank of SHA-256.
    pub pcrs: Vec<Vec<u8>>,
    /// What was measured.
    pub log: Vec<u8>,
    /// What the message begins with.
    pub magic: u32,
    /// The kind of message.
    pub kind: u16,
    /// The qualified name of the key.
    pub signer: Vec<u8>,
    /// What the quote answers.
    pub nonce: Vec<u8>,
    /// How many banks are quoted.
    pub banks: u32,
    /// The number of the hash of the quoted bank.
    pub bank: u16,
    /// A bit for each quoted PCR, the first eight in the first byte.
    pub selected: [u8; 3],
    /// What is signed of the values, in place of their digest.
    pub digest: Option<Vec<u8>>,
    /// What the TPM promises about the key.
    pub attributes: u32,
}

/// What it shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// `TPMS_ATTEST`.
    pub message: Vec<u8>,
    /// `TPMT_SIGNATURE`.
    pub signature: Vec<u8>,
    /// The values of the quoted PCRs, one behind the other.
    pub pcrs: Vec<u8>,
    /// `TPM2B_PUBLIC` of the key.
    pub public: Vec<u8>,
    /// What was measured.
    pub log: Vec<u8>,
}

impl Tpm {
    /// With a log that has nothing but its header.
    pub fn new(key: &'static PrivateKey) -> Self {
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
    pub fn measure(&mut self, pcr: u32, kind: u32, data: &[u8]) {
        self.measure_as(pcr, kind, data, data);
    }

    /// Measures something else than the log says.
    pub fn measure_as(&mut self, pcr: u32, kind: u32, measured: &[u8], data: &[u8]) {
        let digests = [(4, sha1(measured).to_vec()), (SHA256, sha256(measured).0.to_vec())];
        self.extend(pcr, &digests[1].1);
        self.log.extend(event(pcr, kind, &digests, data));
    }

    /// Extends a PCR, of which nobody writes a log.
    pub fn extend(&mut self, pcr: u32, digest: &[u8]) {
        let value = &mut self.pcrs[usize::try_from(pcr).expect("there are few")];
        *value = sha256(&[value.as_slice(), digest].concat()).0.to_vec();
    }

    /// The values of the PCRs that are quoted.
    pub fn values(&self) -> Vec<u8> {
        let selected = u32::from_le_bytes([self.selected[0], self.selected[1], self.selected[2], 0]);
        let values = self.pcrs.iter().enumerate().filter(|(number, _)| selected >> number & 1 == 1);
        values.flat_map(|(_, value)| value.clone()).collect()
    }

    /// Quotes the PCRs.
    pub fn show(&self) -> Shown {
        let values = self.values();
        let digest = self.digest.clone().unwrap_or_else(|| sha256(&values).0.to_vec());
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
    pub fn nonce_len(&self) -> usize {
        usize::from(self.message[6 + 36 + 1])
    }

    /// All of it with the report of whoever is behind the TPM, in the form of a node's quote.
    pub fn form(&self, report: &[u8]) -> Vec<u8> {
        let form = json!({
            "report": encode_base64(report),
            "message": encode_base64(&self.message),
            "signature": encode_base64(&self.signature),
            "pcrs": encode_base64(&self.pcrs),
            "event_log": encode_base64(&self.log),
        });
        form.to_string().into_bytes()
    }
}

/// `TPMT_SIGNATURE`.
pub fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let hash = HashAlgorithm::Sha256;
    let (scheme, numbers) = match key {
        PrivateKey::Rsa(_) => {
            (RSAPSS, vec![key.sign(SignatureScheme::RsaPss(hash), message).expect("the key has this scheme")])
        }
        _ => {
            let both = key
                .sign(SignatureScheme::Ecdsa(hash, SignatureForm::Fixed), message)
                .expect("the key has this scheme");
            (ECDSA, both.chunks(32).map(<[u8]>::to_vec).collect())
        }
    };
    let mut signature = [scheme.to_be_bytes(), SHA256.to_be_bytes()].concat();
    numbers.iter().for_each(|number| signature.extend(sized(number)));
    signature
}

/// `TPM2B_PUBLIC`.
pub fn public(key: &PublicKey, attributes: u32) -> Vec<u8> {
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

/// Bytes with their number in front, big-endian.
pub fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("a structure of a TPM is short").to_be_bytes(), bytes].concat()
}

fn sized_le(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("an event is short").to_le_bytes(), bytes].concat()
}

/// The first event of a log, which names its banks.
pub fn header(banks: &[(u16, u16)]) -> Vec<u8> {
    let mut data = b"Spec ID Event03\0\0\0\0\0\0\x02\0\x02".to_vec();
    data.extend(u32::try_from(banks.len()).expect("there are few").to_le_bytes());
    for (bank, len) in banks {
        data.extend([bank.to_le_bytes(), len.to_le_bytes()].concat());
    }
    data.push(0);
    old_event(0, 3, &[0; 20], &data)
}

/// An event in the old form.
pub fn old_event(pcr: u32, kind: u32, digest: &[u8], data: &[u8]) -> Vec<u8> {
    [&pcr.to_le_bytes(), &kind.to_le_bytes(), digest, &sized_le(data)].concat()
}

/// An event in the newer form.
pub fn event(pcr: u32, kind: u32, digests: &[(u16, Vec<u8>)], data: &[u8]) -> Vec<u8> {
    let mut event = [pcr.to_le_bytes(), kind.to_le_bytes()].concat();
    event.extend(u32::try_from(digests.len()).expect("there are few").to_le_bytes());
    for (bank, digest) in digests {
        event.extend(bank.to_le_bytes());
        event.extend(digest);
    }
    event.extend(sized_le(data));
    event
}

/// Certificates of the RSA key before they are signed.
#[derive(Clone)]
pub struct Certificates(
    /// Its own, that of who certified it, the root's.
    pub [Fields; 3],
);

/// The purpose of keys that attest (tcg-kp-AIKCertificate).
pub const ATTESTS: &str = "2.23.133.8.3";

impl Certificates {
    /// Those of a key with this purpose.
    pub fn new(purpose: &str) -> Self {
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
    pub fn use_end_for(&mut self, usage: u8) {
        let usage = extension("2.5.29.15", &element(0x03, &[&[0, usage]]));
        self.0[0].extensions.push(usage);
    }

    /// PEM of all three.
    pub fn sign(&self) -> Vec<u8> {
        to_pem(&self.0.each_ref().map(Fields::sign))
    }
}
