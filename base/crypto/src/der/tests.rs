use super::*;

#[test]
fn lengths_are_minimal() {
    for (length, header) in [
        (0, &[0x04, 0x00][..]),
        (127, &[0x04, 0x7f]),
        (128, &[0x04, 0x81, 0x80]),
        (255, &[0x04, 0x81, 0xff]),
        (256, &[0x04, 0x82, 0x01, 0x00]),
        (65536, &[0x04, 0x83, 0x01, 0x00, 0x00]),
    ] {
        let written = element(OCTET_STRING, &[&vec![0x55; length]]);
        assert_eq!(&written[..header.len()], header);
        assert_eq!(written.len(), header.len() + length);
    }
}

#[test]
fn integers_are_minimal_and_positive() {
    for (bytes, written) in [
        (&[][..], &[2, 1, 0][..]),
        (&[0, 0], &[2, 1, 0]),
        (&[0, 1], &[2, 1, 1]),
        (&[0x7f], &[2, 1, 0x7f]),
        (&[0x80], &[2, 2, 0, 0x80]),
        (&[0, 0, 0xff, 0], &[2, 3, 0, 0xff, 0]),
    ] {
        assert_eq!(unsigned(bytes), written);
    }
}

#[test]
fn one_sequence() {
    for length in [0, 5, 127, 128, 255, 256, 5000] {
        let whole = sequence(&[&vec![0; length]]);
        assert!(is_one_sequence(&whole));
        assert!(!is_one_sequence(&whole[..whole.len() - 1]));
        assert!(!is_one_sequence(&[&whole[..], &[0]].concat()));
    }
    for other in [&[][..], &[0x30], &[0x31, 0], &[0x30, 0x80, 0, 0], &[0x30, 0x82, 0]] {
        assert!(!is_one_sequence(other));
    }
}
