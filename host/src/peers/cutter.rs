//! Cuts a stream of bytes into frames.

use coco_wire::peer::{FrameError, frame_len};

/// Bytes after which [`frame_len`] knows the length.
const PREFIX: usize = 6;

/// Keeps the beginning of a frame until the rest is there; memory follows what came, not what was announced.
#[derive(Default)]
pub(super) struct Cutter {
    partial: Vec<u8>,
}

impl Cutter {
    /// Hands on each frame that `bytes` completes; answers how many. After an error the stream is of no use.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut deliver: impl FnMut(Vec<u8>),
    ) -> Result<usize, FrameError> {
        let mut frames = 0;
        while !bytes.is_empty() {
            let whole = if self.partial.is_empty() { frame_len(bytes)? } else { None };
            if let Some((frame, rest)) = whole.and_then(|len| bytes.split_at_checked(len)) {
                deliver(frame.to_vec());
                frames += 1;
                bytes = rest;
                continue;
            }
            bytes = self.keep(bytes)?;
            if frame_len(&self.partial)? == Some(self.partial.len()) {
                deliver(std::mem::take(&mut self.partial));
                frames += 1;
            }
        }
        Ok(frames)
    }

    /// Bytes of memory held.
    pub(super) fn buffered(&self) -> usize {
        self.partial.capacity()
    }

    /// Adds what belongs to the frame begun, or to its prefix; answers what is left.
    fn keep<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], FrameError> {
        let held = self.partial.len();
        let end = frame_len(&self.partial)?.unwrap_or(PREFIX);
        let (now, rest) = bytes.split_at(bytes.len().min(end - held));
        if held + now.len() > self.partial.capacity() {
            let room = (2 * held).clamp(held + now.len(), end);
            self.partial.reserve_exact(room - held);
        }
        self.partial.extend_from_slice(now);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests;
