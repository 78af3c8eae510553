//! Requests refused before they are dispatched.

use coco_app::{ErrorCode, Reject, Response, Status, media};

use crate::{interface::Limits, metrics::InterfaceMetrics};

/// Bytes of a malformed request that are sent back.
const MAX_ECHO: usize = 16 << 10;
/// Bytes of a too long header name that are sent back.
const MAX_NAME_ECHO: usize = 64;

/// Why a request is refused before it is dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not follow RFC 9110 and RFC 9112; what is wrong.
    Malformed(&'static str),
    /// The body is over `max_body_size`.
    BodyTooLarge,
    /// The name of a header field is over `max_header_size`; its beginning.
    HeaderNameTooLarge(String),
    /// The value of the header field of this name is over `max_header_size`.
    HeaderValueTooLarge(String),
    /// There are more header fields than `max_headers_count`.
    TooManyHeaders,
    /// The first line and the header fields together are over the limit.
    HeadTooLarge,
}

impl Refusal {
    pub(crate) fn name_too_large(name: &[u8]) -> Self {
        Self::HeaderNameTooLarge(lower_case(&name[..name.len().min(MAX_NAME_ECHO)]))
    }

    pub(crate) fn value_too_large(name: &[u8]) -> Self {
        Self::HeaderValueTooLarge(lower_case(name))
    }

    /// Adds itself to the counts of its interface.
    pub(crate) fn count(&self, metrics: &InterfaceMetrics) {
        match self {
            Self::Malformed(_) => metrics.count_parsing(),
            Self::BodyTooLarge => metrics.count_payload_too_large(),
            Self::HeaderNameTooLarge(_)
            | Self::HeaderValueTooLarge(_)
            | Self::TooManyHeaders
            | Self::HeadTooLarge => metrics.count_header_too_large(),
        }
    }

    /// The answer, worded as by CCF (`src/http/http_parser.h`, `src/http/http_session.h`), whose clients look at
    /// it. `fragment` is where a malformed request begins.
    pub(crate) fn response(&self, limits: &Limits, fragment: &[u8]) -> Response {
        let header =
            |message| Reject::new(Status::HEADER_TOO_LARGE, ErrorCode::RequestHeaderTooLarge, message).into();
        let allowed = limits.max_header_size;
        match self {
            Self::Malformed(what) => {
                let mut body = format!(
                    "Unable to parse data as a HTTP request. Error message is: {what}\n\
                     Error occurred while parsing fragment:\n"
                )
                .into_bytes();
                body.extend_from_slice(&fragment[..fragment.len().min(MAX_ECHO)]);
                Response::with_body(Status::BAD_REQUEST, media::TEXT, body)
            }
            Self::BodyTooLarge => Reject::new(
                Status::CONTENT_TOO_LARGE,
                ErrorCode::RequestBodyTooLarge,
                format!("HTTP request body is too large (max size allowed: {})", limits.max_body_size),
            )
            .into(),
            Self::HeaderNameTooLarge(name) => {
                header(format!("Header key for '{name}' is too large (max size allowed: {allowed})"))
            }
            Self::HeaderValueTooLarge(name) => {
                header(format!("Header value for '{name}' is too large (max size allowed: {allowed})"))
            }
            Self::TooManyHeaders => {
                header(format!("Too many headers (max number allowed: {})", limits.max_headers_count))
            }
            Self::HeadTooLarge => {
                header(format!("Headers are too large (max size allowed: {})", limits.max_head_size()))
            }
        }
    }
}

fn lower_case(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}
