use super::{Answer, parse};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nx-ms-ccf-transaction-id: 2.17\r\n\r\ntrue";

#[test]
fn an_answer_and_its_parts() {
    let input = format!("{ANSWER}{ANSWER}");
    for from in [0, ANSWER.len()] {
        let answer = parse(input.as_bytes(), from).unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(&input[answer.body.clone()], "true");
        assert_eq!(&input[answer.transaction.unwrap()], "2.17");
        assert_eq!(answer.body.end, from + ANSWER.len());
    }
}

#[test]
fn every_cut_answer_is_waited_for() {
    for length in 0..ANSWER.len() {
        assert_eq!(parse(&ANSWER.as_bytes()[..length], 0).unwrap(), None, "{length}");
    }
}

#[test]
fn no_content_needs_no_length() {
    let answer = parse(b"HTTP/1.1 204 No Content\r\n\r\n", 0).unwrap();
    assert_eq!(answer, Some(Answer { status: 204, transaction: None, body: 27..27 }));
}

#[test]
fn hostile_answers_are_errors() {
    let cases = [
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    for case in cases {
        assert!(parse(case.as_bytes(), 0).is_err(), "{case}");
    }
}
