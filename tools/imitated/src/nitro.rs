//! An enclave that was never launched, and what its hypervisor says about it.

use std::sync::{Mutex, OnceLock};

use coco_crypto::{
    Certificate, Curve, EcKey, PrivateKey, RsaKey, SignatureForm, SystemEntropy, hash::HashAlgorithm,
    rsa::RsaBits, signature::SignatureScheme, x509::UnixTime,
};
use coco_wire::{
    Digest,
    cbor::Cbor,
    cose::{self, ALG, Headers},
};

use crate::der::{CERTIFICATES, Fields, authority, critical_extension, day, extension, sequence};

const ES384: i64 = -35;

/// Keys of who vouches for an enclave, of an enclave, and of others.
pub struct Keys {
    /// Of the root: RSA.
    pub root: PrivateKey,
    /// Of a zone: RSA.
    pub zone: PrivateKey,
    /// Of an instance: RSA.
    pub instance: PrivateKey,
    /// Of an enclave's documents: P-384.
    pub enclave: PrivateKey,
    /// Of whom nobody vouches for: P-384.
    pub other: PrivateKey,
    /// The same: P-256.
    pub of_another_curve: PrivateKey,
}

/// Those of this run.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let rsa = || PrivateKey::Rsa(RsaKey::generate(RsaBits::B2048));
    let ec = |curve| PrivateKey::Ec(EcKey::generate(curve, &SystemEntropy));
    KEYS.get_or_init(|| Keys {
        root: rsa(),
        zone: rsa(),
        instance: rsa(),
        enclave: ec(Curve::P384),
        other: ec(Curve::P384),
        of_another_curve: ec(Curve::P256),
    })
}

/// When the document is made.
pub const MADE: UnixTime = day(50);
/// When it is verified.
pub const NOW: UnixTime = UnixTime(MADE.0 + 10);

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Enclave {
    /// The certificate of the key that signs.
    pub end: Fields,
    /// From the root on.
    pub authorities: Vec<Fields>,
    /// Values by number.
    pub registers: Vec<(Cbor<'static>, Cbor<'static>)>,
    /// Fields in place of others, or beside them; none is left out.
    pub fields: Vec<(&'static str, Option<Cbor<'static>>)>,
    /// What the signature covers of the header.
    pub protected: Vec<(Cbor<'static>, Cbor<'static>)>,
    /// What it does not.
    pub unprotected: Vec<(Cbor<'static>, Cbor<'static>)>,
    /// What signs.
    pub key: &'static PrivateKey,
    /// When the document is made.
    pub made: UnixTime,
    /// What the enclave has signed.
    pub user_data: Vec<u8>,
}

/// What the key of an end certificate is for: digitalSignature and nonRepudiation, not critical, as AWS writes it.
pub fn for_signatures() -> Vec<u8> {
    extension("2.5.29.15", &[0x03, 0x02, 0x06, 0xc0])
}

/// The value of a register in a made-up document.
pub fn value(index: u8) -> [u8; 48] {
    match index {
        0..=4 | 8 => [0xc0 | index; 48],
        _ => [0; 48],
    }
}

impl Enclave {
    /// One whose document is to be believed.
    pub fn genuine() -> Self {
        let keys = keys();
        let registers =
            (0..16_u8).map(|index| (Cbor::Int(index.into()), Cbor::Bytes(value(index).to_vec().leak())));
        let above = |length, usage| authority(length, usage);
        Self {
            end: Fields::new(
                &[1, 1],
                ("instance", "enclave"),
                &keys.enclave,
                vec![critical_extension("2.5.29.19", &sequence(&[])), for_signatures()],
                &keys.instance,
            ),
            authorities: vec![
                Fields::new(&[2], ("root", "root"), &keys.root, above(None, CERTIFICATES), &keys.root),
                Fields::new(&[3], ("root", "zone"), &keys.zone, above(Some(1), CERTIFICATES), &keys.root),
                Fields::new(
                    &[4],
                    ("zone", "instance"),
                    &keys.instance,
                    above(Some(0), CERTIFICATES),
                    &keys.zone,
                ),
            ],
            registers: registers.collect(),
            fields: Vec::new(),
            protected: vec![(Cbor::Int(ALG), Cbor::Int(ES384))],
            unprotected: Vec::new(),
            key: &keys.enclave,
            made: MADE,
            user_data: b"user data".to_vec(),
        }
    }

