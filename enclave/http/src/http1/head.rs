//! The first line and the header fields of a request (RFC 9112), read strictly.

use std::{mem::MaybeUninit, ops::Range};

use bytes::{Buf, Bytes, BytesMut};
use coco_app::{Headers, Method};
use httparse::{EMPTY_HEADER, Error, Header, ParserConfig, Status};

use crate::{interface::Limits, refusal::Refusal};

/// Header fields that are parsed without an allocation.
const FEW_FIELDS: usize = 32;
/// Unfinished heads up to this many bytes are looked at with each byte that arrives, so that what is not HTTP is
/// refused at once.
const SHORT: usize = 1 << 10;

/// The head of one request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: Headers,
    pub(super) framing: Framing,
    /// Whether the connection ends with the answer.
    pub(super) close: bool,
    /// Whether the connection may become one of another protocol: it goes on, and not by HTTP/1.0.
    pub(super) upgradable: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length; 0 if nothing announces a body.
    Length(usize),
    /// In chunks.
    Chunked,
}

/// How far the head at the front of the buffer was looked at.
#[derive(Default)]
pub(super) struct Progress {
    /// Length of the buffer when it was parsed last, in vain.
    parsed: usize,
    /// Whether the empty line that may precede a request was skipped.
    blank: bool,
}

impl Progress {
    /// Takes the head from the front of `buffer` once it is whole.
    pub(super) fn take(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Head>, Refusal> {
        if !self.blank && buffer.starts_with(b"\r\n") {
            buffer.advance(2);
            self.blank = true;
        }
        match &buffer[..] {
            [] => return Ok(None),
            [b'\r'] if !self.blank => return Ok(None),
            [b'\r' | b'\n', ..] => return Err(Refusal::Malformed("empty line before a request")),
            _ if !self.due(buffer, limits) => return Ok(None),
            _ => {}
        }
        let mut few = [const { MaybeUninit::uninit() }; FEW_FIELDS];
        let slots = &mut few[..FEW_FIELDS.min(limits.max_headers_count)];
        let mut parsed = Parsed::read(buffer, slots, limits);
        if matches!(parsed, Err(Refusal::TooManyHeaders)) && limits.max_headers_count > FEW_FIELDS {
            // The shortest field takes four bytes.
            let most = limits.max_headers_count.min(buffer.len() / 4 + 1);
            let mut many = vec![MaybeUninit::new(EMPTY_HEADER); most];
            parsed = Parsed::read(buffer, &mut many, limits);
        }
        match parsed? {
            Some(parsed) => parsed.split(buffer).map(Some),
            None => {
                self.parsed = buffer.len();
                Ok(None)
            }
        }
    }

    /// Whether `buffer` should be parsed (again): it is short, its head seems whole or too large, or it grew by
    /// half, so that a head that arrives byte by byte costs no more than a few times its length.
    fn due(&self, buffer: &[u8], limits: &Limits) -> bool {
        let unseen = &buffer[self.parsed.saturating_sub(3)..];
        self.parsed == 0
            || buffer.len() <= SHORT
            || buffer.len() > limits.max_head_size()
            || buffer.len() - self.parsed > self.parsed / 2
            || unseen.windows(4).any(|end| end == b"\r\n\r\n")
    }
}

/// What a head says, as places in its buffer.
struct Parsed {
    length: usize,
    method: Method,
    target: String,
    fields: Vec<(Range<u32>, Range<u32>)>,
    meaning: Meaning,
}

impl Parsed {
    fn read<'b>(
        buffer: &'b [u8],
        slots: &mut [MaybeUninit<Header<'b>>],
        limits: &Limits,
    ) -> Result<Option<Self>, Refusal> {
        let mut request = httparse::Request::new(&mut []);
        let parser = ParserConfig::default();
        let status =
            parser.parse_request_with_uninit_headers(&mut request, buffer, slots).map_err(refusal)?;
        let length = match status {
            Status::Complete(length) if length <= limits.max_head_size() => length,
            Status::Partial if buffer.len() <= limits.max_head_size() => {
                return begins_with_method(buffer).then_some(None).ok_or(Refusal::Malformed(INVALID_METHOD));
            }
            Status::Complete(_) | Status::Partial => return Err(too_large(buffer, limits)),
        };
        if has_bare_line_feed(&buffer[..length]) {
            return Err(Refusal::Malformed("a line ends without carriage return"));
        }
        let name = request.method.expect("a whole head has a method");
        let method = Method::parse(name.as_bytes()).ok_or(Refusal::Malformed(INVALID_METHOD))?;
        let target = request.path.expect("a whole head has a target");
        let target = origin_form(target).ok_or(Refusal::Malformed("invalid request target"))?;
        let mut meaning = Meaning::new(request.version == Some(0));
        let mut fields = Vec::with_capacity(request.headers.len());
        for Header { name, value } in &*request.headers {
            if name.len() > limits.max_header_size {
                return Err(Refusal::name_too_large(name.as_bytes()));
            }
            if value.len() > limits.max_header_size {
                return Err(Refusal::value_too_large(name.as_bytes()));
            }
            meaning.add(name, value)?;
            fields.push((place(buffer, name.as_bytes()), place(buffer, value)));
        }
        meaning.check(limits)?;
        Ok(Some(Self { length, method, target, fields, meaning }))
    }

