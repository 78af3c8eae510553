use super::*;
use crate::{EcPublicKey, Signer as _, SystemEntropy, rsa::RsaBits};

#[test]
fn keys_are_made_of_their_own_numbers() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let key = EcKey::generate(curve, &SystemEntropy);
        let (secret, public) = (key.secret(), key.public_key());
        assert_eq!(secret.len(), curve.coordinate_len());
        assert_eq!(EcKey::from_secret(curve, &secret).unwrap().public_key(), public);
        let (x, y) = public.point()[1..].split_at(curve.coordinate_len());
        assert_eq!(EcPublicKey::from_coordinates(curve, x, y).as_ref(), Ok(public));
        for bad in [&[][..], &[0; 10], &[0xff; 66], &[1; 67]] {
            assert!(EcKey::from_secret(curve, bad).is_err(), "{curve:?} {bad:?}");
        }
    }
    let key = RsaKey::generate(RsaBits::B2048);
    let numbers = key.numbers();
    assert_eq!(RsaKey::from_numbers(&numbers).unwrap().public_key(), key.public_key());
    let (modulus, exponent) = key.public_key().numbers();
    assert_eq!((&*numbers.numbers[0], &*numbers.numbers[1]), (&modulus, &exponent));
    assert_eq!(RsaPublicKey::from_numbers(&modulus, &exponent).as_ref(), Ok(key.public_key()));
    let mut wrong = key.numbers();
    wrong.numbers[3] = wrong.numbers[4].clone();
    assert!(RsaKey::from_numbers(&wrong).is_err());
    let key = Ed25519Key::generate(&SystemEntropy);
    let again = Ed25519Key::from_seed(key.seed().as_slice()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(Ed25519PublicKey::from_point(key.public_key().point()), Ok(key.public_key()));
    assert!(Ed25519Key::from_seed(&[1; 31]).is_err());
}
