//! A request for a WebSocket, and the answer that makes the connection one (RFC 6455, section 4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_app::{ErrorCode, Method, Reject, Request, Response, Status};
use coco_crypto::sha1::sha1;

use crate::http1::UPGRADE_REQUIRED;

/// The version of the standard, the only one.
const VERSION: &[u8] = b"13";
/// What section 1.3 has hashed behind the client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a client's key.
const KEY_LEN: usize = 16;

/// The answer to a key: the handshake is as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accept(String);

impl Accept {
    /// What `request` is told if there is something to converse with; none if it does not ask for a WebSocket.
    ///
    /// # Errors
    /// The answer to a request that asks for one wrongly.
    pub(crate) fn of(request: &Request) -> Option<Result<Self, Response>> {
        let asks = request.method == Method::Get
            && request.body.is_empty()
            && lists(request, "upgrade", b"websocket")
            && lists(request, "connection", b"upgrade");
        asks.then(|| Self::read(request))
    }

    fn read(request: &Request) -> Result<Self, Response> {
        if request.headers.get("sec-websocket-version") != Some(VERSION) {
            let text = "Only version 13 of WebSocket is spoken here.";
            let reject = Reject::new(UPGRADE_REQUIRED, ErrorCode::InvalidHeaderValue, text);
            return Err(Response::from(reject).header("sec-websocket-version", "13"));
        }
        let mut keys = fields(request, "sec-websocket-key");
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(wrong("A WebSocket is asked for with one Sec-WebSocket-Key."));
        };
        if STANDARD.decode(key).ok().is_none_or(|key| key.len() != KEY_LEN) {
            return Err(wrong("Sec-WebSocket-Key is not 16 bytes in base64."));
        }
        Ok(Self(STANDARD.encode(sha1(&[key, GUID].concat()))))
    }

    /// The last of the connection that is HTTP.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self(accept) = self;
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\n\r\n"
        )
        .into_bytes()
    }
}

fn wrong(text: &'static str) -> Response {
    Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, text).into()
}

fn fields<'a>(request: &'a Request, name: &str) -> impl Iterator<Item = &'a [u8]> {
    request
        .headers
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// Whether `token` is among those that the fields of this name list.
fn lists(request: &Request, name: &str, token: &[u8]) -> bool {
    fields(request, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|other| other.trim_ascii().eq_ignore_ascii_case(token))
}
