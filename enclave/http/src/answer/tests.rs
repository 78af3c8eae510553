use coco_app::Response;

use super::*;

#[test]
fn responses_that_would_break_the_stream_are_replaced() {
    let cases: [(&str, u16, &'static str, &'static str, bool); 12] = [
        ("plain", 200, "x-a", "b", true),
        ("tab and high bytes", 200, "x-a", "b\té", true),
        ("empty value", 200, "x-a", "", true),
        ("interim status", 101, "x-a", "b", false),
        ("status of no class", 600, "x-a", "b", false),
        ("status zero", 0, "x-a", "b", false),
        ("empty name", 200, "", "b", false),
        ("space in name", 200, "x a", "b", false),
        ("colon in name", 200, "x:a", "b", false),
        ("line end in value", 200, "x-a", "b\r\nset-cookie: c", false),
        ("line feed in value", 200, "x-a", "b\nc", false),
        ("NUL in value", 200, "x-a", "b\0", false),
    ];
    for (name, status, field, value, kept) in cases {
        let response = Response::empty(Status(status)).header(field, value);
        let sent = sound(response.clone());
        assert_eq!(sent == response, kept, "{name}");
        assert!(kept || sent.status == Status::INTERNAL_SERVER_ERROR, "{name}");
    }
    let many = (0..=MAX_FIELDS).fold(Response::empty(Status::OK), |response, _| response.header("x-a", "b"));
    assert_eq!(sound(many).status, Status::INTERNAL_SERVER_ERROR);
}

#[test]
fn fields_of_the_connection_are_ours() {
    let response = Response { txid: Some(coco_wire::TxId::default()), ..Response::empty(Status::OK) }
        .header("Content-Length", "7")
        .header("transfer-encoding", "chunked")
        .header("connection", "close")
        .header("x-ms-ccf-transaction-id", "1.1")
        .header("x-a", "b");
    assert_eq!(fields(&response).collect::<Vec<_>>(), [("x-a", "b")]);
    assert_eq!(content_length(&response, false).as_deref(), Some("0"));
    assert_eq!(content_length(&response, true).as_deref(), Some("7"));
    assert_eq!(content_length(&Response::empty(Status::NO_CONTENT), false), None);
    assert_eq!(content_length(&Response::empty(Status::NOT_MODIFIED), true), None);
}
