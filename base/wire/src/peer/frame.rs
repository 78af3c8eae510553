//! Frames between two nodes.
//!
//! ```text
//! u32 length of what follows | u8 version = 1 | u8 kind | [32] id of the sender, then by kind
//! 0 initiate: u64 attempt | [32] share | u16 length | address | u8 length | signature | certificate (DER) to the end
//! 1 respond:  u64 attempt | [32] share | u8 length | signature | certificate (DER) to the end
//! 2 finish:   u64 session | u8 length | signature | certificate (DER) to the end
//! 3 confirm, 4 message, 5 first, 6 next, 7 last part of a message:
//!             u64 session | u64 counter | ciphertext | [16] tag
//! ```
//! The receiver is not named: keys and signatures are bound to it.

use crate::{
    id::Digest,
    reader::{Reader, Short},
};

/// Version of frames and of the handshake.
pub const VERSION: u8 = 1;
/// Most bytes of plaintext in one frame, 1 MiB: what a stranger can make a node hold for a connection.
pub const MAX_PART: usize = 1 << 20;
/// Most bytes of a frame of a handshake.
pub const MAX_HANDSHAKE: usize = 16 << 10;
/// Most bytes of a signature: ECDSA on P-521.
pub const MAX_SIGNATURE: usize = 132;
/// Most bytes of an address: a host name of 253, a colon and a port.
pub const MAX_ADDRESS: usize = 253 + 1 + 5;
/// Bytes of a public share of a key exchange.
pub const SHARE_LEN: usize = 32;
/// Bytes of an authentication tag.
pub const TAG_LEN: usize = 16;
/// Bytes before the ciphertext of a sealed frame; all of them are authenticated with it.
pub const SEALED_HEADER_LEN: usize = HEADER_LEN + 8 + 8;
/// Most bytes of a frame with its length field.
pub const MAX_FRAME: usize = SEALED_HEADER_LEN + MAX_PART + TAG_LEN;

/// Bytes of the length field.
const LENGTH_LEN: usize = 4;
/// Bytes up to the sender's id, with it.
const HEADER_LEN: usize = LENGTH_LEN + 2 + Digest::LEN;

const INITIATE: u8 = 0;
const RESPOND: u8 = 1;
const FINISH: u8 = 2;
const CONFIRM: u8 = 3;
const MESSAGE: u8 = 4;
const FIRST: u8 = 5;
const NEXT: u8 = 6;
const LAST: u8 = 7;

/// Names one attempt at a handshake; chosen at random by who initiates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId(pub u64);

/// Names the session that a handshake leads to; both sides derive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A frame, its form checked and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who claims to have sent it.
    pub sender: Digest,
    /// What it is.
    pub step: Step<'a>,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// First message of a handshake.
    Initiate(Initiate<'a>),
    /// Second message of a handshake.
    Respond(Respond<'a>),
    /// Third message of a handshake.
    Finish(Finish<'a>),
    /// Anything under the keys of a session.
    Sealed(Sealed),
}

/// Asks for a session, and introduces who asks to a node that does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initiate<'a> {
    /// New for each attempt.
    pub attempt: AttemptId,
    /// Public half of a key of one use.
    pub share: [u8; SHARE_LEN],
    /// Where the sender is reached, host and port; at most [`MAX_ADDRESS`] bytes.
    pub address: &'a str,
    /// Over all of this and the names of both nodes; at most [`MAX_SIGNATURE`] bytes.
    pub signature: &'a [u8],
    /// Certificate of the key that signed.
    pub certificate: &'a [u8],
}

/// Answers [`Initiate`] and shows who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Respond<'a> {
    /// As in the question.
    pub attempt: AttemptId,
    /// Public half of a key of one use.
    pub share: [u8; SHARE_LEN],
    /// Over the transcript, in the role of who answers; at most [`MAX_SIGNATURE`] bytes.
    pub signature: &'a [u8],
    /// Certificate of the key that signed.
    pub certificate: &'a [u8],
}

/// Shows who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish<'a> {
    /// The session agreed on.
    pub session: SessionId,
    /// Over the transcript, in the role of who asked; at most [`MAX_SIGNATURE`] bytes.
    pub signature: &'a [u8],
    /// Certificate of the key that signed.
    pub certificate: &'a [u8],
}

