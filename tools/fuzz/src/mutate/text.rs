//! Changes of texts that leave most of them what they are: JSON stays JSON, hexadecimal stays hexadecimal.

use std::ops::Range;

use super::splice_at;
use crate::random::Random;

/// Numbers at the edges of formats.
const NUMBERS: &[&[u8]] = &[
    b"0",
    b"-1",
    b"255",
    b"256",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1e999",
    b"0.5",
    b"null",
];
/// What a value may become.
const VALUES: &[&[u8]] = &[b"null", b"true", b"false", b"\"\"", b"[]", b"{}", b"[[]]", b"\"\\u0000\""];

/// Changes one thing near a place.
pub(super) fn change(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    match random.below(6) {
        0 => number(random, bytes, at),
        1 => character(random, bytes, at),
        // A part of a list or object goes, comes twice, or another one takes its place.
        2 => {
            if let Some(part) = between(bytes, at, is_comma) {
                bytes.drain(part);
            }
        }
        3 => {
            if let Some(part) = between(bytes, at, is_comma) {
                let copy = bytes[part.clone()].to_vec();
                splice_at(bytes, part.start, 0, &copy);
            }
        }
        4 => {
            let from = random.below(bytes.len());
            if let (Some(part), Some(other)) = (between(bytes, at, is_quote), between(bytes, from, is_quote))
            {
                let copy = bytes[other].to_vec();
                splice_at(bytes, part.start, part.len(), &copy);
            }
        }
        _ => value(random, bytes, at),
    }
}

/// Replaces the next decimal number.
fn number(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
    let begin = at + begin;
    let length = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let put = random.pick(NUMBERS);
    splice_at(bytes, begin, length, put);
}

/// Replaces the next letter or digit by another one.
fn character(random: &mut Random, bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes[at..].iter_mut().find(|byte| byte.is_ascii_alphanumeric()) {
        *byte = of_the_same_class(random, *byte);
    }
}

/// Replaces what stands behind the next colon.
fn value(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let Some(colon) = bytes[at..].iter().position(|byte| *byte == b':') else { return };
    let begin = at + colon + 1;
    let length = bytes[begin..].iter().take_while(|byte| !b",]}".contains(byte)).count();
    let put = random.pick(VALUES);
    splice_at(bytes, begin, length, put);
}

fn is_comma(byte: u8) -> bool {
    byte == b','
}

fn is_quote(byte: u8) -> bool {
    byte == b'"'
}

/// From the next mark on to the one behind it.
fn between(bytes: &[u8], at: usize, is_mark: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let begin = at + bytes[at..].iter().position(|byte| is_mark(*byte))?;
    let length = bytes[begin + 1..].iter().position(|byte| is_mark(*byte))?;
    Some(begin..begin + 1 + length)
}

/// Another byte that a text may have in its place.
pub(super) fn of_the_same_class(random: &mut Random, byte: u8) -> u8 {
    let drawn = random.byte();
    match byte {
        b'0'..=b'9' => b'0' + drawn % 10,
        b'a'..=b'f' => b'a' + drawn % 6,
        b'A'..=b'F' => b'A' + drawn % 6,
        b'g'..=b'z' => b'a' + drawn % 26,
        b'G'..=b'Z' => b'A' + drawn % 26,
        b' '..=b'~' => *random.pick(b"\"'{}[],:\\/-+=_. \n"),
        _ => drawn,
    }
}
