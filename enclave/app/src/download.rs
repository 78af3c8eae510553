//! Answers that are made of files of the host.

use coco_boundary::{FileKind, FileName, FilePart, ReadFault};

use crate::request::Response;

/// An answer in the making that asks for one thing after the other. Only the node's own endpoints may begin one: files are
/// the host's, and not part of any state.
pub trait Download: Send {
    /// Takes in what was asked for last.
    fn next(&mut self, given: Given) -> Next;
}

/// What was asked for.
#[derive(Debug)]
pub enum Given {
    /// Nothing yet.
    Nothing,
    /// Names and lengths of the committed files of a kind, ascending.
    Files(Result<Vec<(FileName, u64)>, ReadFault>),
    /// Part of a file.
    Part(Result<FilePart, ReadFault>),
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// The committed files of a kind are asked for.
    List(FileKind),
    /// Part of a file is asked for.
    Read {
        /// Which.
        file: FileName,
        /// From where on.
        offset: u64,
        /// Most bytes.
        len: u64,
    },
    /// This is the answer.
    Answer(Response),
}