/// Header of a sealed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What is sealed.
    pub kind: SealedKind,
    /// Under the keys of this session.
    pub session: SessionId,
    /// Counts the frames of one direction of a session from 0; the nonce is made of it.
    pub counter: u64,
}

/// What a sealed frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedKind {
    /// Nothing: the sender has the keys of this session and will use them from now on.
    Confirm,
    /// A whole message.
    Message,
    /// The beginning of a message that goes on in the frame with the next counter.
    First,
    /// More of it.
    Next,
    /// Its end.
    Last,
}

/// Bytes that are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is impossible for the kind, or differs from the bytes given.
    #[error("frame of wrong length")]
    Length,
    /// Another version of the protocol.
    #[error("version {0} of the protocol between nodes")]
    Version(u8),
    /// Unknown kind.
    #[error("unknown kind of frame {0}")]
    Kind(u8),
    /// The fields do not fit.
    #[error("frame with wrong fields")]
    Fields,
}

impl From<Short> for FrameError {
    fn from(_: Short) -> Self {
        Self::Fields
    }
}

/// Length of the frame at the start of `bytes`, itself included; none until its first 6 bytes are there.
/// For cutting a stream into frames: after an error the stream is of no use any more.
///
/// # Errors
/// When no frame starts like this. Only the first 6 bytes count.
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_LEN>() else { return Ok(None) };
    let [version, kind, ..] = *rest else { return Ok(None) };
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    let limits = match kind {
        INITIATE | RESPOND | FINISH => HEADER_LEN + 8..=MAX_HANDSHAKE,
        CONFIRM => SEALED_HEADER_LEN + TAG_LEN..=SEALED_HEADER_LEN + TAG_LEN,
        MESSAGE..=LAST => SEALED_HEADER_LEN + TAG_LEN..=MAX_FRAME,
        _ => return Err(FrameError::Kind(kind)),
    };
    let whole = usize::try_from(u32::from_le_bytes(*length)).ok().and_then(|len| len.checked_add(LENGTH_LEN));
    match whole {
        Some(whole) if limits.contains(&whole) => Ok(Some(whole)),
        _ => Err(FrameError::Length),
    }
}

impl<'a> Frame<'a> {
    /// Reads exactly one frame. Of a sealed one, the ciphertext is what lies between the first
    /// [`SEALED_HEADER_LEN`] and the last [`TAG_LEN`] bytes, which are there.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if frame_len(bytes)? != Some(bytes.len()) {
            return Err(FrameError::Length);
        }
        let mut reader = Reader::new(bytes);
        reader.take(LENGTH_LEN + 1)?;
        let kind = reader.u8()?;
        let sender = Digest(*reader.array()?);
        let step = match kind {
            INITIATE => {
                let (attempt, share) = (AttemptId(reader.u64()?), *reader.array()?);
                let len = usize::from(u16::from_le_bytes(*reader.array()?));
                let address = str::from_utf8(reader.take(len)?).map_err(|_| FrameError::Fields)?;
                if len > MAX_ADDRESS {
                    return Err(FrameError::Fields);
                }
                let (signature, certificate) = proof(reader)?;
                Step::Initiate(Initiate { attempt, share, address, signature, certificate })
            }
            RESPOND => {
                let (attempt, share) = (AttemptId(reader.u64()?), *reader.array()?);
                let (signature, certificate) = proof(reader)?;
                Step::Respond(Respond { attempt, share, signature, certificate })
            }
            FINISH => {
                let session = SessionId(reader.u64()?);
                let (signature, certificate) = proof(reader)?;
                Step::Finish(Finish { session, signature, certificate })
            }
            _ => Step::Sealed(Sealed {
                kind: match kind {
                    CONFIRM => SealedKind::Confirm,
                    MESSAGE => SealedKind::Message,
                    FIRST => SealedKind::First,
                    NEXT => SealedKind::Next,
                    LAST => SealedKind::Last,
                    kind => return Err(FrameError::Kind(kind)),
                },
                session: SessionId(reader.u64()?),
                counter: reader.u64()?,
            }),
        };
        Ok(Self { sender, step })
    }
}

