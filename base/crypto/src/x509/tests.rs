use super::*;
use crate::{Curve, EcKey, InvalidKey, NotAuthentic, PublicKey, Signer, SystemEntropy, pem, pem::InvalidPem};

fn validity() -> Validity {
    Validity::days("20260101000000Z".parse().unwrap(), 90).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn alt_names() -> Vec<SubjectAltName> {
    ["dNSName:node.example", "iPAddress:127.0.0.1", "iPAddress:2001:db8::1"]
        .map(|text| text.parse().unwrap())
        .to_vec()
}

struct Service {
    key: EcKey,
    certificate: Certificate,
}

fn service(curve: Curve) -> Service {
    let key = EcKey::generate(curve, &SystemEntropy);
    let certificate = issue_self_signed(&key, &name("CN=CCF Service"), &[], validity(), &SystemEntropy);
    Service { key, certificate }
}

#[test]
fn a_service_certifies_a_node() {
    for curve in [Curve::P256, Curve::P384] {
        let Service { key, certificate } = service(curve);
        assert_eq!(certificate.subject(), "CN=CCF Service");
        assert_eq!(certificate.common_name(), Some("CCF Service"));
        assert!(certificate.is_authority());
        assert_eq!(certificate.path_length(), Some(1));
        assert_eq!(certificate.validity(), validity());
        assert!(certificate.subject_alt_names().is_empty());
        assert_eq!(certificate.public_key().id(), key.public_key().id());
        certificate.verify_issued_by(&certificate).unwrap();

        let node = EcKey::generate(Curve::P384, &SystemEntropy);
        let request = Request::create(&node, &name("CN=CCF Node,O=Contoso"), &alt_names());
        let request = Request::from_pem(&request.to_pem()).unwrap();
        let endorsed = issue_endorsed(&key, &certificate, &request, validity(), &SystemEntropy);
        endorsed.verify_issued_by(&certificate).unwrap();
        assert_eq!(endorsed.verify_issued_by(&endorsed), Err(NotAuthentic));
        assert_eq!(endorsed.verify_issued_by(&service(curve).certificate), Err(NotAuthentic));
        assert!(!endorsed.is_authority());
        assert_eq!(endorsed.path_length(), None);
        assert_eq!(endorsed.subject_alt_names(), alt_names());
        assert_eq!(endorsed.subject_name(), &name("CN=CCF Node,O=Contoso"));
        assert_eq!(endorsed.issuer_name(), certificate.subject_name());
        assert_eq!(endorsed.public_key(), &PublicKey::Ec(node.public_key().clone()));
        assert!(endorsed.serial().len() <= 17);
        assert_ne!(endorsed.serial(), certificate.serial());
    }
}

#[test]
fn renewal_keeps_subject_and_names() {
    let node = EcKey::generate(Curve::P384, &SystemEntropy);
    let first = issue_self_signed(&node, &name("CN=CCF Node"), &alt_names(), validity(), &SystemEntropy);
    let later = Validity::days(validity().not_after(), 10).unwrap();
    let second = renew_self_signed(&node, &first, later, &SystemEntropy);
    assert_eq!(second.subject_name(), first.subject_name());
    assert_eq!(second.subject_alt_names(), alt_names());
    assert_eq!(second.validity(), later);
    assert_ne!(second.fingerprint(), first.fingerprint());
}

#[test]
fn participants() {
    let member = EcKey::generate(Curve::P384, &SystemEntropy);
    let certificate = issue_participant(&member, &name("CN=member0"), validity(), &SystemEntropy);
    certificate.verify_issued_by(&certificate).unwrap();
    assert!(certificate.is_authority());
    assert_eq!(certificate.path_length(), None);
    assert_eq!(Certificate::from_pem(&certificate.to_pem()).unwrap(), certificate);
}

#[test]
fn reads_certificates_of_openssl() {
    for (text, subject, kind) in [
        (include_str!("tests/ec.pem"), "CN=member0", "ec"),
        (include_str!("tests/rsa.pem"), "C=GB, O=Contoso, CN=root", "rsa"),
        (include_str!("tests/ed25519.pem"), "CN=user0", "ed25519"),
    ] {
        let certificate = Certificate::from_pem(text).unwrap();
        assert_eq!(certificate.subject(), subject);
        assert_eq!(certificate.to_pem(), text);
        certificate.verify_issued_by(&certificate).unwrap();
        assert!(certificate.is_authority());
        assert!(certificate.subject_key_id().is_some());
        let found = match certificate.public_key() {
            PublicKey::Ec(_) => "ec",
            PublicKey::Rsa(_) => "rsa",
            PublicKey::Ed25519(_) => "ed25519",
        };
        assert_eq!(found, kind);
    }
    let request = Request::from_pem(include_str!("tests/request.pem")).unwrap();
    assert_eq!(request.subject(), &name("CN=node"));
    let names: Vec<_> = request.subject_alt_names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["dNSName:localhost", "iPAddress:10.0.0.1"]);
    let email = Request::from_pem(include_str!("tests/request_email.pem"));
    assert_eq!(email.unwrap_err(), InvalidRequest::SubjectAltName);
    let bundle = format!("# one\n{}# two\n{}", include_str!("tests/ec.pem"), include_str!("tests/rsa.pem"));
    assert_eq!(Certificate::bundle_from_pem(&bundle).unwrap().len(), 2);
}

#[test]
fn any_changed_bit_breaks_an_endorsement() {
    let Service { key, certificate } = service(Curve::P256);
    let node = EcKey::generate(Curve::P256, &SystemEntropy);
    let request = Request::create(&node, &name("CN=n"), &alt_names());
    let endorsed = issue_endorsed(&key, &certificate, &request, validity(), &SystemEntropy);
    for bit in 0..8 * endorsed.der().len() {
        let mut changed = endorsed.der().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Certificate::from_der(&changed) {
            assert_eq!(changed.verify_issued_by(&certificate), Err(NotAuthentic), "bit {bit}");
        }
    }
    for bit in 0..8 * request.der().len() {
        let mut changed = request.der().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Request::from_der(&changed).is_err(), "bit {bit}");
    }
    for length in 0..endorsed.der().len() {
        assert!(Certificate::from_der(&endorsed.der()[..length]).is_err());
    }
    for length in 0..request.der().len() {
        assert!(Request::from_der(&request.der()[..length]).is_err());
    }
}

#[test]
fn refusals() {
    let certificate = service(Curve::P256).certificate;
    let trailing = [certificate.der(), &[0]].concat();
    assert_eq!(Certificate::from_der(&trailing), Err(InvalidCertificate::Malformed));
    assert_eq!(Certificate::from_der(&[]), Err(InvalidCertificate::Malformed));
    assert_eq!(Certificate::from_der(&vec![0x30; 70_000]), Err(InvalidCertificate::Malformed));
    let twice = certificate.to_pem().repeat(2);
    assert_eq!(Certificate::from_pem(&twice), Err(InvalidPem::NotOne.into()));
    assert_eq!(Certificate::bundle_from_pem(""), Err(InvalidPem::NotOne.into()));
    assert_eq!(Certificate::from_pem(&pem::encode("X", certificate.der())), Err(InvalidPem::NotOne.into()));
    let unsupported = Certificate::from_pem(include_str!("tests/secp256k1.pem"));
    assert_eq!(unsupported, Err(InvalidCertificate::Key(InvalidKey::Unsupported)));
}
