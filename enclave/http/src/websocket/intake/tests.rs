//! What clients may send and what they must not, however it is cut.

mod fuzz;

use bytes::BufMut as _;

use super::*;

const MAX: usize = 70_000;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame of `first` byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What comes out when `bytes` arrive in pieces of `size`, and what ends it.
fn feed(bytes: &[u8], size: usize) -> (Vec<Incoming>, Option<Violation>) {
    let mut intake = Intake::new(MAX);
    let mut seen = Vec::new();
    for piece in bytes.chunks(size) {
        intake.room().put_slice(piece);
        loop {
            match intake.next() {
                Ok(Some(incoming)) => seen.push(incoming),
                Ok(None) => break,
                Err(violation) => return (seen, Some(violation)),
            }
        }
    }
    assert!(intake.buffer.capacity() <= 2 * READ.max(size), "the buffer stays small");
    (seen, None)
}

fn check(name: &str, bytes: &[u8], expected: &[Incoming], violation: Option<Violation>) {
    for size in [1, 2, 3, 7, 1000, 4000] {
        assert_eq!(feed(bytes, size), (expected.to_vec(), violation), "{name}, in pieces of {size}");
    }
}

fn message(text: &str) -> Incoming {
    Incoming::Message(text.to_owned())
}

#[test]
fn messages_and_control_frames() {
    let long = "ä".repeat(MAX / 2);
    let cases: [(&str, Vec<u8>, &[Incoming]); 13] = [
        ("empty", frame(0x81, b""), &[message("")]),
        ("text", frame(0x81, b"hello"), &[message("hello")]),
        ("text as bytes", frame(0x82, b"hello"), &[message("hello")]),
        ("two", [frame(0x81, b"a"), frame(0x81, b"b")].concat(), &[message("a"), message("b")]),
        ("125 bytes", frame(0x81, &[b'x'; 125]), &[message(&"x".repeat(125))]),
        ("126 bytes", frame(0x81, &[b'x'; 126]), &[message(&"x".repeat(126))]),
        ("65535 bytes", frame(0x81, &[b'x'; 0xffff]), &[message(&"x".repeat(0xffff))]),
        ("as long as it may be", frame(0x81, long.as_bytes()), &[message(&long)]),
        (
            "in pieces, cut inside a character, an empty one among them",
            [frame(0x01, b"\xc3"), frame(0x00, b""), frame(0x80, b"\xa4")].concat(),
            &[message("ä")],
        ),
        (
            "control frames between the pieces",
            [frame(0x01, b"a"), frame(0x89, b"are you"), frame(0x8a, b""), frame(0x80, b"b")].concat(),
            &[Incoming::Ping(b"are you".to_vec()), Incoming::Pong, message("ab")],
        ),
        ("end without a code", frame(0x88, b""), &[Incoming::Close(None)]),
        ("end with a code", frame(0x88, b"\x03\xe8bye"), &[Incoming::Close(Some(1000))]),
        ("end with an own code", frame(0x88, b"\x0f\xa0"), &[Incoming::Close(Some(4000))]),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, expected, None);
    }
}

#[test]
fn violations_are_found() {
    let cases: [(&str, Vec<u8>, Violation); 24] = [
        ("reserved bit 1", vec![0xc1], Violation::ReservedBit),
        ("reserved bit 2", vec![0xa1], Violation::ReservedBit),
        ("reserved bit 3", vec![0x91], Violation::ReservedBit),
        ("opcode 3", vec![0x83], Violation::Opcode),
        ("opcode 7", vec![0x87], Violation::Opcode),
        ("opcode 11", vec![0x8b], Violation::Opcode),
        ("opcode 15", vec![0x8f], Violation::Opcode),
        ("ping in pieces", vec![0x09], Violation::FragmentedControl),
        ("end in pieces", vec![0x08], Violation::FragmentedControl),
        ("ping of 126 bytes", vec![0x89, 0xfe, 0, 126], Violation::LongControl),
        ("no mask", vec![0x81, 0x05], Violation::Unmasked),
        ("ping without mask", vec![0x89, 0x00], Violation::Unmasked),
        ("125 in two bytes", vec![0x81, 0xfe, 0, 125], Violation::Length),
        ("65535 in eight bytes", vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Violation::Length),
        ("highest bit", [&[0x81, 0xff][..], &[0xff; 8]].concat(), Violation::Length),
        ("continuation of nothing", frame(0x80, b"a"), Violation::Continuation),
        ("message in a message", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), Violation::Interleaved),
        ("end of one byte", frame(0x88, b"\x03"), Violation::CloseCode),
        ("end with 1005", frame(0x88, b"\x03\xed"), Violation::CloseCode),
        ("end with 999", frame(0x88, b"\x03\xe7"), Violation::CloseCode),
        ("end with a reason not in UTF-8", frame(0x88, b"\x03\xe8\xff"), Violation::Utf8),
        ("text not in UTF-8", frame(0x81, b"\xc3\x28"), Violation::Utf8),
        ("half of a character", [frame(0x01, b"\xc3"), frame(0x80, b"")].concat(), Violation::Utf8),
        (
            "too large, before it arrives",
            [&[0x81, 0xff][..], &(MAX as u64 + 1).to_be_bytes(), &MASK].concat(),
            Violation::TooLarge,
        ),
    ];
    for (name, bytes, violation) in cases {
        check(name, &bytes, &[], Some(violation));
    }
    let pieces = [frame(0x01, &[b'x'; MAX]), frame(0x80, b"y")].concat();
    check("too large in pieces", &pieces, &[], Some(Violation::TooLarge));
}

#[test]
fn room_grows_with_what_has_arrived() {
    let mut intake = Intake::new(1 << 40);
    let head = [&[0x81, 0xff][..], &(1u64 << 39).to_be_bytes(), &MASK, b"only this"].concat();
    intake.room().put_slice(&head);
    assert_eq!(intake.next(), Ok(None));
    assert!(intake.message.capacity() < 1000);
    assert!(!intake.is_idle());
}
