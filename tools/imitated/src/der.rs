//! Certificates and revocation lists as AMD and Intel make them.

use coco_crypto::{
    PrivateKey, SignatureForm,
    hash::HashAlgorithm,
    signature::SignatureScheme,
    x509::{Name, UnixTime},
};

/// RSASSA-PSS with SHA-384 and a salt of 48 bytes: AlgorithmIdentifier (RFC 4055), as AMD writes it in end certificates.
const PSS_SHA384: &[u8] = b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30";
/// The same with the default trailer field written out, as in AMD's other certificates.
const PSS_SHA384_TRAILER: &[u8] = b"\x30\x46\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x39\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30\xa3\x03\x02\x01\x01";

/// ecdsa-with-SHA256: AlgorithmIdentifier (RFC 5758), as Intel writes it.
const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
/// crlExtensions with the number 1 (RFC 5280, section 5.2.3).
const LIST_NUMBER: &[u8] = b"\xa0\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01";

/// A time that is written as UTCTime.
pub const fn day(day: i64) -> UnixTime {
    UnixTime(1_700_000_000 + day * 86_400)
}

/// An element of DER with this tag and content.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).expect("elements of tests are short").to_be_bytes();
    let head = match content.len() {
        0..=0x7f => vec![tag, length[1]],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content].concat()
}

/// A SEQUENCE.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

/// An extension with this content, not critical.
pub fn extension(id: &str, content: &[u8]) -> Vec<u8> {
    sequence(&[&object_id(id), &element(0x04, &[content])])
}

/// The same, critical.
pub fn critical_extension(id: &str, content: &[u8]) -> Vec<u8> {
    sequence(&[&object_id(id), &[0x01, 0x01, 0xff], &element(0x04, &[content])])
}

/// An OBJECT IDENTIFIER, given with dots.
pub fn object_id(id: &str) -> Vec<u8> {
    let id: coco_crypto::x509::ObjectId = id.parse().expect("a test names an object");
    element(0x06, &[id.as_der()])
}

/// What may certify others: authority with a number of authorities below, and the usage to match.
pub fn authority(path_length: Option<u8>, usage: u8) -> Vec<Vec<u8>> {
    let length = path_length.map_or(Vec::new(), |length| element(0x02, &[&[length]]));
    vec![
        critical_extension("2.5.29.19", &sequence(&[&[0x01, 0x01, 0xff], &length])),
        critical_extension("2.5.29.15", &[0x03, 0x02, 0x01, usage]),
    ]
}

/// Usage of a key that signs certificates.
pub const CERTIFICATES: u8 = 0x04;
/// Usage of a key that signs revocation lists.
pub const REVOCATION_LISTS: u8 = 0x02;

/// A certificate before it is signed.
#[derive(Clone)]
pub struct Fields {
    /// Bytes of the number; AMD numbers end certificates 0.
    pub serial: Vec<u8>,
    /// Common name of who signs.
    pub issuer: &'static str,
    /// Common name of whose it is.
    pub subject: &'static str,
    /// The first second of validity.
    pub begin: UnixTime,
    /// The last one.
    pub end: UnixTime,
    /// What is certified.
    pub key: &'static PrivateKey,
    /// DER of each.
    pub extensions: Vec<Vec<u8>>,
    /// Who signs.
    pub signed_by: &'static PrivateKey,
}

impl Fields {
    /// Valid for a hundred days from the first on.
    pub fn new(
        serial: &[u8],
        (issuer, subject): (&'static str, &'static str),
        key: &'static PrivateKey,
        extensions: Vec<Vec<u8>>,
        signed_by: &'static PrivateKey,
    ) -> Self {
        Self {
            serial: serial.to_vec(),
            issuer,
            subject,
            begin: day(0),
            end: day(100),
            key,
            extensions,
            signed_by,
        }
    }

    /// DER of the certificate.
    pub fn sign(&self) -> Vec<u8> {
        let algorithm = match self.signed_by {
            PrivateKey::Ec(_) => ECDSA_SHA256,
            _ if self.serial == [0] => PSS_SHA384,
            _ => PSS_SHA384_TRAILER,
        };
        let extensions: Vec<&[u8]> = self.extensions.iter().map(Vec::as_slice).collect();
        let fields = sequence(&[
            &element(0xa0, &[&[0x02, 0x01, 0x02]]),
            &element(0x02, &[&self.serial]),
            algorithm,
            &name(self.issuer),
            &sequence(&[&time(self.begin), &time(self.end)]),
            &name(self.subject),
            self.key.public_key().spki_der(),
            &element(0xa3, &[&sequence(&extensions)]),
        ]);
        signed(&fields, algorithm, self.signed_by)
    }
}

/// A revocation list.
pub fn revocation_list(
    issuer: &'static str,
    key: &PrivateKey,
    [begin, end]: [UnixTime; 2],
    serials: &[&[u8]],
) -> Vec<u8> {
    let entries = serials.iter().map(|serial| sequence(&[&element(0x02, &[serial]), &time(begin)]));
    let entries: Vec<Vec<u8>> = entries.collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let entries = if entries.is_empty() { Vec::new() } else { sequence(&entries) };
    let (algorithm, extensions) = match key {
        PrivateKey::Ec(_) => (ECDSA_SHA256, LIST_NUMBER),
        _ => (PSS_SHA384, &[][..]),
    };
    let version = [0x02, 0x01, 0x01];
    let fields =
        sequence(&[&version, algorithm, &name(issuer), &time(begin), &time(end), &entries, extensions]);
    signed(&fields, algorithm, key)
}

/// What is signed of a certificate or revocation list.
pub fn statement(signed: &[u8]) -> &[u8] {
    let head = |bytes: &[u8]| match bytes[1] {
        length @ ..=0x7f => (2, usize::from(length)),
        0x81 => (3, bytes[2].into()),
        _ => (4, u16::from_be_bytes([bytes[2], bytes[3]]).into()),
    };
    let (outer, _) = head(signed);
    let (inner, length) = head(&signed[outer..]);
    &signed[outer..outer + inner + length]
}

/// Signs whatever is to be one, as AMD signs end certificates and Intel everything.
pub fn sign_statement(statement: &[u8], key: &PrivateKey) -> Vec<u8> {
    let algorithm = if let PrivateKey::Ec(_) = key { ECDSA_SHA256 } else { PSS_SHA384 };
    signed(statement, algorithm, key)
}

fn signed(fields: &[u8], algorithm: &[u8], key: &PrivateKey) -> Vec<u8> {
    let scheme = match key {
        PrivateKey::Ec(_) => SignatureScheme::Ecdsa(HashAlgorithm::Sha256, SignatureForm::Der),
        _ => SignatureScheme::RsaPss(HashAlgorithm::Sha384),
    };
    let signature = key.sign(scheme, fields).expect("the key has an algorithm for certificates");
    sequence(&[fields, algorithm, &element(0x03, &[&[0], &signature])])
}

fn time(time: UnixTime) -> Vec<u8> {
    element(0x17, &[&time.to_string().as_bytes()[2..]])
}

/// DER of `CN=text`.
fn name(text: &'static str) -> Vec<u8> {
    assert!(Name::common(text).is_ok());
    let part = sequence(&[&object_id("2.5.4.3"), &element(0x0c, &[text.as_bytes()])]);
    sequence(&[&element(0x31, &[&part])])
}
