//! One request and its response by HTTP/1.1 (RFC 9112).

use std::io;

use coco_app::{Headers, Method, Status};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{ClientError, Question, Reply};

/// Most bytes of status line and header fields.
const MAX_HEAD: usize = 16 * 1024;
/// Most header fields.
const MAX_FIELDS: usize = 64;
/// Bytes read at a time.
const READ: usize = 16 * 1024;

pub(super) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &Question<'_>,
) -> Result<Reply, ClientError> {
    stream.write_all(&request(question)?).await?;
    stream.flush().await?;
    let mut buffer = Vec::new();
    let head = loop {
        if let Some(head) = Head::parse(&buffer)? {
            break head;
        }
        if buffer.len() > MAX_HEAD {
            return Err(ClientError::TooLarge);
        }
        read_more(&mut stream, &mut buffer).await?;
    };
    let length = head.body_length(question.method)?;
    if length > question.max_answer {
        return Err(ClientError::TooLarge);
    }
    let end = head.len + length;
    while buffer.len() < end {
        read_more(&mut stream, &mut buffer).await?;
    }
    let body = buffer[head.len..end].to_vec();
    Ok(Reply { status: head.status, headers: head.headers, body })
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

async fn read_more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Result<(), ClientError> {
    let start = buffer.len();
    buffer.resize(start + READ, 0);
    let read = stream.read(&mut buffer[start..]).await?;
    buffer.truncate(start + read);
    if read == 0 {
        return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(())
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

    /// Nodes announce the length of every body; a second length, or another coding, is an attack.
    fn body_length(&self, method: Method) -> Result<usize, ClientError> {
        let named = |wanted: &'static str| {
            self.headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        if named("transfer-encoding").next().is_some() {
            return Err(ClientError::Malformed);
        }
        let mut lengths = named("content-length").map(|(_, value)| value);
        let length = match (lengths.next(), lengths.next()) {
            (None, _) => Some(0),
            (Some(length), None) => decimal(length),
            (Some(_), Some(_)) => None,
        };
        let length = length.ok_or(ClientError::Malformed)?;
        let without =
            method == Method::Head || matches!(self.status, Status::NO_CONTENT | Status::NOT_MODIFIED);
        Ok(if without { 0 } else { length })
    }
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| all)?.parse().ok()
}
