mod fuzz;

use coco_crypto::{
    Curve, EcKey, Signer as _, SystemEntropy,
    hash::HashAlgorithm,
    x509::{Validity, issue_self_signed, issue_self_signed_with},
};
use coco_imitated::snp::{Machine, NOW};

use super::*;
use crate::{Details, sev_snp};

fn key() -> EcKey {
    EcKey::generate(Curve::P384, &SystemEntropy)
}

fn certificate(key: &EcKey, content: &[u8]) -> Certificate {
    let (name, validity) = ("CN=Node".parse().unwrap(), Validity::days(NOW, 1).unwrap());
    issue_self_signed_with(key, &name, &[], (&EXTENSION, content), validity, &SystemEntropy)
}

/// Evidence of imitated hardware that is bound to a key, and whose signatures count then.
fn evidence(key: &EcKey) -> (Evidence, Policy<'static>) {
    let mut machine = Machine::milan();
    machine.bind(&key.public_key().id());
    let shown = machine.sign();
    let [milan, genoa, turin] = shown.roots;
    let roots = sev_snp::Roots { milan, genoa, turin };
    let sev_snp = sev_snp::Requirements { roots, ..sev_snp::Requirements::STRICT };
    let evidence = Evidence {
        platform: Platform::SevSnp,
        quote: shown.report,
        endorsements: shown.certificates,
        uvm_endorsements: None,
    };
    (evidence, Policy { sev_snp, ..Policy::strict(NOW) })
}

fn content(key: &EcKey) -> (Vec<u8>, Policy<'static>) {
    let (evidence, policy) = evidence(key);
    (write(&evidence, &key.public_key().id()).unwrap(), policy)
}

/// Claims about a key, as others write them.
fn claims(number: i64, hash: &[u8]) -> Vec<u8> {
    let hash = Cbor::Array(vec![Cbor::Int(number), Cbor::Bytes(hash)]).encode();
    let nonce = (Cbor::Text("nonce"), Cbor::Bytes(&[1; 16]));
    Cbor::Map(vec![(KEY_CLAIM, Cbor::Bytes(&hash)), nonce]).encode()
}

fn tagged(tag: u64, evidence: Cbor<'_>, claims: &[u8]) -> Vec<u8> {
    Cbor::Tag(tag, Box::new(Cbor::Array(vec![evidence, Cbor::Bytes(claims)]))).encode()
}

#[test]
fn a_certificate_says_what_holds_its_key() {
    let key = key();
    let (evidence, policy) = evidence(&key);
    let content = write(&evidence, &key.public_key().id()).unwrap();
    let shown = certificate(&key, &content);
    assert!(!shown.has_unknown_critical_extensions());
    assert_eq!(shown.extension(&"2.23.133.5.4.9".parse().unwrap()), Some(content.as_slice()));
    let claims = verify(&shown, &policy).unwrap();
    assert!(matches!(claims.details, Details::SevSnp(_)));
    let expected = Shown::Node(evidence, ReportData(key.public_key().id()));
    assert!(read(&shown) == Ok(expected));
    // The head is the tag as text.
    assert_eq!(content[..6], [0xda, b'c', b'o', b'c', b'o', 0x82]);
}

#[test]
fn another_key_does_not_become_that_of_the_node() {
    let (own, other) = (key(), key());
    let (taken, policy) = content(&own);
    assert_eq!(verify(&certificate(&other, &taken), &policy), Err(Refusal::Key));
    // With claims about the other key the hardware's word is missing.
    let forged = write(&evidence(&own).0, &other.public_key().id()).unwrap();
    assert_eq!(
        verify(&certificate(&other, &forged), &policy),
        Err(Refusal::Evidence(crate::Refusal::ReportData))
    );
}

#[test]
fn a_certificate_without_evidence_has_none() {
    let key = key();
    let (name, validity) = ("CN=Node".parse().unwrap(), Validity::days(NOW, 1).unwrap());
    let plain = issue_self_signed(&key, &name, &[], validity, &SystemEntropy);
    assert_eq!(read(&plain), Err(Refusal::Absent));
}

#[test]
fn what_is_too_large_is_neither_written_nor_read() {
    let key = key();
    let (mut evidence, _) = evidence(&key);
    evidence.endorsements = vec![b'x'; MAX_LEN];
    assert_eq!(write(&evidence, &key.public_key().id()), None);
    assert_eq!(read(&certificate(&key, &vec![0; MAX_LEN + 1])), Err(Refusal::TooLarge));
}

