//! The bytes of a file, or some of them, with their digests.

use coco_app::{Download, ErrorCode, Given, Method, Next, Reject, Request, Response, Status};
use coco_boundary::{FileName, FilePart, ReadFault};
use coco_crypto::hash::{HashAlgorithm, Hashing, sha256};

use super::range::Range;

/// Most bytes of an answer: 32 MiB. A longer range is answered in part, as its client sees.
const MAX_BODY: u64 = 32 << 20;
/// Bytes read at a time; that many are hashed in less than a millisecond.
const PART: u64 = 512 << 10;
/// `ENOENT`
const NO_SUCH_FILE: i32 = 2;

/// Reads a file.
pub(super) struct Get {
    file: FileName,
    /// What it is called in the answer.
    name: String,
    head: bool,
    range: Option<Range>,
    /// Header `if-none-match`.
    known: Option<String>,
    wants_digest: Option<HashAlgorithm>,
    phase: Phase,
}

enum Phase {
    /// The length is not known yet.
    Opening,
    Reading(Reading),
}

struct Reading {
    size: u64,
    /// Begin and end of what is answered.
    begin: u64,
    end: u64,
    body: Vec<u8>,
    /// Where the next part begins, and where the last one ends.
    offset: u64,
    until: u64,
    /// Of the whole file.
    digest: Option<Hashing>,
}

impl Get {
    pub(super) fn new(file: FileName, range: Option<Range>, request: &Request) -> Self {
        let header = |name| request.headers.text(name);
        Self {
            file,
            name: file.to_string(),
            head: request.method == Method::Head,
            range,
            known: header("if-none-match").map(str::to_owned),
            wants_digest: header("want-repr-digest").map(preferred),
            phase: Phase::Opening,
        }
    }

    /// The same under another name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// Decides what is read, once the length is known.
    fn opened(&self, size: u64) -> Result<Reading, Reject> {
        if size == 0 {
            return Err(Reject::internal("Found empty file"));
        }
        let (begin, end) = match self.range {
            _ if self.head => (0, 0),
            None if size > MAX_BODY => {
                let text = format!("The file has {size} bytes: ask for ranges of at most {MAX_BODY}");
                return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, text));
            }
            None => (0, size),
            Some(range) => {
                let (begin, end) = range.within(size)?;
                (begin, end.min(begin + MAX_BODY))
            }
        };
        let digest = self.wants_digest.map(HashAlgorithm::begin);
        let (offset, until) = if digest.is_some() { (0, size) } else { (begin, end) };
        Ok(Reading { size, begin, end, body: Vec::new(), offset, until, digest })
    }

    fn part(&mut self, part: &FilePart) -> Result<(), Reject> {
        let Phase::Reading(reading) = &mut self.phase else {
            self.phase = Phase::Reading(self.opened(part.file_len)?);
            return Ok(());
        };
        let len = part.bytes.len() as u64;
        if len == 0 || len > reading.until - reading.offset || part.file_len != reading.size {
            return Err(Reject::internal("Server was unable to read the file correctly"));
        }
        if let Some(digest) = &mut reading.digest {
            digest.update(&part.bytes);
        }
        let place =
            |at: u64| usize::try_from(at.saturating_sub(reading.offset).min(len)).unwrap_or(usize::MAX);
        reading.body.extend_from_slice(
            &part.bytes[place(reading.begin)..place(reading.end).max(place(reading.begin))],
        );
        reading.offset += len;
        Ok(())
    }

    fn answer(&mut self) -> Response {
        let Phase::Reading(reading) = std::mem::replace(&mut self.phase, Phase::Opening) else {
            return Reject::internal("The file was not read.").into();
        };
        let Reading { size, begin, end, body, digest, .. } = reading;
        let names_it = match &self.file {
            FileName::Snapshot(_) => "x-ms-ccf-snapshot-name",
            FileName::Chunk(_) => "x-ms-ccf-ledger-chunk-name",
        };
        let mut response = match self.range {
            _ if self.head => Response::empty(Status::OK).header("content-length", size.to_string()),
            None => Response::with_body(Status::OK, coco_app::media::OCTETS, body),
            Some(_) => Response::with_body(Status::PARTIAL_CONTENT, coco_app::media::OCTETS, body)
                .header("content-range", format!("bytes {begin}-{}/{size}", end - 1)),
        };
        response = response.header(names_it, self.name.clone()).header("accept-ranges", "bytes");
        if let (Some(digest), Some(algorithm)) = (digest, self.wants_digest) {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            let value = format!("{}=:{}:", label(algorithm), STANDARD.encode(digest.finish()));
            response = response.header("repr-digest", value);
        }
        if matches!(self.file, FileName::Chunk(_)) && !self.head {
            return self.tagged(response);
        }
        response
    }

    /// With the tag of what is answered, or without what the client has already.
    fn tagged(&self, response: Response) -> Response {
        let tag = format!("sha-256:{}", sha256(&response.body));
        let is_known = self.known.as_ref().is_some_and(|known| {
            known.split(',').map(str::trim).any(|known| {
                let known = known.strip_prefix("W/").unwrap_or(known);
                known == "*" || known.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(&tag)
            })
        });
        let response = response.header("etag", format!("\"{tag}\""));
        if is_known {
            return Response { status: Status::NOT_MODIFIED, body: Vec::new(), ..response };
        }
        response
    }

    fn failed(&self, fault: &ReadFault) -> Response {
        let absent = matches!(fault, ReadFault::Io { errno: NO_SUCH_FILE, .. } | ReadFault::Absent { .. });
        match (&self.file, fault) {
            (FileName::Snapshot(_), _) if absent => absent_snapshot(&self.name).into(),
            (FileName::Chunk(_), _) if absent => absent_chunk(&self.name).into(),
            (_, ReadFault::Busy) => {
                let text = "Too many downloads are under way.";
                Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::TooManyPendingTransactions, text).into()
            }
            _ => Reject::internal("Server was unable to read the file correctly").into(),
        }
    }
}