/// Signature and certificate up to the end of a frame.
fn proof(mut reader: Reader<'_>) -> Result<(&[u8], &[u8]), FrameError> {
    let len = usize::from(reader.u8()?);
    let signature = reader.take(len)?;
    let certificate = reader.rest();
    if len == 0 || len > MAX_SIGNATURE || certificate.is_empty() {
        return Err(FrameError::Fields);
    }
    Ok((signature, certificate))
}

impl Initiate<'_> {
    /// The whole frame.
    ///
    /// # Panics
    /// When address, signature and certificate exceed the limits; one's own never do.
    #[must_use]
    pub fn encode(&self, sender: &Digest) -> Vec<u8> {
        let address = u16::try_from(self.address.len()).expect("an address is short");
        let fields: [&[u8]; _] = [
            &self.attempt.0.to_le_bytes(),
            &self.share,
            &address.to_le_bytes(),
            self.address.as_bytes(),
            &[signature_len(self.signature)],
            self.signature,
            self.certificate,
        ];
        frame(INITIATE, sender, &fields)
    }
}

impl Respond<'_> {
    /// The whole frame.
    ///
    /// # Panics
    /// When signature and certificate exceed the limits, or are empty; one's own never are.
    #[must_use]
    pub fn encode(&self, sender: &Digest) -> Vec<u8> {
        let fields: [&[u8]; _] = [
            &self.attempt.0.to_le_bytes(),
            &self.share,
            &[signature_len(self.signature)],
            self.signature,
            self.certificate,
        ];
        frame(RESPOND, sender, &fields)
    }
}

impl Finish<'_> {
    /// The whole frame.
    ///
    /// # Panics
    /// As [`Respond::encode`].
    #[must_use]
    pub fn encode(&self, sender: &Digest) -> Vec<u8> {
        let fields: [&[u8]; _] = [
            &self.session.0.to_le_bytes(),
            &[signature_len(self.signature)],
            self.signature,
            self.certificate,
        ];
        frame(FINISH, sender, &fields)
    }
}

impl Sealed {
    /// The header of a frame of `plaintext_len` bytes, at most [`MAX_PART`].
    ///
    /// # Panics
    /// When `plaintext_len` is above the limit.
    #[must_use]
    pub fn encode_header(&self, sender: &Digest, plaintext_len: usize) -> [u8; SEALED_HEADER_LEN] {
        let kind = match self.kind {
            SealedKind::Confirm => CONFIRM,
            SealedKind::Message => MESSAGE,
            SealedKind::First => FIRST,
            SealedKind::Next => NEXT,
            SealedKind::Last => LAST,
        };
        let mut header = [0; SEALED_HEADER_LEN];
        let whole = SEALED_HEADER_LEN + plaintext_len + TAG_LEN;
        header[..HEADER_LEN].copy_from_slice(&encode_start(kind, sender, whole));
        header[HEADER_LEN..HEADER_LEN + 8].copy_from_slice(&self.session.0.to_le_bytes());
        header[HEADER_LEN + 8..].copy_from_slice(&self.counter.to_le_bytes());
        header
    }
}

fn signature_len(signature: &[u8]) -> u8 {
    u8::try_from(signature.len()).expect("a signature has at most 132 bytes")
}

fn frame(kind: u8, sender: &Digest, fields: &[&[u8]]) -> Vec<u8> {
    let whole = HEADER_LEN + fields.iter().map(|field| field.len()).sum::<usize>();
    assert!(whole <= MAX_HANDSHAKE, "a frame of a handshake has at most {MAX_HANDSHAKE} bytes");
    let mut bytes = Vec::with_capacity(whole);
    bytes.extend_from_slice(&encode_start(kind, sender, whole));
    for field in fields {
        bytes.extend_from_slice(field);
    }
    bytes
}

fn encode_start(kind: u8, sender: &Digest, whole: usize) -> [u8; HEADER_LEN] {
    assert!(whole <= MAX_FRAME, "a frame has at most {MAX_FRAME} bytes");
    let length = u32::try_from(whole - LENGTH_LEN).expect("the limit is below 4 GiB");
    let mut start = [0; HEADER_LEN];
    start[..LENGTH_LEN].copy_from_slice(&length.to_le_bytes());
    start[LENGTH_LEN] = VERSION;
    start[LENGTH_LEN + 1] = kind;
    start[LENGTH_LEN + 2..].copy_from_slice(&sender.0);
    start
}

#[cfg(test)]
mod tests;