    fn split(self, buffer: &mut BytesMut) -> Result<Head, Refusal> {
        let head: Bytes = buffer.split_to(self.length).freeze();
        let Meaning { old, close, keep_alive, expects_continue, .. } = self.meaning;
        Ok(Head {
            method: self.method,
            target: self.target,
            headers: Headers::new(head, self.fields),
            framing: self.meaning.framing()?,
            close: close || (old && !keep_alive),
            upgradable: !close && !old,
            expects_continue: expects_continue && !old,
        })
    }
}

/// What the header fields say about the connection and the body.
#[derive(Default)]
struct Meaning {
    /// HTTP/1.0.
    old: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    host: bool,
    length: Option<usize>,
    chunked: bool,
}

impl Meaning {
    fn new(old: bool) -> Self {
        Self { old, ..Self::default() }
    }

    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let repeated = match name.len() {
            4 if is("host") => std::mem::replace(&mut self.host, true),
            6 if is("expect") => {
                self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                false
            }
            10 if is("connection") => {
                for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
                false
            }
            14 if is("content-length") => self.length.replace(body_length(value)?).is_some(),
            17 if is("transfer-encoding") => {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Malformed("unknown Transfer-Encoding"));
                }
                std::mem::replace(&mut self.chunked, true)
            }
            _ => false,
        };
        if repeated { Err(Refusal::Malformed("a header field occurs more than once")) } else { Ok(()) }
    }

    fn framing(&self) -> Result<Framing, Refusal> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Refusal::Malformed("both Content-Length and Transfer-Encoding")),
            (None, true) if self.old => Err(Refusal::Malformed("Transfer-Encoding in HTTP/1.0")),
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }

    /// Before anything is taken from the buffer, so that an error shows the whole head.
    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        match self.framing()? {
            Framing::Length(length) if length > limits.max_body_size => Err(Refusal::BodyTooLarge),
            Framing::Length(_) | Framing::Chunked => Ok(()),
        }
    }
}

const INVALID_METHOD: &str = "invalid method";

fn refusal(error: Error) -> Refusal {
    Refusal::Malformed(match error {
        Error::TooManyHeaders => return Refusal::TooManyHeaders,
        Error::HeaderName => "invalid header name",
        Error::HeaderValue => "invalid header value",
        Error::NewLine => "invalid line end",
        Error::Token => "invalid request line",
        Error::Version => "unknown HTTP version",
        Error::Status => "invalid status",
    })
}

/// Whether `buffer` begins with a method that we know, or may once more bytes arrive.
fn begins_with_method(buffer: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS "];
    METHODS.iter().any(|method| buffer.iter().zip(*method).all(|(a, b)| a == b))
}

/// Without branches, as it sees every byte of every head.
fn has_bare_line_feed(head: &[u8]) -> bool {
    let pairs = head.iter().zip(head.get(1..).unwrap_or_default());
    head.first() == Some(&b'\n')
        || pairs.fold(false, |found, (before, byte)| found | ((*byte == b'\n') & (*before != b'\r')))
}

/// Path and query of a target in origin or absolute form (RFC 9112, section 3.2).
fn origin_form(target: &str) -> Option<String> {
    if target.contains('#') {
        return None;
    }
    if target.starts_with('/') {
        return Some(target.to_owned());
    }
    let (scheme, rest) = target.split_once("://")?;
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    if !known || path == 0 {
        return None;
    }
    let slash = if rest[path..].starts_with('/') { "" } else { "/" };
    Some(format!("{slash}{}", &rest[path..]))
}

fn body_length(value: &[u8]) -> Result<usize, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed("invalid Content-Length"));
    }
    let text = str::from_utf8(value).expect("digits are ASCII");
    text.parse().map_err(|_| Refusal::BodyTooLarge)
}

/// Where `part`, a slice of `buffer`, lies in it.
fn place(buffer: &[u8], part: &[u8]) -> Range<u32> {
    let start = part.as_ptr().addr() - buffer.as_ptr().addr();
    let at = |n| u32::try_from(n).expect("a head within its limit is below 4 GiB");
    at(start)..at(start + part.len())
}

/// Which limit a head that takes too long to end is over.
fn too_large(buffer: &[u8], limits: &Limits) -> Refusal {
    let max = limits.max_header_size;
    for line in buffer.split(|b| *b == b'\n').skip(1) {
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        if name.len() > max {
            return Refusal::name_too_large(name);
        }
        if value.get(1..).unwrap_or_default().trim_ascii().len() > max {
            return Refusal::value_too_large(name);
        }
    }
    Refusal::HeadTooLarge
}
