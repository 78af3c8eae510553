//! Entity tags of records, and the conditions that clients make with them (RFC 9110, section 13.1).

use coco_app::{ErrorCode, Headers, Reject, Status};
use coco_crypto::hash::sha256;

/// Tag of a record: the digest of its text in hexadecimal digits.
pub(crate) fn etag(record: &[u8]) -> String {
    sha256(record).to_hex()
}

/// What a request demands of the current record.
pub(crate) enum Condition<'a> {
    /// Nothing.
    None,
    /// `If-Match`: it is one of these.
    Match(Tags<'a>),
    /// `If-None-Match`: it is none of these.
    NoneMatch(Tags<'a>),
}

/// What comes of a [`Condition`].
#[derive(PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds.
    Holds,
    /// `If-Match` failed: the client thinks of another record.
    Changed,
    /// `If-None-Match` failed: the client knows this record.
    Unchanged,
}

impl<'a> Condition<'a> {
    /// The condition in `headers`.
    pub(crate) fn of(headers: &'a Headers) -> Result<Self, Reject> {
        match (headers.get("if-match"), headers.get("if-none-match")) {
            (None, None) => Ok(Self::None),
            (Some(tags), None) => Ok(Self::Match(Tags::parse(tags)?)),
            (None, Some(tags)) => Ok(Self::NoneMatch(Tags::parse(tags)?)),
            (Some(_), Some(_)) => Err(invalid_header("Cannot have both If-Match and If-None-Match headers.")),
        }
    }

    /// Compares it with the record that there is.
    pub(crate) fn check(&self, record: &[u8]) -> Verdict {
        match self {
            Self::Match(tags) if !tags.contain(record) => Verdict::Changed,
            Self::NoneMatch(tags) if tags.contain(record) => Verdict::Unchanged,
            Self::None | Self::Match(_) | Self::NoneMatch(_) => Verdict::Holds,
        }
    }
}

/// Tags that a client lists.
pub(crate) enum Tags<'a> {
    /// `*`
    Any,
    /// Strong tags without their quotes.
    These(Vec<&'a str>),
}

impl<'a> Tags<'a> {
    /// Quoted lower-case hexadecimal digits, separated by commas. Weak tags are not understood.
    fn parse(header: &'a [u8]) -> Result<Self, Reject> {
        let malformed = || invalid_header("Invalid If-Match header");
        let mut rest = str::from_utf8(header).map_err(|_| malformed())?;
        if rest == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        while tags.is_empty() || !rest.is_empty() {
            let (tag, tail) =
                rest.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(malformed)?;
            if tag.is_empty() || !tag.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(malformed());
            }
            tags.push(tag);
            rest = tail.strip_prefix(',').unwrap_or(tail).trim_start();
        }
        Ok(Self::These(tags))
    }

    fn contain(&self, record: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.contains(&etag(record).as_str()),
        }
    }
}

/// 412
pub(crate) fn precondition_failed() -> Reject {
    Reject::new(Status::PRECONDITION_FAILED, ErrorCode::PreconditionFailed, "Resource has changed.")
}

fn invalid_header(text: &'static str) -> Reject {
    Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, text)
}
