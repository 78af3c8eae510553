//! One request and its response by HTTP/1.1 (RFC 9112).

use std::io;

use bytes::BytesMut;
use coco_app::{Headers, Method, Status};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{ClientError, Question, Reply};
use crate::{http1::Chunks, refusal::Refusal};

/// Most bytes of status line and header fields.
const MAX_HEAD: usize = 16 * 1024;
/// Most header fields.
const MAX_FIELDS: usize = 64;
/// Bytes read at a time.
const READ: usize = 16 * 1024;

/// How the other end may say where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length, as nodes do.
    Length,
    /// By any means of HTTP/1.1: its length, chunks, or the end of the connection.
    Any,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    After(usize),
    Chunks,
    Connection,
}

pub(super) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &Question<'_>,
    framing: Framing,
) -> Result<Reply, ClientError> {
    stream.write_all(&request(question)?).await?;
    stream.flush().await?;
    let mut buffer = BytesMut::new();
    let head = loop {
        if let Some(head) = Head::parse(&buffer)? {
            break head;
        }
        if buffer.len() > MAX_HEAD {
            return Err(ClientError::TooLarge);
        }
        read_more(&mut stream, &mut buffer).await?;
    };
    let end = head.end(question.method, framing)?;
    drop(buffer.split_to(head.len));
    let body = match end {
        End::After(length) if length > question.max_answer => return Err(ClientError::TooLarge),
        End::After(length) => {
            while buffer.len() < length {
                read_more(&mut stream, &mut buffer).await?;
            }
            buffer.truncate(length);
            buffer.to_vec()
        }
        End::Chunks => chunks(&mut stream, buffer, question.max_answer).await?,
        End::Connection => rest(&mut stream, buffer, question.max_answer).await?,
    };
    Ok(Reply { status: head.status, headers: head.headers, body })
}

/// A body in chunks, of which `buffer` has the first bytes.
async fn chunks(
    stream: &mut (impl AsyncRead + Unpin),
    mut buffer: BytesMut,
    max: usize,
) -> Result<Vec<u8>, ClientError> {
    let mut decoder = Chunks::new();
    loop {
        match decoder.decode(&mut buffer, max) {
            Ok(Some(body)) => return Ok(body.to_vec()),
            Ok(None) => read_more(stream, &mut buffer).await?,
            Err(Refusal::BodyTooLarge) => return Err(ClientError::TooLarge),
            Err(_) => return Err(ClientError::Malformed),
        }
    }
}

/// All that comes until the other end says, within TLS if there is any, that nothing more does.
async fn rest(
    stream: &mut (impl AsyncRead + Unpin),
    mut buffer: BytesMut,
    max: usize,
) -> Result<Vec<u8>, ClientError> {
    while buffer.len() <= max {
        if !read_some(stream, &mut buffer).await? {
            return Ok(buffer.to_vec());
        }
    }
    Err(ClientError::TooLarge)
}

fn request(question: &Question<'_>) -> Result<Vec<u8>, ClientError> {
    let mut request = format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        question.method,
        question.target,
        question.address,
        question.body.len(),
    );
    let visible = |text: &str| text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let mut sound = visible(question.target) && visible(question.address);
    for (name, value) in question.headers {
        sound &= visible(name) && !value.chars().any(char::is_control);
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(question.body);
    if sound { Ok(request) } else { Err(ClientError::Request) }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<(), ClientError> {
    if read_some(stream, buffer).await? {
        return Ok(());
    }
    Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()))
}

/// Whether there was something to read.
async fn read_some(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<bool, ClientError> {
    let start = buffer.len();
    buffer.resize(start + READ, 0);
    let read = stream.read(&mut buffer[start..]).await?;
    buffer.truncate(start + read);
    Ok(read > 0)
}

/// Status and header fields, and how many bytes they took.
struct Head {
    status: Status,
    headers: Headers,
    len: usize,
}

impl Head {
    /// None if there is more to come.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, ClientError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(bytes).map_err(|_| ClientError::Malformed)?;
        let httparse::Status::Complete(len) = parsed else { return Ok(None) };
        if len > MAX_HEAD {
            return Err(ClientError::TooLarge);
        }
        let status = response.code.map(Status).filter(|status| status.0 >= 200);
        let fields = response.headers.iter().map(|field| (field.name.as_bytes(), field.value));
        let headers = Headers::from_pairs(fields);
        // Nobody was asked to say "continue" or to change the protocol.
        Ok(Some(Self { status: status.ok_or(ClientError::Malformed)?, headers, len }))
    }

    /// A second length, or a length beside another coding, is an attack; so is another coding where only lengths are
    /// expected.
    fn end(&self, method: Method, framing: Framing) -> Result<End, ClientError> {
        let named = |wanted: &'static str| {
            self.headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        let mut lengths = named("content-length").map(|(_, value)| value);
        let mut codings = named("transfer-encoding").map(|(_, value)| value);
        let end = match (lengths.next(), codings.next(), framing) {
            (None, None, Framing::Length) => Some(End::After(0)),
            (None, None, Framing::Any) => Some(End::Connection),
            (Some(length), None, _) => decimal(length).map(End::After),
            (None, Some(coding), Framing::Any) => {
                coding.eq_ignore_ascii_case(b"chunked").then_some(End::Chunks)
            }
            (None, Some(_), Framing::Length) | (Some(_), Some(_), _) => None,
        };
        let once = lengths.next().is_none() && codings.next().is_none();
        let end = end.filter(|_| once).ok_or(ClientError::Malformed)?;
        let without =
            method == Method::Head || matches!(self.status, Status::NO_CONTENT | Status::NOT_MODIFIED);
        Ok(if without { End::After(0) } else { end })
    }
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| all)?.parse().ok()
}
