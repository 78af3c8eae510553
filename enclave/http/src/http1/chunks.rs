//! Bodies in chunks (RFC 9112, section 7.1), without extensions and trailers, which we refuse.

use bytes::{Buf, Bytes, BytesMut};

use crate::refusal::Refusal;

/// Hexadecimal digits of a chunk's size.
const MAX_DIGITS: usize = 8;

/// Decoder of one body.
pub(crate) struct Chunks {
    body: BytesMut,
    phase: Phase,
}

enum Phase {
    /// At the line with a chunk's size.
    Size,
    /// Inside a chunk; bytes left of it.
    Data(usize),
    /// At the line end after a chunk.
    DataEnd,
    /// At the empty line that ends the body.
    End,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { body: BytesMut::new(), phase: Phase::Size }
    }

    /// Takes what can be decoded from the front of `buffer`; the body once it is whole.
    pub(crate) fn decode(
        &mut self,
        buffer: &mut BytesMut,
        max_body: usize,
    ) -> Result<Option<Bytes>, Refusal> {
        loop {
            match self.phase {
                Phase::Size => {
                    let Some(size) = take_size(buffer)? else { return Ok(None) };
                    if size > max_body - self.body.len() {
                        return Err(Refusal::BodyTooLarge);
                    }
                    self.phase = if size == 0 { Phase::End } else { Phase::Data(size) };
                }
                Phase::Data(left) => {
                    let here = left.min(buffer.len());
                    self.body.extend_from_slice(&buffer[..here]);
                    buffer.advance(here);
                    if here < left {
                        self.phase = Phase::Data(left - here);
                        return Ok(None);
                    }
                    self.phase = Phase::DataEnd;
                }
                Phase::DataEnd => {
                    if !take_line_end(buffer, "a chunk is longer than its size")? {
                        return Ok(None);
                    }
                    self.phase = Phase::Size;
                }
                Phase::End => {
                    let whole = take_line_end(buffer, "trailers are not supported")?;
                    return Ok(whole.then(|| std::mem::take(&mut self.body).freeze()));
                }
            }
        }
    }
}

/// The size on the line at the front of `buffer`, once the line is whole.
fn take_size(buffer: &mut BytesMut) -> Result<Option<usize>, Refusal> {
    let digits = buffer.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let malformed = Err(Refusal::Malformed("invalid chunk size"));
    if digits > MAX_DIGITS {
        return malformed;
    }
    match &buffer[digits..] {
        [] => Ok(None),
        _ if digits == 0 => malformed,
        [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => {
            let text = str::from_utf8(&buffer[..digits]).expect("hexadecimal digits are ASCII");
            let size = usize::from_str_radix(text, 16).expect("eight hexadecimal digits fit");
            buffer.advance(digits + 2);
            Ok(Some(size))
        }
        _ => malformed,
    }
}

/// Takes a line end from the front of `buffer`; whether it was there already.
fn take_line_end(buffer: &mut BytesMut, otherwise: &'static str) -> Result<bool, Refusal> {
    match &buffer[..] {
        [] | [b'\r'] => Ok(false),
        [b'\r', b'\n', ..] => {
            buffer.advance(2);
            Ok(true)
        }
        _ => Err(Refusal::Malformed(otherwise)),
    }
}
