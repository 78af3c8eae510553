//! One request and its response, free of any transport.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use coco_wire::TxId;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Reject};

/// HTTP request method (RFC 9110, section 9), those that an endpoint may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Reads, without the body.
    Head,
    /// Acts.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
    /// Asks for the methods allowed.
    Options,
}

impl Method {
    /// The method of this name; names are case-sensitive.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"PATCH" => Self::Patch,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            _ => return None,
        })
    }

    /// Its name in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Header fields in the order in which they came; slices of one buffer.
#[derive(Clone, Default)]
pub struct Headers {
    buffer: Bytes,
    fields: Vec<(Range<u32>, Range<u32>)>,
}

impl Headers {
    /// Fields as ranges of name and value in `buffer`.
    ///
    /// # Panics
    /// If a range lies outside `buffer`.
    #[must_use]
    pub fn new(buffer: Bytes, fields: Vec<(Range<u32>, Range<u32>)>) -> Self {
        let end = fields.iter().flat_map(|(name, value)| [name.end, value.end]).max().unwrap_or(0);
        assert!(end as usize <= buffer.len(), "a header field lies inside its buffer");
        Self { buffer, fields }
    }

    /// Copies the fields given.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut buffer = Vec::new();
        let mut fields = Vec::new();
        let mut put = |bytes: &[u8]| {
            let start = buffer.len();
            buffer.extend_from_slice(bytes);
            let at = |n| u32::try_from(n).expect("headers are bounded far below 4 GiB");
            at(start)..at(buffer.len())
        };
        for (name, value) in pairs {
            fields.push((put(name), put(value)));
        }
        Self { buffer: buffer.into(), fields }
    }

    /// All fields: name as sent, value without surrounding blanks.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let slice = |range: &Range<u32>| &self.buffer[range.start as usize..range.end as usize];
        self.fields.iter().map(move |(name, value)| (slice(name), slice(value)))
    }

    /// The first value of the field of this name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The first value of the field of this name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.get(name)?).ok()
    }
}

impl fmt::Debug for Headers {
    /// Names only: values may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}

impl Serialize for Headers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(Vec<u8>, Vec<u8>)>::deserialize(deserializer)?;
        Ok(Self::from_pairs(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))))
    }
}

/// One request, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Path and query as sent (RFC 9112, origin form).
    target: String,
    /// Where the query begins in `target`, after the question mark.
    query: Option<usize>,
    /// Header fields.
    pub headers: Headers,
    /// The whole body, without transfer coding.
    pub body: Bytes,
}

impl Request {
    /// A request for `target`, which is a path with an optional query.
    #[must_use]
    pub fn new(method: Method, target: String, headers: Headers, body: Bytes) -> Self {
        let query = target.find('?').map(|at| at + 1);
        Self { method, target, query, headers, body }
    }

    /// Path and query as sent.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path as sent, still percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.query {
            Some(at) => &self.target[..at - 1],
            None => &self.target,
        }
    }

    /// The query as sent, still percent-encoded; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.query.map_or("", |at| &self.target[at..])
    }

    /// The first query parameter of this name, percent-decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query().split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key)? == name).then(|| percent_decode(value)).flatten()
        })
    }

    /// The query parameter of this name, a natural number.
    ///
    /// # Errors
    /// 400 `InvalidQueryParameterValue` if it is absent or anything else than decimal digits of a `u64`.
    pub fn number(&self, name: &str) -> Result<u64, Reject> {
        let missing = || invalid_parameter(format!("Missing query parameter '{name}'"));
        self.optional_number(name)?.ok_or_else(missing)
    }

    /// The same of a query parameter that may be absent.
    ///
    /// # Errors
    /// 400 `InvalidQueryParameterValue` if it is there and anything else than decimal digits of a `u64`.
    pub fn optional_number(&self, name: &str) -> Result<Option<u64>, Reject> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|_| !text.starts_with('+'));
        let malformed = || invalid_parameter(format!("Unable to parse value '{text}' in parameter '{name}'"));
        number.map(Some).ok_or_else(malformed)
    }
}

/// The transaction ID that a client names; zeros name none.
pub(crate) fn parse_txid(text: &str) -> Option<TxId> {
    text.parse().ok().filter(|txid: &TxId| txid.view.0 > 0 && txid.seqno.0 > 0)
}

