//! What is committed of an open chunk, as a complete chunk: a header, the entries, and the table of their positions.
//!
//! The host has the entries; where they end, and what is before and after them, is found out here from their headers. Name,
//! path and headers of the answer are those of CCF 8.0 (`src/node/rpc/file_serving_handlers.h`).

use coco_app::{Download, ErrorCode, Given, Next, Reject, Response, Status};
use coco_boundary::{FileName, FilePart};
use coco_wire::{
    chunk::{self, PrefixName},
    entry::EntryHeader,
};

use super::{get::Get, is_temporary};

/// Bytes read at a time to find where entries end.
const STRIDE: u64 = 512 << 10;

/// Reads it.
pub(super) struct GetPrefix {
    name: PrefixName,
    get: Get,
    layout: Layout,
}

/// Where entries are.
struct Layout {
    count: u64,
    /// Offsets of those found so far.
    positions: Vec<u32>,
    /// Where the next one begins, or all end.
    end: u64,
}

impl GetPrefix {
    /// `get` reads the open chunk.
    pub(super) fn new(name: PrefixName, get: Get) -> Self {
        let count = name.last.0 - name.first.0 + 1;
        let layout = Layout { count, positions: Vec::new(), end: chunk::HEADER_LEN as u64 };
        Self { name, get: get.named(name.to_string()), layout }
    }

    fn file(&self) -> FileName {
        FileName::Chunk(self.name.chunk())
    }

    /// Goes on with what is to be served.
    fn serve(&mut self, mut given: Given) -> Next {
        loop {
            match self.get.next(given) {
                Next::Read { offset, len, .. } => match self.layout.made(offset, len) {
                    Some(bytes) => {
                        given = Given::Part(Ok(FilePart { bytes, file_len: self.layout.file_len() }));
                    }
                    None => {
                        let len = len.min(self.layout.end - offset);
                        return Next::Read { file: self.file(), offset, len };
                    }
                },
                Next::Answer(response) => {
                    let response = response.header("x-ms-ccf-ledger-chunk-kind", "committed-prefix");
                    return Next::Answer(is_temporary(response));
                }
                Next::List(kind) => return Next::List(kind),
            }
        }
    }
}

impl Download for GetPrefix {
    fn next(&mut self, given: Given) -> Next {
        let complete = self.layout.is_complete();
        match given {
            Given::Part(Ok(part)) if complete => {
                let file_len = self.layout.file_len();
                self.serve(Given::Part(Ok(FilePart { file_len, ..part })))
            }
            Given::Part(Ok(part)) if self.layout.take(&part.bytes).is_none() => {
                Next::Answer(is_temporary(unavailable(self.name)))
            }
            Given::Part(Err(_)) => Next::Answer(is_temporary(unavailable(self.name))),
            _ if self.layout.is_complete() => self.serve(Given::Nothing),
            _ => Next::Read { file: self.file(), offset: self.layout.end, len: STRIDE },
        }
    }
}

impl Layout {
    fn is_complete(&self) -> bool {
        self.positions.len() as u64 == self.count
    }

    /// Takes in bytes from where the next entry begins; none if there is no entry.
    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = bytes;
        while !self.is_complete()
            && let Some(header) = rest.first_chunk()
        {
            let len = EntryHeader::decode(*header).ok()?.entry_len();
            self.positions.push(u32::try_from(self.end).ok()?);
            self.end += len;
            rest = usize::try_from(len).ok().and_then(|len| rest.get(len..)).unwrap_or_default();
        }
        (rest.len() < bytes.len()).then_some(())
    }

    fn file_len(&self) -> u64 {
        self.end + self.table_len()
    }

    fn table_len(&self) -> u64 {
        size_of::<u32>() as u64 * self.count
    }

    /// Bytes that no file has: those of the header or of the table; or none, if only the length is asked for.
    fn made(&self, offset: u64, len: u64) -> Option<Vec<u8>> {
        if len == 0 {
            return Some(Vec::new());
        }
        let (made, begin) = if offset < chunk::HEADER_LEN as u64 {
            (chunk::encode_header(self.end).to_vec(), 0)
        } else if offset >= self.end {
            (chunk::encode_positions(&self.positions), self.end)
        } else {
            return None;
        };
        let from = usize::try_from(offset - begin).unwrap_or(usize::MAX).min(made.len());
        let to = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(from).min(made.len());
        Some(made[from..to].to_vec())
    }
}

pub(super) fn unavailable(name: PrefixName) -> Response {
    let text = format!("This node cannot provide committed ledger prefix {name}");
    Reject::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, text).into()
}

#[cfg(test)]
mod tests;
