//! Certificates of services, nodes, members and users, with the fields that CCF gives them
//! (`KeyPair_OpenSSL::sign_csr_impl` in CCF's `src/crypto/openssl/key_pair.cpp`).

use super::{Certificate, Name, ObjectId, Request, SubjectAltName, Validity, scheme};
use crate::{
    Entropy, PublicKey, Signer, der,
    signature::{SignatureForm, SignatureScheme},
};

/// Bytes of a serial number.
const SERIAL_LEN: usize = 16;
/// Bytes of a key identifier.
const KEY_ID_LEN: usize = 20;
/// DER of the content of keyUsage: digitalSignature and keyCertSign.
const SIGN_AND_CERTIFY: &[u8] = b"\x03\x02\x02\x84";

/// The last byte of the object identifier 2.5.29.x of an extension.
#[derive(Clone, Copy)]
enum Extension {
    SubjectKeyIdentifier = 14,
    KeyUsage = 15,
    SubjectAltName = 17,
    BasicConstraints = 19,
    AuthorityKeyIdentifier = 35,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Critical {
    Yes,
    No,
}

/// What a certificate allows.
#[derive(Clone, Copy)]
enum Profile {
    /// CA:TRUE with at most one authority below, and the key usage to match.
    Service,
    /// CA:TRUE, as `openssl req -x509` makes it.
    Participant,
    /// CA:FALSE.
    End,
}

/// Everything in a certificate but who issues it.
struct Subject<'a> {
    name: &'a Name,
    public_key: &'a PublicKey,
    subject_alt_names: &'a [SubjectAltName],
    validity: Validity,
    profile: Profile,
    /// Another extension, which is not critical: its name and content.
    other: Option<Other<'a>>,
}

/// Name and content of an extension.
type Other<'a> = (&'a ObjectId, &'a [u8]);

/// A certificate for the signer's own key that may certify others: a service's identity (no alternative
/// names), or a node's before the service endorses it.
#[must_use]
pub fn issue_self_signed(
    signer: &dyn Signer,
    subject: &Name,
    subject_alt_names: &[SubjectAltName],
    validity: Validity,
    entropy: &dyn Entropy,
) -> Certificate {
    let subject = (subject, subject_alt_names, None);
    self_signed(signer, subject, validity, Profile::Service, entropy)
}

/// The same with one more extension that nobody needs to know: its name, and the content of its OCTET STRING.
#[must_use]
pub fn issue_self_signed_with(
    signer: &dyn Signer,
    subject: &Name,
    subject_alt_names: &[SubjectAltName],
    extension: Other<'_>,
    validity: Validity,
    entropy: &dyn Entropy,
) -> Certificate {
    let subject = (subject, subject_alt_names, Some(extension));
    self_signed(signer, subject, validity, Profile::Service, entropy)
}

/// [`issue_self_signed`] with the subject and alternative names of an earlier certificate.
#[must_use]
pub fn renew_self_signed(
    signer: &dyn Signer,
    previous: &Certificate,
    validity: Validity,
    entropy: &dyn Entropy,
) -> Certificate {
    issue_self_signed(signer, previous.subject_name(), previous.subject_alt_names(), validity, entropy)
}

/// The self-signed certificate of a member or user, as CCF's `keygenerator.sh` makes it.
#[must_use]
pub fn issue_participant(
    signer: &dyn Signer,
    subject: &Name,
    validity: Validity,
    entropy: &dyn Entropy,
) -> Certificate {
    self_signed(signer, (subject, &[], None), validity, Profile::Participant, entropy)
}

/// A certificate that may not certify others, for the key, subject and alternative names of `request`,
/// issued by `issuer`, of which `issuer_key` is the key: a node's certificate endorsed by the service.
#[must_use]
pub fn issue_endorsed(
    issuer_key: &dyn Signer,
    issuer: &Certificate,
    request: &Request,
    validity: Validity,
    entropy: &dyn Entropy,
) -> Certificate {
    let subject = Subject {
        name: request.subject(),
        public_key: request.public_key(),
        subject_alt_names: request.subject_alt_names(),
        validity,
        profile: Profile::End,
        other: None,
    };
    let issuer_key_id = issuer.subject_key_id().map_or_else(|| key_id(issuer.public_key()), <[u8]>::to_vec);
    issue(issuer_key, issuer.subject_name(), &issuer_key_id, &subject, entropy)
}

