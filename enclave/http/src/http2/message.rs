//! Requests and responses in the form of the HTTP/2 library.

use bytes::Bytes;
use coco_app::{Headers, Method, Request, Response};
use http::{HeaderName, HeaderValue, request::Parts};

use crate::{
    answer::{TRANSACTION_ID, content_length, fields, has_body, sound},
    interface::Limits,
    refusal::Refusal,
};

/// A request without its body.
pub(super) struct RequestHead {
    method: Method,
    target: String,
    headers: Headers,
}

impl RequestHead {
    pub(super) fn read(parts: &Parts, limits: &Limits) -> Result<Self, Refusal> {
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        let target = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let pseudo = [
            (":method", Some(parts.method.as_str())),
            (":scheme", parts.uri.scheme_str()),
            (":authority", authority),
            (":path", Some(target)),
        ];
        let pseudo =
            pseudo.iter().filter_map(|(name, value)| Some((name.as_bytes(), value.as_ref()?.as_bytes())));
        let regular =
            || parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        let mut count = 0;
        for (name, value) in pseudo.chain(regular()) {
            count += 1;
            if name.len() > limits.max_header_size {
                return Err(Refusal::name_too_large(name));
            }
            if value.len() > limits.max_header_size {
                return Err(Refusal::value_too_large(name));
            }
        }
        if count > limits.max_headers_count {
            return Err(Refusal::TooManyHeaders);
        }
        let announced = parts.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if announced.and_then(|length| length.parse().ok()).is_some_and(|n: usize| n > limits.max_body_size) {
            return Err(Refusal::BodyTooLarge);
        }
        let method =
            Method::parse(parts.method.as_str().as_bytes()).ok_or(Refusal::Malformed("invalid method"))?;
        if !target.starts_with('/') {
            return Err(Refusal::Malformed("invalid request target"));
        }
        let named_host = parts.headers.contains_key(http::header::HOST);
        let host = authority.filter(|_| !named_host).map(|host| (&b"host"[..], host.as_bytes()));
        let headers = Headers::from_pairs(host.into_iter().chain(regular()));
        Ok(Self { method, target: target.to_owned(), headers })
    }

    pub(super) fn with_body(self, body: Bytes) -> Request {
        Request::new(self.method, self.target, self.headers, body)
    }
}

/// The head and the body to send.
pub(super) fn response(response: Response, to_head: bool) -> (http::Response<()>, Bytes) {
    let response = sound(response);
    let mut head = http::Response::new(());
    *head.status_mut() =
        http::StatusCode::from_u16(response.status.0).expect("a sound response has a status of three digits");
    let headers = head.headers_mut();
    let mut put = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a sound response has tokens for names");
        let value = HeaderValue::from_bytes(value.as_bytes());
        headers.append(name, value.expect("a sound response has values without control characters"));
    };
    if let Some(length) = content_length(&response, to_head) {
        put("content-length", &length);
    }
    for (name, value) in fields(&response) {
        put(name, value);
    }
    if let Some(txid) = response.txid {
        put(TRANSACTION_ID, &txid.to_string());
    }
    let sends_body = !to_head && has_body(response.status);
    (head, if sends_body { response.body.into() } else { Bytes::new() })
}
