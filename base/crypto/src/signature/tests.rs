use super::*;

#[test]
fn der_of_fixed_signatures() {
    let cases = [
        (vec![1, 2], vec![0x30, 6, 2, 1, 1, 2, 1, 2]),
        (vec![0, 1, 0x80, 0], vec![0x30, 7, 2, 1, 1, 2, 3, 0, 0x80, 0][..].to_vec()),
        (vec![0, 0], vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ];
    for (fixed, mut der) in cases {
        der[1] = u8::try_from(der.len() - 2).unwrap();
        let signature = FixedSignature::new(fixed.clone()).unwrap();
        assert_eq!(signature.to_der(), der);
        assert_eq!(FixedSignature::from_der(&der, fixed.len() / 2), Some(signature.clone()));
        assert_eq!(signature.as_fixed(), fixed);
        assert_eq!(signature.into_fixed(), fixed);
    }
    for bad in [vec![], vec![1], vec![1; 3], vec![1; 134]] {
        assert_eq!(FixedSignature::new(bad), None);
    }
}

#[test]
fn what_is_no_der_of_two_numbers() {
    let cases: [&[u8]; 11] = [
        b"",
        b"\x30\x06\x02\x01\x01\x02\x01",
        b"\x30\x06\x02\x01\x01\x02\x01\x02\x00",
        b"\x31\x06\x02\x01\x01\x02\x01\x02",
        b"\x30\x06\x04\x01\x01\x02\x01\x02",
        b"\x30\x03\x02\x01\x01",
        b"\x30\x09\x02\x01\x01\x02\x01\x02\x02\x01\x03",
        // Not the shortest form, negative, empty.
        b"\x30\x07\x02\x02\x00\x01\x02\x01\x02",
        b"\x30\x06\x02\x01\x81\x02\x01\x02",
        b"\x30\x05\x02\x00\x02\x01\x02",
        // Longer than a half.
        b"\x30\x08\x02\x03\x01\x02\x03\x02\x01\x02",
    ];
    for der in cases {
        assert_eq!(FixedSignature::from_der(der, 2), None, "{der:?}");
    }
}