fn self_signed(
    signer: &dyn Signer,
    (name, subject_alt_names, other): (&Name, &[SubjectAltName], Option<Other<'_>>),
    validity: Validity,
    profile: Profile,
    entropy: &dyn Entropy,
) -> Certificate {
    let public_key = &PublicKey::Ec(signer.public_key().clone());
    let subject = Subject { name, public_key, subject_alt_names, validity, profile, other };
    issue(signer, name, &key_id(public_key), &subject, entropy)
}

fn issue(
    signer: &dyn Signer,
    issuer: &Name,
    issuer_key_id: &[u8],
    subject: &Subject<'_>,
    entropy: &dyn Entropy,
) -> Certificate {
    let mut serial = [0; SERIAL_LEN];
    entropy.fill(&mut serial);
    let fields = der::sequence(&[
        &der::element(der::context(0), &[&der::unsigned(&[2])]), // version 3
        &der::unsigned(&serial),
        &scheme::write(scheme_of(signer)),
        issuer.as_der(),
        &subject.validity.to_der(),
        subject.name.as_der(),
        subject.public_key.spki_der(),
        &der::element(der::context(3), &[&extensions(subject, issuer_key_id)]),
    ]);
    Certificate::from_der(&signed(signer, &fields)).expect("what is issued can be read")
}

fn extensions(subject: &Subject<'_>, issuer_key_id: &[u8]) -> Vec<u8> {
    let constraints = match subject.profile {
        Profile::Service => der::sequence(&[der::TRUE, &der::unsigned(&[1])]),
        Profile::Participant => der::sequence(&[der::TRUE]),
        Profile::End => der::sequence(&[]),
    };
    let mut all = vec![extension(Extension::BasicConstraints, Critical::Yes, &constraints)];
    if matches!(subject.profile, Profile::Service) {
        all.push(extension(Extension::KeyUsage, Critical::Yes, SIGN_AND_CERTIFY));
    }
    let own_id = der::element(der::OCTET_STRING, &[&key_id(subject.public_key)]);
    all.push(extension(Extension::SubjectKeyIdentifier, Critical::No, &own_id));
    const KEY_IDENTIFIER: u8 = 0x80;
    let issuer_id = der::sequence(&[&der::element(KEY_IDENTIFIER, &[issuer_key_id])]);
    all.push(extension(Extension::AuthorityKeyIdentifier, Critical::No, &issuer_id));
    if !subject.subject_alt_names.is_empty() {
        all.push(subject_alt_name_extension(subject.subject_alt_names));
    }
    if let Some((id, content)) = subject.other {
        all.push(named_extension(id.as_der(), Critical::No, content));
    }
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    der::sequence(&all)
}

fn extension(kind: Extension, critical: Critical, content: &[u8]) -> Vec<u8> {
    named_extension(&[0x55, 0x1d, kind as u8], critical, content)
}

fn named_extension(id: &[u8], critical: Critical, content: &[u8]) -> Vec<u8> {
    let object_id = der::element(der::OBJECT_ID, &[id]);
    let critical = if critical == Critical::Yes { der::TRUE } else { &[] };
    der::sequence(&[&object_id, critical, &der::element(der::OCTET_STRING, &[content])])
}

pub(super) fn subject_alt_name_extension(names: &[SubjectAltName]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = names.iter().map(SubjectAltName::to_der).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    extension(Extension::SubjectAltName, Critical::No, &der::sequence(&names))
}

/// Signs a certificate or a request.
pub(super) fn signed(signer: &dyn Signer, to_be_signed: &[u8]) -> Vec<u8> {
    scheme::join(to_be_signed, scheme_of(signer), &signer.sign(to_be_signed).to_der())
}

fn scheme_of(signer: &dyn Signer) -> SignatureScheme {
    SignatureScheme::Ecdsa(signer.public_key().curve().hash(), SignatureForm::Der)
}

/// The leftmost 160 bits of the SHA-256 of the key; RFC 5280 section 4.2.1.2 leaves the method to the issuer.
fn key_id(key: &PublicKey) -> Vec<u8> {
    key.id().0[..KEY_ID_LEN].to_vec()
}
