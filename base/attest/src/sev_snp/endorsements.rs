//! From AMD's root key to the key that signs reports.

use coco_crypto::{
    Certificate, PublicKey,
    x509::{ObjectId, RevocationList, UnixTime, Validity},
};

use super::{Extension, Link, Product, Refusal, Requirements, Revocation};
use crate::chain::{self, Broken, Unreadable, intersection};

/// Most revocation lists.
const MAX_LISTS: usize = 4;

/// 1.3.6.1.4.1.3704.1.2: the line of processors (AMD publication 57230, section 3).
const PRODUCT_NAME: ObjectId = ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x02");
/// 1.3.6.1.4.1.3704.1.4: the chip.
const CHIP_ID: ObjectId = ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x04");
/// 1.3.6.1.4.1.3704.1.5: the provider.
const PROVIDER: ObjectId = ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x05");
const IA5_STRING: u8 = 0x16;
const UTF8_STRING: u8 = 0x0c;
const INTEGER: u8 = 0x02;

/// What stands beside a report.
#[derive(Clone, Copy, Debug)]
pub struct Endorsements<'a> {
    /// PEM of the certificates of the signing key (VCEK or VLEK), the intermediate (ASK or ASVK) and the root (ARK), in
    /// this order, as CCF keeps them.
    pub certificates: &'a [u8],
    /// DER of revocation lists, as AMD serves them for each line (`/vcek/v1/{product}/crl`).
    pub revocation_lists: &'a [&'a [u8]],
    /// Endorsements of the utility VM: a COSE_Sign1 message.
    pub uvm: Option<&'a [u8]>,
}

/// Who has the key that signed a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A chip, by its identifier as reports have it.
    Chip([u8; 64]),
    /// A provider of clouds, by the name that AMD gives it.
    Provider(String),
}

/// A key that AMD vouches for.
pub(super) struct Endorsed {
    pub(super) product: Product,
    pub(super) key: PublicKey,
    pub(super) signer: Signer,
    /// The trusted computing base that the key belongs to.
    pub(super) tcb: u64,
    /// When all that was used is valid.
    pub(super) validity: Validity,
}

impl Endorsed {
    pub(super) fn verify(
        endorsements: &Endorsements<'_>,
        requirements: &Requirements<'_>,
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let certificates = read(endorsements.certificates)?;
        let [end, _, root] = &certificates;
        let product = requirements.roots.product(root.public_key()).ok_or(Refusal::Root)?;
        follow(&certificates)?;
        let mut validity = root.validity();
        for (certificate, link) in certificates.iter().zip(Link::ALL) {
            let own = certificate.validity();
            if now < own.not_before() {
                return Err(Refusal::NotYetValid(link));
            }
            if now > own.not_after() {
                return Err(Refusal::Expired(link));
            }
            validity = intersection(validity, own);
        }
        let lists = revocation_lists(endorsements, requirements.revocation, &certificates, now)?;
        Self::by(end, product, lists.into_iter().fold(validity, intersection))
    }

    /// By certificates of whatever root, whenever they are valid.
    pub(super) fn by_anyone(certificates: &[u8]) -> Result<Self, Refusal> {
        let certificates = read(certificates)?;
        follow(&certificates)?;
        let [end, ..] = &certificates;
        Self::by(end, product(end)?, end.validity())
    }

    fn by(end: &Certificate, product: Product, validity: Validity) -> Result<Self, Refusal> {
        Ok(Self {
            product,
            key: end.public_key().clone(),
            signer: signer(end, product)?,
            tcb: tcb(end, product)?,
            validity,
        })
    }
}

fn follow(certificates: &[Certificate; 3]) -> Result<(), Refusal> {
    chain::follow(certificates).map_err(|broken| match broken {
        Broken::Signature(at) => Refusal::ChainSignature(Link::ALL[at]),
        Broken::Constraints(at) => Refusal::Constraints(Link::ALL[at]),
    })
}

/// The three certificates of a text.
fn read(text: &[u8]) -> Result<[Certificate; 3], Refusal> {
    let certificates = chain::read(text, 3..=3).map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::EndorsementsTooLarge,
        Unreadable::Certificates(count) => Refusal::Certificates(count),
        Unreadable::Certificate(invalid) => Refusal::Certificate(invalid),
    })?;
    certificates.try_into().map_err(|found: Vec<_>| Refusal::Certificates(found.len()))
}

