use crate::request::{Headers, Method};

use super::*;

fn check_with(accept: Option<&str>, response: Response) -> Result<Response, Reject> {
    let headers = Headers::from_pairs(accept.iter().map(|value| (&b"accept"[..], value.as_bytes())));
    let request = Request::new(Method::Get, "/node/commit".to_owned(), headers, Vec::new().into());
    check(&request, response)
}

#[test]
fn json_is_given_to_those_who_take_it() {
    for (accept, expected) in [
        (None, 200),
        (Some("*/*"), 200),
        (Some("application/json"), 200),
        (Some("application/*"), 200),
        (Some("*/json"), 200),
        (Some("application/json;charset=utf-8"), 200),
        (Some("text/html;q=0.9,image/jpeg;q=0.8, */*;q=0.1"), 200),
        (Some("text/html, application/json ; q=0.5"), 200),
        (Some("application/json;q=0"), 200),
        (Some("text/html"), 406),
        (Some("text/*, image/*;q=0.3"), 406),
        (Some("application/cose"), 406),
        (Some(""), 406),
        (Some("nonsense"), 400),
        (Some("application/json, nonsense"), 400),
        (Some("*/*, /json"), 400),
        (Some("application/"), 400),
        (Some("text/html,,*/*"), 400),
        (Some("*/*;q=notnum"), 400),
    ] {
        let status = match check_with(accept, Response::json(Status::OK, &"x")) {
            Ok(response) => response.status,
            Err(reject) => reject.status,
        };
        assert_eq!(status.0, expected, "{accept:?}");
    }
}

#[test]
fn other_answers_pass() {
    for response in [
        Response::empty(Status::OK),
        Response::empty(Status::NO_CONTENT),
        Response::with_body(Status::OK, media::TEXT, b"x".to_vec()),
        Response::json(Status::ACCEPTED, &"x"),
    ] {
        assert_eq!(check_with(Some("image/png"), response.clone()), Ok(response));
    }
    let refusal = check_with(Some("text/html"), Response::json(Status::OK, &"x")).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::UnsupportedContentType);
    assert_eq!(
        refusal.message,
        "No supported content type in accept header: text/html\nOnly application/json is currently supported"
    );
}
