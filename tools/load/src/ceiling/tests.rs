use super::{ANSWER, LARGEST_BODY, LARGEST_HEAD, request_length};

#[test]
fn the_answer_has_20_bytes_of_body() {
    let text = std::str::from_utf8(ANSWER).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with("content-length: 20"));
    assert_eq!(body.len(), 20);
}

#[test]
fn the_end_of_a_request() {
    let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nContent-LENGTH:  3\r\nhost: a\r\n\r\nabc";
    for request in [get, post] {
        for length in 0..request.len() {
            assert_eq!(request_length(&request.as_bytes()[..length]).unwrap(), None, "{length} of {request}");
        }
        let two = format!("{request}{get}");
        assert_eq!(request_length(two.as_bytes()).unwrap(), Some(request.len()));
    }
}

#[test]
fn too_large_or_ill_is_refused() {
    let cases = [
        format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", LARGEST_BODY + 1),
        "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n".to_owned(),
        "x".repeat(LARGEST_HEAD + 1),
    ];
    for case in cases {
        assert!(request_length(case.as_bytes()).is_err(), "{case:.60}");
    }
}
