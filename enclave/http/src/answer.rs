//! Responses made fit for the wire.

use std::borrow::Cow;

use coco_app::{Reject, Response, Status};

/// Header fields of a response.
const MAX_FIELDS: usize = 256;
/// Bytes of the name of a header field of a response.
const MAX_NAME: usize = 256;

/// Header field that carries the transaction ID.
pub(crate) const TRANSACTION_ID: &str = "x-ms-ccf-transaction-id";

/// `response` if it can be sent as it is, else an error in its place: applications choose status and header
/// fields, and must not be able to write a second response into the stream.
pub(crate) fn sound(response: Response) -> Response {
    let status = (200..600).contains(&response.status.0);
    let fields = response.headers.iter().all(|(name, value)| is_token(name) && is_value(value));
    if status && fields && response.headers.len() <= MAX_FIELDS {
        return response;
    }
    Reject::internal("The endpoint made a response that is not valid HTTP.").into()
}

/// Header fields to send beside length and transaction ID.
pub(crate) fn fields(response: &Response) -> impl Iterator<Item = (&str, &str)> {
    let has_txid = response.txid.is_some();
    let sent =
        move |name: &str| !(is_transport(name) || has_txid && name.eq_ignore_ascii_case(TRANSACTION_ID));
    response.headers.iter().filter(move |(name, _)| sent(name)).map(|(name, value)| (&**name, &**value))
}

/// What is announced as the length of the body, if a body is allowed at all. The answer to HEAD announces the
/// length that the endpoint names, or that of the body it does not send.
pub(crate) fn content_length(response: &Response, to_head: bool) -> Option<Cow<'_, str>> {
    if !has_body(response.status) {
        return None;
    }
    let named = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match named {
        Some((_, length)) if to_head && length.bytes().all(|b| b.is_ascii_digit()) => {
            Some(Cow::Borrowed(length))
        }
        _ => Some(Cow::Owned(itoa::Buffer::new().format(response.body.len()).to_owned())),
    }
}

/// Whether responses of this status have a body (RFC 9110, section 6.4.1).
pub(crate) fn has_body(status: Status) -> bool {
    !matches!(status, Status::NO_CONTENT | Status::NOT_MODIFIED)
}

/// Fields of the connection, which are ours to send.
fn is_transport(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Token of RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 0x7f))
}

#[cfg(test)]
mod tests;