    /// Has the document made at this time, for which certificates last.
    #[must_use]
    pub fn made_at(mut self, made: UnixTime) -> Self {
        self.made = made;
        for certificate in self.authorities.iter_mut().chain([&mut self.end]) {
            certificate.end = UnixTime(made.0 + 3600);
        }
        self
    }

    /// Has the document bound to a digest.
    pub fn bind(&mut self, report_data: &Digest) {
        self.user_data = report_data.0.to_vec();
    }

    /// Replaces or adds a field.
    pub fn put(&mut self, name: &'static str, value: Cbor<'static>) {
        self.fields.push((name, Some(value)));
    }

    /// The document.
    pub fn sign(&self) -> Evidence {
        let certificate = self.end.sign();
        let authorities = self.authorities.iter().enumerate();
        let authorities: Vec<Vec<u8>> =
            authorities.map(|(at, fields)| if at == 0 { root(fields) } else { fields.sign() }).collect();
        let bundle = authorities.iter().map(|der| Cbor::Bytes(der)).collect();
        let mut fields = vec![
            (Cbor::Text("module_id"), Cbor::Text("i-0123456789abcdef0-enc0123456789abcdef")),
            (Cbor::Text("digest"), Cbor::Text("SHA384")),
            (Cbor::Text("timestamp"), Cbor::Int(self.made.0 * 1000 + 123)),
            (Cbor::Text("pcrs"), Cbor::Map(self.registers.clone())),
            (Cbor::Text("certificate"), Cbor::Bytes(&certificate)),
            (Cbor::Text("cabundle"), Cbor::Array(bundle)),
            (Cbor::Text("public_key"), Cbor::Null),
            (Cbor::Text("user_data"), Cbor::Bytes(&self.user_data)),
            (Cbor::Text("nonce"), Cbor::Bytes(b"nonce")),
        ];
        for (name, value) in &self.fields {
            fields.retain(|(other, _)| *other != Cbor::Text(name));
            fields.extend(value.clone().map(|value| (Cbor::Text(name), value)));
        }
        let message = self.message(Some(&Cbor::Map(fields).encode()));
        let root = authorities
            .first()
            .map(|der| Certificate::from_der(der).expect("it was just made").fingerprint());
        Evidence { message, root: root.unwrap_or(Digest::ZERO) }
    }

    /// The signed message with this payload.
    pub fn message(&self, payload: Option<&[u8]>) -> Vec<u8> {
        let protected = Headers::new(self.protected.clone()).encode();
        let signed = cose::to_be_signed(&protected, payload.unwrap_or_default());
        let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
        let signature = self.key.sign(scheme, &signed).unwrap_or_else(|_| vec![0; 96]);
        let unprotected = Headers::new(self.unprotected.clone());
        let tagged = cose::encode(&protected, &unprotected, payload, &signature);
        tagged[1..].to_vec()
    }
}

/// The same, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The document.
    pub message: Vec<u8>,
    /// SHA-256 of the root's certificate.
    pub root: Digest,
}

/// A root certificate, which is the same one in all evidence: who trusts it knows all of its bytes.
fn root(fields: &Fields) -> Vec<u8> {
    type Said = ([&'static str; 2], Vec<u8>, [i64; 2], [Digest; 2], Vec<Vec<u8>>);
    static SIGNED: Mutex<Vec<(Said, Vec<u8>)>> = Mutex::new(Vec::new());
    let keys = [fields.key, fields.signed_by].map(|key| key.public_key().id());
    let (names, dates) = ([fields.issuer, fields.subject], [fields.begin.0, fields.end.0]);
    let said = (names, fields.serial.clone(), dates, keys, fields.extensions.clone());
    let mut signed = SIGNED.lock().expect("nobody panics with it");
    if let Some((_, der)) = signed.iter().find(|(other, _)| *other == said) {
        return der.clone();
    }
    let der = fields.sign();
    signed.push((said, der.clone()));
    der
}
