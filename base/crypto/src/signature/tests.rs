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
        assert_eq!(signature.as_fixed(), fixed);
        assert_eq!(signature.into_fixed(), fixed);
    }
    for bad in [vec![], vec![1], vec![1; 3], vec![1; 134]] {
        assert_eq!(FixedSignature::new(bad), None);
    }
}
