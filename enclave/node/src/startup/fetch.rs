//! Fetching a snapshot from a node of the service, in ranges: before asking to be let in, or as a backup that lacks one.
//!
//! Pure: whoever drives it makes the connections, whose other end must show a certificate of the service, and keeps what
//! comes. Redirects and ranges are those of CCF (`src/snapshots/fetch.h`, `src/node/rpc/file_serving_handlers.h`).

use coco_crypto::{Certificate, Ecdsa, Scheme};
use coco_ledger::SnapshotOpenError;
use coco_wire::{
    Seqno,
    snapshot::{SnapshotError, SnapshotName, SnapshotPhase},
};

use super::Inspection;
use crate::{
    admin::files::SNAPSHOT,
    join::url::{address_in, path_in},
};

/// Bytes asked for at a time: 4 MiB.
pub const RANGE: u64 = 4 << 20;
/// Most times that others may send us on.
const MAX_REDIRECTS: u32 = 20;

/// A snapshot that is being fetched.
pub struct Fetch {
    service: Certificate,
    /// How the ledger is signed.
    scheme: &'static dyn Scheme,
    /// Only a later one is of interest.
    after: Seqno,
    max_size: u64,
    address: String,
    target: String,
    redirects: u32,
    coming: Option<Coming>,
}

/// What is known once the first bytes came.
struct Coming {
    name: SnapshotName,
    offset: u64,
    size: u64,
    inspection: Inspection,
}

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header `location`.
    pub location: Option<String>,
    /// Header `content-range`.
    pub content_range: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask [`Fetch::address`] for [`Fetch::target`], with [`Fetch::range`].
    Ask,
    /// Keep these bytes, then call [`Fetch::kept`].
    Keep {
        /// The snapshot's last entry.
        seqno: Seqno,
        /// Where they belong.
        offset: u64,
        /// What came.
        bytes: Vec<u8>,
    },
    /// All is kept, and proved by its receipt.
    Complete(SnapshotName),
    /// Their newest one is not later.
    NotLater,
    /// They have none.
    Nothing,
}

/// Why a snapshot is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// An answer that is no part of a download.
    #[error("status {0} was answered")]
    Status(u16),
    /// Sent to nowhere, or too often.
    #[error("the redirect leads nowhere")]
    Redirect,
    /// Bytes that were not asked for.
    #[error("other bytes came than were asked for")]
    Range,
    /// Larger than allowed.
    #[error("the snapshot has {size} bytes, more than {max_size}")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
        /// Most bytes that the operator allows.
        max_size: u64,
    },
    /// Not one of the service.
    #[error(transparent)]
    Refused(#[from] SnapshotOpenError<SnapshotError>),
    /// Another one.
    #[error("the file contains another snapshot than its name says")]
    Name,
}

impl Fetch {
    /// Of the service of this certificate, from `address` (`host:port`): a snapshot after an entry, of at most `max_size`
    /// bytes.
    #[must_use]
    pub fn new(service: Certificate, address: String, after: Seqno, max_size: u64) -> Self {
        let target = SNAPSHOT.to_owned();
        Self { service, scheme: &Ecdsa, after, max_size, address, target, redirects: 0, coming: None }
    }

    /// This snapshot and no other, from `address` itself.
    #[must_use]
    pub fn named(service: Certificate, address: String, name: SnapshotName, max_size: u64) -> Self {
        let target = format!("{SNAPSHOT}/{name}");
        Self { target, ..Self::new(service, address, Seqno::ZERO, max_size) }
    }