impl Download for Get {
    fn next(&mut self, given: Given) -> Next {
        let outcome = match given {
            // Only for the length.
            Given::Nothing | Given::Files(_) => return Next::Read { file: self.file, offset: 0, len: 0 },
            Given::Part(Ok(part)) => self.part(&part),
            Given::Part(Err(fault)) => return Next::Answer(self.failed(&fault)),
        };
        match (outcome, &self.phase) {
            (Err(reject), _) => Next::Answer(reject.into()),
            (Ok(()), Phase::Reading(reading)) if reading.offset < reading.until => {
                let len = (reading.until - reading.offset).min(PART);
                Next::Read { file: self.file, offset: reading.offset, len }
            }
            (Ok(()), _) => Next::Answer(self.answer()),
        }
    }
}

pub(super) fn absent_snapshot(name: &str) -> Reject {
    let text = format!("This node does not have a snapshot named {name}");
    Reject::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, text)
}

pub(super) fn absent_chunk(name: &str) -> Reject {
    let text = format!("This node does not have a ledger chunk named {name}");
    Reject::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, text)
}

/// The best known algorithm that header `want-repr-digest` names (RFC 9530, section 4), else SHA-256.
fn preferred(header: &str) -> HashAlgorithm {
    let mut best = (0, HashAlgorithm::Sha256);
    for wish in header.split(',') {
        let (name, preference) = wish.split_once('=').unwrap_or((wish, "1"));
        let algorithm = match name.trim() {
            "sha-256" => HashAlgorithm::Sha256,
            "sha-384" => HashAlgorithm::Sha384,
            "sha-512" => HashAlgorithm::Sha512,
            _ => continue,
        };
        let preference: u32 = preference.trim().parse().unwrap_or(0);
        if preference > best.0 {
            best = (preference, algorithm);
        }
    }
    best.1
}

fn label(algorithm: HashAlgorithm) -> &'static str {
    match algorithm {
        HashAlgorithm::Sha256 => "sha-256",
        HashAlgorithm::Sha384 => "sha-384",
        HashAlgorithm::Sha512 => "sha-512",
    }
}
