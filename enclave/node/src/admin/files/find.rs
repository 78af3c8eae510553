//! Which file a client is to download.

use coco_app::{Download, ErrorCode, Given, Next, Reject, Response, Status};
use coco_boundary::{FileKind, FileName};
use coco_wire::{Seqno, chunk::ChunkPhase};

use super::{PERMANENT_REDIRECT, sent_on};

/// Looks for a file and sends the client there.
pub(super) struct Find {
    kind: FileKind,
    since: Seqno,
    /// URL that the name is added to.
    base: String,
    otherwise: Otherwise,
}

/// What is answered if this node does not have it.
pub(super) enum Otherwise {
    NotFound,
    /// Another node may have it: its URL, and why.
    Redirect(String, String),
}

impl Find {
    /// The newest snapshot, if it is after `since`.
    pub(super) fn snapshot(since: Seqno, base: String) -> Self {
        Self { kind: FileKind::Snapshots, since, base, otherwise: Otherwise::NotFound }
    }

    /// The chunk with the entry `since`.
    pub(super) fn chunk(since: Seqno, base: String, otherwise: Otherwise) -> Self {
        Self { kind: FileKind::Chunks, since, base, otherwise }
    }

    fn is_wanted(&self, file: &FileName) -> bool {
        match file {
            FileName::Snapshot(snapshot) => snapshot.seqno > self.since,
            FileName::Chunk(chunk) => match chunk.phase {
                ChunkPhase::Committed { last } => (chunk.first..=last).contains(&self.since),
                ChunkPhase::Open => false,
            },
        }
    }

    fn absent(&mut self) -> Response {
        let since = self.since;
        match std::mem::replace(&mut self.otherwise, Otherwise::NotFound) {
            Otherwise::Redirect(location, text) => sent_on(location, text),
            Otherwise::NotFound => Reject::new(
                Status::NOT_FOUND,
                ErrorCode::ResourceNotFound,
                match self.kind {
                    FileKind::Snapshots => format!("This node has no committed snapshots since {since}"),
                    FileKind::Chunks => format!("This node has no ledger chunk including index {since}"),
                },
            )
            .into(),
        }
    }
}

impl Download for Find {
    fn next(&mut self, given: Given) -> Next {
        let Given::Files(files) = given else { return Next::List(self.kind) };
        let files = match files {
            Ok(files) => files,
            Err(fault) => return Next::Answer(Reject::internal(fault.to_string()).into()),
        };
        Next::Answer(match files.iter().rev().find(|(file, _)| self.is_wanted(file)) {
            Some((file, _)) => {
                Response::empty(PERMANENT_REDIRECT).header("location", format!("{}/{file}", self.base))
            }
            None => self.absent(),
        })
    }
}
