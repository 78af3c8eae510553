use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    x509::{Name, UnixTime, Validity, issue_participant},
};

use super::{Identity, InvalidIdentity};

#[test]
fn certificate_and_key_must_belong_together() {
    let validity = Validity::days(UnixTime(1_700_000_000), 365).unwrap();
    for curve in [Curve::P384, Curve::P256] {
        let key = EcKey::generate(curve, &SystemEntropy);
        let other = EcKey::generate(curve, &SystemEntropy);
        let certificate = issue_participant(&key, &Name::common("m").unwrap(), validity, &SystemEntropy);
        let pem = certificate.to_pem();
        let identity = Identity::from_pem(&pem, &key.to_pem()).unwrap();
        assert_eq!(identity.id(), certificate.fingerprint());
        assert!(matches!(Identity::from_pem(&pem, &other.to_pem()), Err(InvalidIdentity::Mismatch)));
        assert!(matches!(Identity::from_pem(&key.to_pem(), &pem), Err(InvalidIdentity::Certificate(_))));
        assert!(matches!(Identity::from_pem(&pem, &pem), Err(InvalidIdentity::Key(_))));
    }
}