fn invalid_parameter(message: String) -> Reject {
    Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
}

/// Undoes percent-encoding; none if it is malformed or not UTF-8.
#[must_use]
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |b: u8| (b as char).to_digit(16);
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// HTTP status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Status(pub u16);

impl Status {
    /// 200
    pub const OK: Self = Self(200);
    /// 202
    pub const ACCEPTED: Self = Self(202);
    /// 204
    pub const NO_CONTENT: Self = Self(204);
    /// 206
    pub const PARTIAL_CONTENT: Self = Self(206);
    /// 304
    pub const NOT_MODIFIED: Self = Self(304);
    /// 307
    pub const TEMPORARY_REDIRECT: Self = Self(307);
    /// 308
    pub const PERMANENT_REDIRECT: Self = Self(308);
    /// 400
    pub const BAD_REQUEST: Self = Self(400);
    /// 401
    pub const UNAUTHORIZED: Self = Self(401);
    /// 403
    pub const FORBIDDEN: Self = Self(403);
    /// 404
    pub const NOT_FOUND: Self = Self(404);
    /// 405
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 406
    pub const NOT_ACCEPTABLE: Self = Self(406);
    /// 412
    pub const PRECONDITION_FAILED: Self = Self(412);
    /// 413
    pub const CONTENT_TOO_LARGE: Self = Self(413);
    /// 415
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self(415);
    /// 431
    pub const HEADER_TOO_LARGE: Self = Self(431);
    /// 500
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 501
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// 503
    pub const SERVICE_UNAVAILABLE: Self = Self(503);
    /// 504
    pub const GATEWAY_TIMEOUT: Self = Self(504);

    /// Whether it says that the request did what it asked (2xx).
    #[must_use]
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0)
    }
}

/// Media types that responses carry.
pub mod media {
    /// JSON (RFC 8259).
    pub const JSON: &str = "application/json";
    /// Plain text.
    pub const TEXT: &str = "text/plain";
    /// Source text of JavaScript (RFC 9239).
    pub const JAVASCRIPT: &str = "text/javascript";
    /// Any bytes.
    pub const OCTETS: &str = "application/octet-stream";
    /// CBOR (RFC 8949).
    pub const CBOR: &str = "application/cbor";
    /// COSE (RFC 9052).
    pub const COSE: &str = "application/cose";
}

/// One response, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// HTTP status.
    pub status: Status,
    /// Header fields beside the length, the transaction ID and those of the transport; names in lower case.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Transaction that made the answer, or whose state a read saw; sent as `x-ms-ccf-transaction-id`.
    pub txid: Option<TxId>,
    /// Where in the body the transaction ID is still to be written: it is known only once the write has its place.
    pub txid_at: Option<usize>,
}

impl Response {
    /// No body.
    #[must_use]
    pub fn empty(status: Status) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), txid: None, txid_at: None }
    }

    /// A body of the media type given.
    #[must_use]
    pub fn with_body(status: Status, media_type: &'static str, body: Vec<u8>) -> Self {
        Self { body, ..Self::empty(status) }.header("content-type", media_type)
    }

    /// `value` as compact JSON.
    ///
    /// # Panics
    /// If `value` has no JSON form, which no response type allows.
    #[must_use]
    pub fn json(status: Status, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("response types have a JSON form");
        Self::with_body(status, media::JSON, body)
    }

    /// `value` as compact JSON, an object; its last field is to be an empty string, where the transaction ID is
    /// written once the write has its place.
    ///
    /// # Panics
    /// If `value` is no such object.
    #[must_use]
    pub fn json_with_txid(status: Status, value: &impl Serialize) -> Self {
        let response = Self::json(status, value);
        assert!(response.body.ends_with(b":\"\"}"), "the last field waits for the transaction ID");
        Self { txid_at: Some(response.body.len() - 2), ..response }
    }

    /// Writes the transaction ID into the body, if it is wanted there and known.
    pub fn write_txid(&mut self) {
        if let (Some(at), Some(txid)) = (self.txid_at, self.txid) {
            self.body.splice(at..at, txid.to_string().into_bytes());
            self.txid_at = None;
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests;
