//! The logging application through its adapter: requests in, responses out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod history;
mod identities;
mod openapi;
mod records;
mod service;

use coco_app::Response;

/// Checks status and body; `part` is to be in the body, or to be all of it if it begins with `=`.
#[track_caller]
fn check(case: &str, response: &Response, status: u16, part: &str) {
    let body = String::from_utf8_lossy(&response.body);
    assert_eq!(response.status.0, status, "{case}: {body}");
    match part.strip_prefix('=') {
        Some(whole) => assert_eq!(body, whole, "{case}"),
        None => assert!(body.contains(part), "{case}: {body} lacks {part}"),
    }
}

/// A header field of a response.
fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
}
