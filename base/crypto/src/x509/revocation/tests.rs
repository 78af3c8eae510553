//! Certificates and lists that OpenSSL signed with RSASSA-PSS.

use super::*;
use crate::{PublicKey, pem, x509::ObjectId};

fn certificate(text: &str) -> Certificate {
    Certificate::from_pem(text).unwrap()
}

fn root() -> Certificate {
    certificate(include_str!("../tests/pss_root.pem"))
}

fn leaf() -> Certificate {
    certificate(include_str!("../tests/pss_leaf.pem"))
}

fn list(text: &str) -> Vec<u8> {
    pem::decode(text, "X509 CRL").unwrap().to_vec()
}

#[test]
fn certificates_signed_with_pss() {
    let (root, leaf) = (root(), leaf());
    root.verify_issued_by(&root).unwrap();
    leaf.verify_issued_by(&root).unwrap();
    assert_eq!(root.verify_issued_by(&leaf), Err(NotAuthentic));
    assert!(matches!(leaf.public_key(), PublicKey::Ec(_)));
    for bit in 0..8 * leaf.der().len() {
        let mut changed = leaf.der().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Certificate::from_der(&changed) {
            assert_eq!(changed.verify_issued_by(&root), Err(NotAuthentic), "bit {bit}");
        }
    }
}

#[test]
fn what_certificates_say_of_themselves() {
    let (root, leaf) = (root(), leaf());
    let id = |text: &str| text.parse::<ObjectId>().unwrap();
    let chip = id("1.3.6.1.4.1.3704.1.4");
    assert_eq!(leaf.extension(&chip), Some([1, 2, 3, 4, 5, 6, 7, 8].as_slice()));
    assert_eq!(root.extension(&chip), None);
    assert!(leaf.has_purpose(&id("1.3.6.1.4.1.311.76.59.1.2")));
    assert!(leaf.has_purpose(&id("1.3.6.1.5.5.7.3.1")));
    assert!(!leaf.has_purpose(&id("1.3.6.1.4.1.311.76.59.1")));
    assert!(!root.has_purpose(&id("1.3.6.1.5.5.7.3.1")));
    assert!(leaf.has_unknown_critical_extensions());
    assert!(!root.has_unknown_critical_extensions());
    let usages = [KeyUsage::Signatures, KeyUsage::Certificates, KeyUsage::RevocationLists];
    assert_eq!(usages.map(|usage| root.allows(usage)), [false, true, true]);
    assert_eq!(usages.map(|usage| leaf.allows(usage)), [true, false, false]);
}

#[test]
fn lists() {
    let (root, leaf) = (root(), leaf());
    for (text, revoked) in
        [(include_str!("../tests/pss_crl.pem"), true), (include_str!("../tests/pss_crl_empty.pem"), false)]
    {
        let list = RevocationList::from_der(&list(text)).unwrap();
        list.verify_issued_by(&root).unwrap();
        assert_eq!(list.verify_issued_by(&leaf), Err(NotAuthentic));
        assert_eq!(list.issuer_name(), root.subject_name());
        assert_eq!(list.validity().not_after().0 - list.validity().not_before().0, 365 * 86_400);
        assert_eq!(list.revokes(leaf.serial()), revoked);
        assert!(!list.revokes(root.serial()));
    }
}

#[test]
fn any_changed_bit_breaks_a_list() {
    let root = root();
    let der = list(include_str!("../tests/pss_crl.pem"));
    for bit in 0..8 * der.len() {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = RevocationList::from_der(&changed) {
            assert_eq!(changed.verify_issued_by(&root), Err(NotAuthentic), "bit {bit}");
        }
    }
    for length in 0..der.len() {
        assert!(RevocationList::from_der(&der[..length]).is_err());
    }
}

#[test]
fn lists_that_are_refused() {
    use InvalidRevocationList::{Malformed, Unsupported};

    let der = list(include_str!("../tests/pss_crl.pem"));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = der.windows(from.len()).position(|window| window == from).unwrap();
        [&der[..at], to, &der[at + from.len()..]].concat()
    };
    // The serial number in the only entry becomes text; an extension of the list becomes critical.
    let entry = replaced(b"\x02\x02\x12\x34", b"\x0c\x02\x12\x34");
    let trailing = [der.as_slice(), &[0]].concat();
    let huge = vec![0x30; MAX_LEN + 1];
    let cases = [(entry, Malformed), (trailing, Malformed), (huge, Malformed), (Vec::new(), Malformed)];
    for (der, expected) in cases {
        assert_eq!(RevocationList::from_der(&der).unwrap_err(), expected);
    }
    let other_hash =
        replaced(b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", b"\x60\x86\x48\x01\x65\x03\x04\x02\x04");
    assert!(matches!(RevocationList::from_der(&other_hash), Err(Malformed | Unsupported)));
}
