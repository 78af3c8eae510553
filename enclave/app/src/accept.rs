//! What the header `accept` says of answers in JSON.

use crate::{
    error::{ErrorCode, Reject},
    request::{Request, Response, Status, media},
};

/// Lets an answer pass that the client can read: in JSON by 200, unless the client names other media types only. Media
/// types are read and refused as CCF does (`include/ccf/http_accept.h`), which asks no more of other answers either.
///
/// # Errors
/// 406 `UnsupportedContentType`; 400 `InvalidHeaderValue` if the header is malformed.
pub(crate) fn check(request: &Request, response: Response) -> Result<Response, Reject> {
    let Some(accept) = request.headers.text("accept") else { return Ok(response) };
    let is_json = |(name, value): &(_, _)| name == "content-type" && value == media::JSON;
    if response.status != Status::OK || !response.headers.iter().any(is_json) || accepts_json(accept)? {
        return Ok(response);
    }
    let message = format!(
        "No supported content type in accept header: {accept}\nOnly {} is currently supported",
        media::JSON
    );
    Err(Reject::new(Status::NOT_ACCEPTABLE, ErrorCode::UnsupportedContentType, message))
}

/// Whether one of the media ranges is that of JSON. All are read before, so that a malformed one is always refused.
fn accepts_json(accept: &str) -> Result<bool, Reject> {
    if accept.trim() == "*/*" {
        return Ok(true);
    }
    let mut accepts = false;
    let elements = accept.split(',').map(str::trim);
    for element in elements.filter(|_| !accept.trim().is_empty()) {
        let refuse = |what| {
            let message = format!("{what}: {element}");
            Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, message)
        };
        let mut parts = element.split(';').map(str::trim);
        let (kind, subtype) = parts.next().and_then(|range| range.split_once('/')).unwrap_or_default();
        if kind.is_empty() || subtype.is_empty() {
            return Err(refuse("Entry in Accept header is not a valid MIME type"));
        }
        for quality in parts.filter_map(|part| part.strip_prefix("q=")) {
            if quality.trim().parse::<f32>().is_err() {
                return Err(refuse("Could not parse q-factor from MIME type in Accept header"));
            }
        }
        accepts |= matches!((kind, subtype), ("*" | "application", "*" | "json"));
    }
    Ok(accepts)
}

#[cfg(test)]
mod tests;
