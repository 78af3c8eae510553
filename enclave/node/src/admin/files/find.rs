//! Which file a client is to download.

use coco_app::{Download, ErrorCode, Given, Next, Reject, Response, Status};
use coco_boundary::{FileKind, FileName};
use coco_wire::{
    Seqno,
    chunk::{ChunkPhase, PrefixName},
};

use super::{PREFIXES, is_temporary, sent_on};

/// Looks for a file and sends the client there.
pub(super) struct Find {
    kind: FileKind,
    since: Seqno,
    /// URL that the name is added to.
    base: String,
    otherwise: Otherwise,
    prefix: Prefix,
}

/// What is answered if this node does not have it.
pub(super) enum Otherwise {
    NotFound,
    /// Another node may have it: its URL, and why.
    Redirect(String, String),
}

/// Whether what is committed of an open chunk will do.
enum Prefix {
    No,
    /// It will, up to this entry.
    UpTo(Seqno),
    /// Open chunks were looked through. Committed ones come after them, so that one which is committed meanwhile is found.
    Searched(Option<PrefixName>),
}

impl Find {
    /// The newest snapshot, if it is after `since`.
    pub(super) fn snapshot(since: Seqno, base: String) -> Self {
        let otherwise = Otherwise::NotFound;
        Self { kind: FileKind::Snapshots, since, base, otherwise, prefix: Prefix::No }
    }

    /// The chunk with the entry `since`.
    pub(super) fn chunk(since: Seqno, base: String, otherwise: Otherwise) -> Self {
        Self { kind: FileKind::Chunks, since, base, otherwise, prefix: Prefix::No }
    }

    /// The same, or what is committed of an open chunk: that is everything up to `committed`.
    pub(super) fn or_prefix(self, committed: Seqno) -> Self {
        Self { prefix: Prefix::UpTo(committed), ..self }
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

    /// What is committed of the open chunk with the entry that is wanted.
    fn prefix(&self, open: &[(FileName, u64)], committed: Seqno) -> Option<PrefixName> {
        let mut last = committed;
        for (file, _) in open.iter().rev() {
            let FileName::Chunk(chunk) = file else { continue };
            if chunk.first <= self.since {
                return (self.since <= last).then_some(PrefixName { first: chunk.first, last });
            }
            // This one ends before the next.
            last = last.min(chunk.first.previous());
        }
        None
    }

    fn found(&mut self, files: &[(FileName, u64)]) -> Response {
        if let Some((file, _)) = files.iter().rev().find(|(file, _)| self.is_wanted(file)) {
            return Response::empty(Status::PERMANENT_REDIRECT)
                .header("location", format!("{}/{file}", self.base));
        }
        if let Prefix::Searched(Some(name)) = &self.prefix {
            let location = format!("{}{PREFIXES}/{name}", self.base);
            return is_temporary(Response::empty(Status::TEMPORARY_REDIRECT).header("location", location));
        }
        let response = self.absent();
        if matches!(self.prefix, Prefix::No) { response } else { is_temporary(response) }
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
                    FileKind::Chunks | FileKind::OpenChunks => {
                        format!("This node has no ledger chunk including index {since}")
                    }
                },
            )
            .into(),
        }
    }
}

impl Download for Find {
    fn next(&mut self, given: Given) -> Next {
        let files = match (given, &self.prefix) {
            (Given::Files(files), _) => files,
            (_, Prefix::UpTo(_)) => return Next::List(FileKind::OpenChunks),
            _ => return Next::List(self.kind),
        };
        match (files, &self.prefix) {
            (Err(fault), _) => Next::Answer(Reject::internal(fault.to_string()).into()),
            (Ok(open), Prefix::UpTo(committed)) => {
                self.prefix = Prefix::Searched(self.prefix(&open, *committed));
                Next::List(self.kind)
            }
            (Ok(files), _) => Next::Answer(self.found(&files)),
        }
    }
}
