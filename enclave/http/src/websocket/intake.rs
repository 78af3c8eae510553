//! Bytes in, messages out: what a client sends, however its bytes are cut.

use bytes::{Buf as _, BytesMut};

use super::{
    close::{Violation, is_sendable},
    frame::{Head, Kind, unmask},
};

/// Bytes of the buffer of a connection; a read has room for half of it at least.
const READ: usize = 8 << 10;

/// The messages of one connection.
pub(super) struct Intake {
    /// Bytes of a message.
    max_message: usize,
    buffer: BytesMut,
    /// What is there of the message that is arriving.
    message: Vec<u8>,
    /// Whether one has begun.
    inside: bool,
    /// The data frame that is arriving, and how much of it has.
    frame: Option<(Head, u64)>,
}

/// What a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Message(String),
    /// To be sent back.
    Ping(Vec<u8>),
    Pong,
    /// It sends nothing more; the code, if it said one.
    Close(Option<u16>),
}

impl Intake {
    pub(super) fn new(max_message: usize) -> Self {
        Self {
            max_message,
            buffer: BytesMut::with_capacity(READ),
            message: Vec::new(),
            inside: false,
            frame: None,
        }
    }

    /// The buffer, with room for the next read.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ / 2);
        &mut self.buffer
    }

    /// Whether nothing has begun to arrive that will be a message or a frame.
    pub(super) fn is_idle(&self) -> bool {
        self.buffer.is_empty() && !self.inside
    }

    /// What comes next, once it is whole. After an error nothing more can be read.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, Violation> {
        loop {
            if self.frame.is_some() {
                return match self.take_data()? {
                    Progress::Message(text) => Ok(Some(Incoming::Message(text))),
                    Progress::Frame => continue,
                    Progress::Waits => Ok(None),
                };
            }
            let Some((head, length)) = Head::read(&self.buffer)? else { return Ok(None) };
            if head.kind.is_control() {
                return self.take_control(head, length);
            }
            self.begin(head)?;
            self.buffer.advance(length);
            self.frame = Some((head, 0));
        }
    }

    /// Takes a control frame once it is whole; it may stand between the pieces of a message.
    fn take_control(&mut self, head: Head, head_length: usize) -> Result<Option<Incoming>, Violation> {
        let length = usize::try_from(head.length).expect("a control frame is short");
        if self.buffer.len() < head_length + length {
            return Ok(None);
        }
        self.buffer.advance(head_length);
        let mut payload = self.buffer.split_to(length).to_vec();
        unmask(&mut payload, head.mask, 0);
        Ok(Some(match head.kind {
            Kind::Ping => Incoming::Ping(payload),
            Kind::Pong => Incoming::Pong,
            Kind::Close => Incoming::Close(close_code(&payload)?),
            Kind::Text | Kind::Continuation => unreachable!("a control frame"),
        }))
    }

    /// Refuses a data frame that must not come now, or makes its message too large.
    fn begin(&mut self, head: Head) -> Result<(), Violation> {
        match (head.kind, self.inside) {
            (Kind::Continuation, false) => return Err(Violation::Continuation),
            (Kind::Text, true) => return Err(Violation::Interleaved),
            _ => self.inside = true,
        }
        let left = (self.max_message - self.message.len()) as u64;
        if head.length > left { Err(Violation::TooLarge) } else { Ok(()) }
    }

    /// Takes what is there of the data frame. Its room grows with what has arrived, not with what was announced.
    fn take_data(&mut self) -> Result<Progress, Violation> {
        let (head, taken) = self.frame.as_mut().expect("a data frame is arriving");
        let missing = head.length - *taken;
        let here = usize::try_from(missing).unwrap_or(usize::MAX).min(self.buffer.len());
        let start = self.message.len();
        self.message.extend_from_slice(&self.buffer[..here]);
        self.buffer.advance(here);
        unmask(&mut self.message[start..], head.mask, *taken);
        *taken += here as u64;
        if *taken < head.length {
            return Ok(Progress::Waits);
        }
        let last = head.last;
        self.frame = None;
        if !last {
            return Ok(Progress::Frame);
        }
        self.inside = false;
        let text = String::from_utf8(std::mem::take(&mut self.message)).map_err(|_| Violation::Utf8)?;
        Ok(Progress::Message(text))
    }
}

enum Progress {
    /// The message is whole.
    Message(String),
    /// The frame is whole, its message is not.
    Frame,
    /// Neither is.
    Waits,
}

/// The code of a close frame (section 5.5.1); none if it has no payload.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let (code, reason) = payload.split_first_chunk().ok_or(Violation::CloseCode)?;
    let code = u16::from_be_bytes(*code);
    if !is_sendable(code) {
        return Err(Violation::CloseCode);
    }
    match str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Violation::Utf8),
    }
}

#[cfg(test)]
mod tests;
