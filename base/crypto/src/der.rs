//! The few DER structures (ITU-T X.690) that the library does not write or read for us.

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SET: u8 = 0x31;
/// BOOLEAN TRUE, whole.
pub(crate) const TRUE: &[u8] = &[0x01, 0x01, 0xff];
/// NULL, whole.
pub(crate) const NULL: &[u8] = &[0x05, 0x00];

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Tag of the constructed context-specific element `number`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One element whose content is the concatenation of `parts`.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let digits = length.to_be_bytes();
    let digits = &digits[digits.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = Vec::with_capacity(length + 2 + digits.len());
    out.push(tag);
    match (length, u8::try_from(digits.len())) {
        (..=0x7f, _) => out.push(digits.first().copied().unwrap_or(0)),
        (_, count) => {
            out.push(0x80 | count.expect("a length has at most 8 bytes"));
            out.extend_from_slice(digits);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// SEQUENCE of whole elements.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// INTEGER of a non-negative number given in big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    match significant.first() {
        Some(first) if *first < 0x80 => element(INTEGER, &[significant]),
        _ => element(INTEGER, &[&[0], significant]),
    }
}

/// BIT STRING of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// Content of the element of this tag at the start of `bytes`, and what is behind it.
pub(crate) fn read(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    read_any(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Tag and content of the element at the start of `bytes`, of less than 16 MiB, and what is behind it.
pub(crate) fn read_any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, header, length) = match bytes {
        [tag, length @ ..=0x7f, ..] => (*tag, 2, u32::from(*length)),
        [tag, 0x81, length, ..] => (*tag, 3, u32::from(*length)),
        [tag, 0x82, high, low, ..] => (*tag, 4, u32::from_be_bytes([0, 0, *high, *low])),
        [tag, 0x83, high, middle, low, ..] => (*tag, 5, u32::from_be_bytes([0, *high, *middle, *low])),
        _ => return None,
    };
    let (content, rest) = bytes[header..].split_at_checked(usize::try_from(length).ok()?)?;
    Some((tag, content, rest))
}

/// Whether `bytes` are one element of the SEQUENCE kind with nothing behind it.
pub(crate) fn is_one_sequence(bytes: &[u8]) -> bool {
    let (header, length) = match bytes {
        [SEQUENCE, length @ ..=0x7f, ..] => (2, usize::from(*length)),
        [SEQUENCE, 0x81, length, ..] => (3, usize::from(*length)),
        [SEQUENCE, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => return false,
    };
    bytes.len() == header + length
}

#[cfg(test)]
mod tests;
