//! Frames (RFC 6455, section 5.2): the head of one that a client sends, and ours.

use super::close::{Close, Violation};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// More of a message that has begun.
    Continuation,
    /// A message of text, or its beginning.
    Text,
    /// The end of the connection.
    Close,
    /// A question whether anybody is there.
    Ping,
    /// Its answer.
    Pong,
}

impl Kind {
    fn opcode(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Bytes of the payload of a control frame.
const MAX_CONTROL: u64 = 125;
/// Bytes of the longest head.
const MAX_HEAD: usize = 14;
/// The frame is the last of its message.
const FINAL: u8 = 0x80;
/// The payload is masked.
const MASKED: u8 = 0x80;

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Whether the message ends with the frame.
    pub(super) last: bool,
    /// Bytes of the payload.
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

impl Head {
    /// Reads the head at the front of `bytes`, and how long it is; none while it is not whole. Whatever is wrong is found
    /// as soon as it is there.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBit);
        }
        let last = first & FINAL != 0;
        let kind = match first & 0x0f {
            0x0 => Kind::Continuation,
            // Some clients, such as web3.py, send their text as bytes.
            0x1 | 0x2 => Kind::Text,
            0x8 => Kind::Close,
            0x9 => Kind::Ping,
            0xa => Kind::Pong,
            _ => return Err(Violation::Opcode),
        };
        if kind.is_control() && !last {
            return Err(Violation::FragmentedControl);
        }
        let [second, rest @ ..] = rest else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(Violation::Unmasked);
        }
        let (length, rest) = match second & !MASKED {
            126 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), rest)
            }
            short => (u64::from(short), rest),
        };
        if kind.is_control() && length > MAX_CONTROL {
            return Err(Violation::LongControl);
        }
        if second & !MASKED != short_length(length) || length >> 63 != 0 {
            return Err(Violation::Length);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Self { kind, last, length, mask: *mask }, bytes.len() - rest.len())))
    }
}

/// What stands for a length in the second byte of a head, as there is one way only to write it.
fn short_length(length: u64) -> u8 {
    match length {
        0..=125 => u8::try_from(length).expect("in range"),
        126..=0xffff => 126,
        _ => 127,
    }
}

/// Takes the mask off `bytes`, which are at `offset` of their payload.
pub(super) fn unmask(bytes: &mut [u8], mut mask: [u8; 4], offset: u64) {
    let turn = offset % 4;
    mask.rotate_left(usize::try_from(turn).expect("below 4"));
    for four in bytes.chunks_mut(4) {
        for (byte, mask) in four.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

/// Adds a frame of ours, whole and unmasked.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    let length = payload.len() as u64;
    out.reserve(MAX_HEAD + payload.len());
    out.extend_from_slice(&[FINAL | kind.opcode(), short_length(length)]);
    match short_length(length) {
        126 => out.extend_from_slice(&u16::try_from(length).expect("in range").to_be_bytes()),
        127 => out.extend_from_slice(&length.to_be_bytes()),
        _ => {}
    }
    out.extend_from_slice(payload);
}

/// Adds the frame that ends our side.
pub(super) fn put_close(out: &mut Vec<u8>, close: Option<Close>) {
    let Some(close) = close else { return put(out, Kind::Close, b"") };
    let payload = [&close.code.to_be_bytes()[..], close.reason.as_bytes()].concat();
    put(out, Kind::Close, &payload);
}