    /// The same, of a service whose ledger is signed in another way.
    #[must_use]
    pub fn signed_with(self, scheme: &'static dyn Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// `host:port` of the node to ask.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Path to ask for.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Header `range` of the question.
    #[must_use]
    pub fn range(&self) -> String {
        let offset = self.coming.as_ref().map_or(0, |coming| coming.offset);
        format!("bytes={offset}-{}", offset + RANGE - 1)
    }

    /// The snapshot of which bytes were to be kept; to be forgotten after an error.
    #[must_use]
    pub fn kept_so_far(&self) -> Option<Seqno> {
        self.coming.as_ref().map(|coming| coming.name.seqno)
    }

    /// Takes in an answer.
    ///
    /// # Errors
    /// If it is no part of a snapshot of the service.
    pub fn answered(&mut self, answer: Answer) -> Result<Step, FetchError> {
        match (answer.status, &self.coming) {
            (404, None) => Ok(Step::Nothing),
            (307 | 308, None) => self.redirected(answer.location.as_deref()),
            (206, _) => self.part(answer),
            (status, _) => Err(FetchError::Status(status)),
        }
    }

    /// The bytes are kept.
    ///
    /// # Errors
    /// If they were the last ones, and the receipt does not prove the snapshot.
    pub fn kept(&mut self) -> Result<Step, FetchError> {
        let Some(coming) = self.coming.take_if(|coming| coming.offset == coming.size) else {
            return Ok(Step::Ask);
        };
        let Coming { name, inspection, .. } = coming;
        let proved = inspection.finish_with(&self.service, self.scheme);
        let outcome = match proved {
            Ok((seqno, evidence)) if (seqno, evidence.seqno) == (name.seqno, name.evidence_seqno) => {
                return Ok(Step::Complete(name));
            }
            Ok(_) => FetchError::Name,
            Err(error) => error.into(),
        };
        // So that it is known what to forget.
        let size = coming.size;
        self.coming = Some(Coming { name, offset: size, size, inspection: Inspection::default() });
        Err(outcome)
    }

    fn redirected(&mut self, location: Option<&str>) -> Result<Step, FetchError> {
        self.redirects += 1;
        let to = location.and_then(|url| address_in(url).zip(path_in(url)));
        let Some((address, path)) = to.filter(|_| self.redirects <= MAX_REDIRECTS) else {
            return Err(FetchError::Redirect);
        };
        if name_in(path).is_some_and(|name| name.seqno <= self.after) {
            return Ok(Step::NotLater);
        }
        (self.address, self.target) = (address.to_owned(), path.to_owned());
        Ok(Step::Ask)
    }

    fn part(&mut self, answer: Answer) -> Result<Step, FetchError> {
        let range = answer.content_range.as_deref().and_then(ContentRange::parse);
        let range = range.ok_or(FetchError::Range)?;
        if range.size > self.max_size {
            return Err(FetchError::TooLarge { size: range.size, max_size: self.max_size });
        }
        if self.coming.is_none() {
            let name = name_in(&self.target).ok_or(FetchError::Name)?;
            let inspection = Inspection::default();
            self.coming = Some(Coming { name, offset: 0, size: range.size, inspection });
        }
        let coming = self.coming.as_mut().expect("set above");
        let len = answer.body.len() as u64;
        let is_next = range.first == coming.offset
            && range.size == coming.size
            && len > 0
            && range.last.checked_sub(range.first).is_some_and(|span| span < RANGE && span + 1 == len)
            && range.last < range.size;
        if !is_next {
            return Err(FetchError::Range);
        }
        coming.inspection.push(&answer.body)?;
        let (seqno, offset) = (coming.name.seqno, coming.offset);
        coming.offset += len;
        Ok(Step::Keep { seqno, offset, bytes: answer.body })
    }
}

/// The committed snapshot that a path names.
fn name_in(path: &str) -> Option<SnapshotName> {
    let name: SnapshotName = path.strip_prefix(SNAPSHOT)?.strip_prefix('/')?.parse().ok()?;
    (name.phase == SnapshotPhase::Committed).then_some(name)
}

/// `bytes FIRST-LAST/SIZE` (RFC 9110, section 14.4).
struct ContentRange {
    first: u64,
    last: u64,
    size: u64,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, size: size.parse().ok()? })
    }
}