/// Checks the lists that are there, and that those are there that must be; returns when they are valid.
fn revocation_lists(
    endorsements: &Endorsements<'_>,
    revocation: Revocation,
    [end, intermediate, root]: &[Certificate; 3],
    now: UnixTime,
) -> Result<Vec<Validity>, Refusal> {
    if endorsements.revocation_lists.len() > MAX_LISTS {
        return Err(Refusal::EndorsementsTooLarge);
    }
    let mut validities = Vec::new();
    let mut of_root = false;
    for der in endorsements.revocation_lists {
        let list = RevocationList::from_der(der)?;
        let (subject, link) = if list.verify_issued_by(root).is_ok() {
            of_root = true;
            (intermediate, Link::Intermediate)
        } else if list.verify_issued_by(intermediate).is_ok() {
            (end, Link::End)
        } else {
            return Err(Refusal::ForeignRevocationList);
        };
        if !list.validity().contains(now) {
            return Err(Refusal::RevocationListDate);
        }
        if list.revokes(subject.serial()) {
            return Err(Refusal::Revoked(link));
        }
        validities.push(list.validity());
    }
    match revocation {
        Revocation::Required if !of_root => Err(Refusal::NoRevocationList),
        _ => Ok(validities),
    }
}

/// The line of processors that an end certificate names.
fn product(end: &Certificate) -> Result<Product, Refusal> {
    let name = string(end, &PRODUCT_NAME).ok_or(Refusal::Extension(Extension::ProductName))?;
    // A stepping may follow, as in `Milan-B0`.
    let line = name.split('-').next();
    Product::ALL.into_iter().find(|product| line == Some(product.name())).ok_or(Refusal::ProductName)
}

/// Whose key it is. A VCEK names a chip, a VLEK a provider.
fn signer(end: &Certificate, expected: Product) -> Result<Signer, Refusal> {
    if product(end)? != expected {
        return Err(Refusal::ProductName);
    }
    let invalid = Refusal::Extension(Extension::Identity);
    match (end.extension(&CHIP_ID), end.extension(&PROVIDER)) {
        (Some(chip), None) if chip.len() == expected.chip_id_len() => {
            let mut id = [0; 64];
            id[..chip.len()].copy_from_slice(chip);
            Ok(Signer::Chip(id))
        }
        (None, Some(_)) => {
            string(end, &PROVIDER).map(|name| Signer::Provider(name.to_owned())).ok_or(invalid)
        }
        _ => Err(invalid),
    }
}

/// The trusted computing base of an end certificate, packed as in reports: extensions 1.3.6.1.4.1.3704.1.3.x, of which
/// each is one byte.
fn tcb(end: &Certificate, product: Product) -> Result<u64, Refusal> {
    /// Boot loader, operating system, SNP firmware, four without a use yet, microcode, firmware of the controller.
    const PARTS: [(u8, Option<usize>, Option<usize>); 9] = [
        (1, Some(0), Some(1)),
        (2, Some(1), Some(2)),
        (3, Some(6), Some(3)),
        (4, Some(2), None),
        (5, Some(3), Some(4)),
        (6, Some(4), Some(5)),
        (7, Some(5), Some(6)),
        (8, Some(7), Some(7)),
        (9, None, Some(0)),
    ];
    let mut packed = [0; 8];
    for (part, of_first_lines, of_turin) in PARTS {
        let place = match product {
            Product::Milan | Product::Genoa => of_first_lines,
            Product::Turin => of_turin,
        };
        if let Some(place) = place {
            packed[place] = small_integer(end, part).ok_or(Refusal::Extension(Extension::Tcb))?;
        }
    }
    Ok(u64::from_le_bytes(packed))
}

/// The integer of extension 1.3.6.1.4.1.3704.1.3.`part`, if it is there and one byte.
fn small_integer(end: &Certificate, part: u8) -> Option<u8> {
    const IDS: [ObjectId; 9] = [
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x01"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x02"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x03"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x04"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x05"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x06"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x07"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x08"),
        ObjectId::from_der(b"\x2b\x06\x01\x04\x01\x9c\x78\x01\x03\x09"),
    ];
    match end.extension(IDS.get(usize::from(part.checked_sub(1)?))?)? {
        [INTEGER, 1, value @ ..=0x7f] | [INTEGER, 2, 0, value @ 0x80..=0xff] => Some(*value),
        _ => None,
    }
}

/// The text of an extension.
fn string<'a>(end: &'a Certificate, id: &ObjectId) -> Option<&'a str> {
    match end.extension(id)? {
        [IA5_STRING | UTF8_STRING, length @ ..=0x7f, text @ ..] if usize::from(*length) == text.len() => {
            std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))
        }
        _ => None,
    }
}
