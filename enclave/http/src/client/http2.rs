//! One request and its response by HTTP/2 (RFC 9113), for interfaces that speak nothing else.

use bytes::Bytes;
use coco_app::{Headers, Status};
use http::{HeaderName, HeaderValue, Request};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{ClientError, Question, Reply};

/// Most bytes of header fields, as HTTP/2 counts them.
const MAX_FIELDS: u32 = 16 * 1024;

pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &Question<'_>,
) -> Result<Reply, ClientError> {
    let request = request(question)?;
    let (sender, connection) = h2::client::Builder::new()
        .max_header_list_size(MAX_FIELDS)
        .enable_push(false)
        .handshake(stream)
        .await
        .map_err(broken)?;
    tokio::pin!(connection);
    tokio::select! {
        biased;
        reply = ask(sender, request, question) => reply,
        // The connection makes progress beside the request, and ends before it only by failing.
        ended = &mut connection => Err(ended.err().map_or(ClientError::Malformed, broken)),
    }
}

fn request(question: &Question<'_>) -> Result<Request<()>, ClientError> {
    let mut request = Request::builder()
        .method(question.method.as_str())
        .uri(format!("https://{}{}", question.address, question.target))
        .body(())
        .map_err(|_| ClientError::Request)?;
    for (name, value) in question.headers {
        let name = HeaderName::try_from(*name).map_err(|_| ClientError::Request)?;
        let value = HeaderValue::try_from(*value).map_err(|_| ClientError::Request)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

async fn ask(
    sender: h2::client::SendRequest<Bytes>,
    request: Request<()>,
    question: &Question<'_>,
) -> Result<Reply, ClientError> {
    let mut sender = sender.ready().await.map_err(broken)?;
    let (response, mut body) = sender.send_request(request, question.body.is_empty()).map_err(broken)?;
    if !question.body.is_empty() {
        // h2 keeps what the other's window does not admit yet; bodies of questions are small.
        body.send_data(Bytes::copy_from_slice(question.body), true).map_err(broken)?;
    }
    let (head, mut body) = response.await.map_err(broken)?.into_parts();
    let mut received = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(broken)?;
        if received.len() + data.len() > question.max_answer {
            return Err(ClientError::TooLarge);
        }
        received.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).map_err(broken)?;
    }
    let fields = head.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    Ok(Reply { status: Status(head.status.as_u16()), headers: Headers::from_pairs(fields), body: received })
}

fn broken(error: h2::Error) -> ClientError {
    if error.is_io() {
        error.into_io().map_or(ClientError::Malformed, ClientError::Broken)
    } else {
        ClientError::Malformed
    }
}