#[test]
fn quotes_of_others_are_read_for_those_who_have_collateral() {
    let key = key();
    let spki = key.public_key().spki_der().to_vec();
    for (number, function) in
        [(1, HashAlgorithm::Sha256), (7, HashAlgorithm::Sha384), (8, HashAlgorithm::Sha512)]
    {
        let claims = claims(number, &function.digest(&spki));
        let shown = certificate(&key, &tagged(INTEL_TAG, Cbor::Bytes(b"quote"), &claims));
        let expected = Shown::Intel(b"quote".to_vec(), ReportData(sha256(&claims)));
        assert_eq!(read(&shown), Ok(expected), "{number}");
        assert_eq!(verify(&shown, &evidence(&key).1), Err(Refusal::Quote));
    }
}

#[test]
fn other_forms_are_refused() {
    let key = key();
    let id = key.public_key().id();
    let good = claims(1, &id.0);
    let quote = || Cbor::Bytes(b"quote");
    let parts = |format, uvm| Cbor::Array(vec![Cbor::Text(format), quote(), quote(), uvm]);
    let snp = || parts("AMD_SEV_SNP_v1", Cbor::Null);
    let large = vec![0; MAX_CLAIMS + 1];
    let cases: Vec<(Vec<u8>, Refusal)> = vec![
        (vec![], Refusal::Malformed),
        (b"quote".to_vec(), Refusal::Malformed),
        (Cbor::Array(vec![quote(), Cbor::Bytes(&good)]).encode(), Refusal::Malformed),
        (Cbor::Tag(TAG, Box::new(Cbor::Null)).encode(), Refusal::Malformed),
        (Cbor::Tag(TAG, Box::new(Cbor::Array(vec![snp()]))).encode(), Refusal::Malformed),
        (tagged(TAG, quote(), &good), Refusal::Malformed),
        (tagged(INTEL_TAG, snp(), &good), Refusal::Malformed),
        (tagged(60_001, quote(), &good), Refusal::Unknown),
        (tagged(TAG, parts("Abacus", Cbor::Null), &good), Refusal::Unknown),
        (tagged(TAG, parts("AMD_SEV_SNP_v1", Cbor::Int(0)), &good), Refusal::Malformed),
        (tagged(TAG, Cbor::Array(vec![quote(), quote(), quote(), quote()]), &good), Refusal::Malformed),
        (tagged(TAG, snp(), &[]), Refusal::Malformed),
        (tagged(TAG, snp(), &large), Refusal::TooLarge),
        (tagged(TAG, snp(), &Cbor::Map(vec![]).encode()), Refusal::Malformed),
        (tagged(TAG, snp(), &claims(2, &id.0)), Refusal::Unknown),
        (tagged(TAG, snp(), &claims(1, &id.0[..31])), Refusal::Key),
        (tagged(TAG, snp(), &claims(1, &[0; 32])), Refusal::Key),
        ([tagged(TAG, snp(), &good), vec![0]].concat(), Refusal::Malformed),
        // Nested beyond any use, and an array that claims to be endless.
        ([vec![0x81; 5000], vec![0]].concat(), Refusal::Malformed),
        (
            vec![0xda, b'c', b'o', b'c', b'o', 0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            Refusal::Malformed,
        ),
    ];
    for (content, expected) in cases {
        let shown = &content[..content.len().min(40)];
        assert_eq!(read(&certificate(&key, &content)), Err(expected), "{shown:02x?}");
    }
}

/// Whatever is changed, cut off or added, another claim does not come of it.
#[test]
fn changed_bytes_change_no_claim() {
    let key = key();
    let (content, policy) = content(&key);
    let believed = verify(&certificate(&key, &content), &policy).unwrap();
    let mut refused = 0;
    let mut check = |changed: &[u8], at: usize| match verify(&certificate(&key, changed), &policy) {
        Ok(claims) => assert_eq!(claims, believed, "changed at {at}"),
        Err(_) => refused += 1,
    };
    let step = 7;
    for at in (0..content.len()).step_by(step).chain(0..40).chain(content.len() - 60..content.len()) {
        let mut changed = content.clone();
        changed[at] ^= 1 << (at % 8);
        check(&changed, at);
        check(&content[..at], at);
    }
    assert!(refused > content.len() / step, "{refused}");
}
