//! Targets, headers and percent-encoding.

use super::*;

#[test]
fn targets_split_at_the_first_question_mark() {
    for (target, path, query) in [("/a", "/a", ""), ("/a?", "/a", ""), ("/a?b=c?d", "/a", "b=c?d")] {
        let request = Request::new(Method::Get, target.into(), Headers::default(), Bytes::new());
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

#[test]
fn parameters_are_decoded_or_refused() {
    let request = Request::new(
        Method::Get,
        "/x?id=1&name=%C3%A9&flag&bad=%zz&id=2".into(),
        Headers::default(),
        Bytes::new(),
    );
    for (name, value) in
        [("id", Some("1")), ("name", Some("é")), ("flag", Some("")), ("bad", None), ("none", None)]
    {
        assert_eq!(request.parameter(name).as_deref(), value, "{name}");
    }
}

#[test]
fn headers_are_found_in_any_case() {
    let headers = Headers::from_pairs([
        (b"Content-Type".as_slice(), b"a".as_slice()),
        (b"content-type", b"b"),
        (b"x", b"\xff"),
    ]);
    assert_eq!(headers.text("CONTENT-TYPE"), Some("a"));
    assert_eq!(headers.get("x"), Some(b"\xff".as_slice()));
    assert_eq!(headers.text("x"), None);
    assert_eq!(headers.get("y"), None);
}
