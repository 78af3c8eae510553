//! Writing, reading, counting and removing records; conditions and hostile requests.

use coco_app::ReplyAt;
use coco_crypto::hash::sha256;

use crate::{check, header, service::Service};

/// Requests of a user in their order, with status and body.
const STEPS: &[(&str, &str, u16, &str)] = &[
    ("GET /app/log/private?id=1", "", 404, "No such record: 1."),
    ("POST /app/log/private", r#"{"id":1,"msg":"one"}"#, 200, "=true"),
    ("GET /app/log/private?id=1", "", 200, r#"={"msg":"one"}"#),
    ("GET /log/private?id=1", "", 200, r#"={"msg":"one"}"#),
    ("GET /app/log/private/backup?id=1", "", 200, r#"={"msg":"one"}"#),
    ("GET /app/log/public?id=1", "", 404, "ResourceNotFound"),
    ("GET /app/log/private?id=1&scope=a", "", 404, "No such record"),
    ("POST /app/log/private?scope=a", r#" {"id":1,"msg":"A","other":[{}]}"#, 200, "=true"),
    ("GET /app/log/private?id=1&scope=a", "", 200, r#"={"msg":"A"}"#),
    ("POST /app/log/private", r#"{"msg":"n\"\u00e9\n","id":18446744073709551615}"#, 200, "=true"),
    ("GET /app/log/private?id=18446744073709551615", "", 200, "={\"msg\":\"n\\\"é\\n\"}"),
    ("GET /app/log/private/count", "", 200, "=2"),
    ("GET /app/log/private/count?scope=a", "", 200, "=1"),
    ("DELETE /app/log/private?id=1", "", 200, "=true"),
    ("DELETE /app/log/private?id=1", "", 200, "=false"),
    ("GET /app/log/private?id=1", "", 404, "No such record"),
    ("DELETE /app/log/private/all", "", 200, "=true"),
    ("GET /app/log/private/count", "", 200, "=0"),
    ("GET /app/log/private/count?scope=a", "", 200, "=1"),
    ("POST /app/log/blocking/private", r#"{"id":2,"msg":"b"}"#, 200, "=true"),
    ("POST /app/log/private/optional_commit", r#"{"id":3,"msg":"c"}"#, 200, "=true"),
    ("POST /app/log/private/anonymous", r#"{"id":4,"msg":"d"}"#, 200, "=true"),
    ("GET /app/log/private?id=4", "", 200, r#"={"msg":"Anonymous: d"}"#),
    ("POST /app/log/public", r#"{"id":1,"msg":"open","record_claim":true}"#, 200, "=true"),
    ("GET /app/log/public?id=1", "", 200, r#"={"msg":"open"}"#),
    ("GET /app/log/public/backup?id=1", "", 200, r#"={"msg":"open"}"#),
    ("GET /app/log/public/count", "", 200, "=1"),
    ("POST /app/log/public?scope=%20x", r#"{"id":1,"msg":"s"}"#, 200, "=true"),
    ("GET /app/log/public/count?scope=%20x", "", 200, "=1"),
    ("DELETE /app/log/public/all", "", 200, "=true"),
    ("GET /app/log/public/count", "", 200, "=0"),
];

#[test]
fn records_are_written_read_and_removed() {
    let mut service = Service::new();
    for (line, body, status, part) in STEPS {
        let response = service.user(line, &[], body.as_bytes());
        check(line, &response, *status, part);
    }
}

/// Requests of a user that are refused: line, body, status, and what the answer says.
const HOSTILE: &[(&str, &str, u16, &str)] = &[
    ("POST /app/log/private", "", 400, "InvalidInput"),
    ("POST /app/log/private", "{", 400, "InvalidInput"),
    ("POST /app/log/private", "[1,\"x\"]", 400, "not a JSON object"),
    ("POST /app/log/private", "null", 400, "not a JSON object"),
    ("POST /app/log/private", r#"{"id":1,"msg":"x"} {}"#, 400, "trailing"),
    ("POST /app/log/private", r#"{"id":1}"#, 400, "missing field `msg`"),
    ("POST /app/log/private", r#"{"msg":"x"}"#, 400, "missing field `id`"),
    ("POST /app/log/private", r#"{"id":1,"msg":""}"#, 400, "Cannot record an empty log message."),
    ("POST /app/log/private", r#"{"id":-1,"msg":"x"}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":1.5,"msg":"x"}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":"1","msg":"x"}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":18446744073709551616,"msg":"x"}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":1,"msg":7}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":1,"msg":"x","record_claim":1}"#, 400, "InvalidInput"),
    ("POST /app/log/private", r#"{"id":1,"id":2,"msg":"x"}"#, 400, "duplicate"),
    ("POST /app/log/private", r#"{"id":1,"msg":"\ud800"}"#, 400, "InvalidInput"),
    ("GET /app/log/private", "", 400, "Missing query parameter 'id'"),
    ("GET /app/log/private?id=", "", 400, "Unable to parse value '' in parameter 'id'"),
    ("GET /app/log/private?id=+1", "", 400, "Unable to parse value"),
    ("GET /app/log/private?id=1x", "", 400, "InvalidQueryParameterValue"),
    ("GET /app/log/private?id=18446744073709551616", "", 400, "Unable to parse"),
    ("DELETE /app/log/public", "", 400, "Missing query parameter 'id'"),
    ("POST /app/log/private/admin_only", r#"{"id":1,"msg":"x"}"#, 403, "Only admins may access"),
    ("POST /app/log/private/raw_text/1", "x", 415, "Expected content-type 'text/plain'. Got ''."),
    ("PUT /app/log/private", "", 405, "UnsupportedHttpVerb"),
    ("GET /app/log/nothing", "", 404, "Unknown path: /log/nothing."),
    ("POST /app/log/private/raw_text/", "x", 404, "Unknown path"),
];

#[test]
fn hostile_requests_are_refused_and_write_nothing() {
    let mut service = Service::new();
    let before = service.latest();
    for (line, body, status, part) in HOSTILE {
        let response = service.user(line, &[], body.as_bytes());
        check(&format!("{line} {body}"), &response, *status, part);
    }
    for bytes in [b"{\"id\":1,\"msg\":\"\xff\"}".as_slice(), b"\xef\xbb\xbf{}", &[b'['; 100_000]] {
        check("bytes", &service.user("POST /app/log/private", &[], bytes), 400, "InvalidInput");
    }
    for line in ["POST /app/log/private", "GET /app/log/public?id=1", "POST /app/log/private/prefix_cert"] {
        check(line, &service.anonymous(line, &[], b"{}"), 401, "InvalidAuthenticationInfo");
    }
    assert_eq!(service.latest(), before);
}

/// Batches of a user in their order, with status and body; then what a record holds.
const BATCHES: &[(&str, u16, &str, &str)] = &[
    (r#"[{"id":1,"msg":"one"}]"#, 200, "=true", r#"={"msg":"one"}"#),
    (
        r#" [ {"msg":"two","id":1}, {"id":2,"msg":"\u00e9","other":[{}]} ] "#,
        200,
        "=true",
        r#"={"msg":"two"}"#,
    ),
    (r#"[{"id":1,"msg":"a"},{"id":3,"msg":"b"},{"id":1,"msg":"c"}]"#, 200, "=true", r#"={"msg":"c"}"#),
    (
        r#"[{"id":1,"msg":"d"},{"id":4,"msg":""}]"#,
        400,
        "Cannot record an empty log message.",
        r#"={"msg":"c"}"#,
    ),
    (r#"[{"id":1,"msg":"d"},{"id":4}]"#, 400, "missing field `msg`", r#"={"msg":"c"}"#),
    (r#"[{"id":1,"msg":"d"},{"id":-4,"msg":"e"}]"#, 400, "invalid value: integer `-4`", r#"={"msg":"c"}"#),
    (r#"[{"id":1,"id":2,"msg":"d"}]"#, 400, "duplicate field `id`", r#"={"msg":"c"}"#),
    (r#"[{"id":1,"msg":"d"}] []"#, 400, "trailing characters", r#"={"msg":"c"}"#),
    (r#"[{"id":1,"msg":"d"},]"#, 400, "trailing comma", r#"={"msg":"c"}"#),
    (r#"[{"id":1,"msg":"d"}"#, 400, "EOF while parsing a list", r#"={"msg":"c"}"#),
    (r#"[[1,"d"]]"#, 400, "invalid type: sequence, expected an object", r#"={"msg":"c"}"#),
    ("[null]", 400, "invalid type: null, expected an object", r#"={"msg":"c"}"#),
    ("", 400, "EOF while parsing a value", r#"={"msg":"c"}"#),
];

#[test]
fn a_batch_is_written_in_one_transaction_or_not_at_all() {
    let mut service = Service::new();
    for (body, status, part, record) in BATCHES {
        let before = service.latest();
        let response = service.user("POST /app/log/private/batch", &[], body.as_bytes());
        check(body, &response, *status, part);
        assert_eq!(service.latest() - before, u64::from(*status == 200), "{body}");
        check(body, &service.user("GET /app/log/private?id=1", &[], b""), 200, record);
    }
    check("all", &service.user("GET /app/log/private/count", &[], b""), 200, "=3");
    check(
        "scope",
        &service.user("POST /app/log/private/batch?scope=a", &[], BATCHES[2].0.as_bytes()),
        200,
        "=true",
    );
    check("scope", &service.user("GET /app/log/private/count?scope=a", &[], b""), 200, "=2");
    check(
        "anonymous",
        &service.anonymous("POST /app/log/private/batch", &[], b"[]"),
        401,
        "InvalidAuthentication",
    );
}

#[test]
fn a_batch_has_one_to_a_thousand_records() {
    let refusal = |found: &str| {
        let message = format!("invalid {found}, expected an array of 1 to 1000 objects at line 1 column");
        format!(r#"{{"error":{{"code":"InvalidInput","message":"{message}"#)
    };
    let batch = |length: usize| {
        let records: Vec<String> = (0..length).map(|id| format!(r#"{{"id":{id},"msg":"x"}}"#)).collect();
        format!("[{}]", records.join(","))
    };
    let mut service = Service::new();
    for (case, body, status, expected) in [
        ("none", batch(0), 400, refusal("length 0")),
        ("most", batch(1_000), 200, "=true".to_owned()),
        ("one more", batch(1_001), 400, refusal("length 1001")),
        ("many", batch(50_000), 400, refusal("length 1001")),
        ("no array", r#"{"id":1,"msg":"x"}"#.to_owned(), 400, refusal("type: map")),
        ("null", "null".to_owned(), 400, refusal("type: null")),
    ] {
        let before = service.latest();
        let response = service.user("POST /app/log/private/batch", &[], body.as_bytes());
        check(case, &response, status, &expected);
        assert_eq!(service.latest() - before, u64::from(status == 200), "{case}");
    }
    check("all", &service.user("GET /app/log/private/count", &[], b""), 200, "=1000");
}

#[test]
fn raw_text_is_stored_as_it_is() {
    let mut service = Service::new();
    let text = [("content-type", "text/plain")];
    let cases: [(&str, &[u8], u16, &str); 5] = [
        ("7", b"not JSON", 200, "="),
        ("8", b"", 200, "="),
        ("+7", b"x", 400, "InvalidResourceName"),
        ("%zz", b"x", 400, "InvalidResourceName"),
        ("9", b"\xff", 400, "not UTF-8"),
    ];
    for (id, body, status, part) in cases {
        let line = format!("POST /app/log/private/raw_text/{id}");
        check(id, &service.user(&line, &text, body), status, part);
    }
    check("read", &service.user("GET /app/log/private?id=7", &[], b""), 200, r#"={"msg":"not JSON"}"#);
    let html = [("content-type", "text/html")];
    check("html", &service.user("POST /app/log/private/raw_text/1", &html, b"x"), 415, "Got 'text/html'.");
}

#[test]
fn an_answer_may_name_its_transaction_and_a_failed_one_may_keep_its_writes() {
    let mut service = Service::new();
    let next = service.latest() + 1;
    let line = "POST /app/log/private/anonymous/v2";
    let written = service.anonymous(line, &[], br#"{"id":100,"msg":"hello"}"#);
    check("v2", &written, 200, &format!(r#"={{"success":true,"tx_id":"2.{next}"}}"#));
    let failed = service.anonymous(&format!("{line}?fail=true"), &[], br#"{"id":101,"msg":"world"}"#);
    let error = r#"={"error":{"code":"InternalError","message":"Failed to execute local commit handler func: didn't set user_data!"}}"#;
    check("v2 fails", &failed, 500, error);
    assert_eq!(failed.txid.unwrap().seqno.0, next + 1);
    check("kept", &service.user("GET /app/log/private?id=101", &[], b""), 200, "world");
}

#[test]
fn clients_choose_when_writes_are_answered() {
    let service = Service::new();
    let at_commit = ReplyAt::Commit { within_ms: 60_000 };
    for (line, expected) in [
        ("POST /app/log/private", ReplyAt::Execution),
        ("POST /app/log/private?wait_for_commit=true", ReplyAt::Execution),
        ("POST /app/log/blocking/private", at_commit),
        ("POST /app/log/private/optional_commit", ReplyAt::Execution),
        ("POST /app/log/private/optional_commit?wait_for_commit=false", ReplyAt::Execution),
        ("POST /app/log/private/optional_commit?wait_for_commit=true", at_commit),
    ] {
        let plan = service.decode(Some(&service.user.certificate), line, &[], b"{}").unwrap();
        assert_eq!(plan.reply_at, expected, "{line}");
    }
}

/// A method on a record, a condition, and the status where `=` in the condition stands for the record's tag.
const CONDITIONS: &[(&str, &str, &str, u16)] = &[
    ("GET", "if-match", "*", 200),
    ("GET", "if-match", "\"abc\"", 412),
    ("GET", "if-match", "\"=\"", 200),
    ("GET", "if-match", "\"=\", \"abc\"", 200),
    ("GET", "if-none-match", "*", 304),
    ("GET", "if-none-match", "\"=\"", 304),
    ("GET", "if-none-match", "\"abc\"", 200),
    ("POST", "if-match", "*", 200),
    ("POST", "if-match", "\"abc\"", 412),
    ("POST", "if-match", "\"abc\",\"=\"", 200),
    ("POST", "if-match", "\"abc\", \"def\"", 412),
    ("POST", "if-none-match", "*", 412),
    ("POST", "if-none-match", "\"=\"", 412),
    ("POST", "if-none-match", "\"abc\"", 200),
    ("DELETE", "if-match", "\"abc\"", 412),
    ("DELETE", "if-match", "\"=\"", 200),
    ("DELETE", "if-none-match", "*", 304),
    ("DELETE", "if-none-match", "\"=\"", 304),
    ("DELETE", "if-none-match", "\"abc\"", 200),
    ("GET", "if-match", "", 400),
    ("GET", "if-match", "=", 400),
    ("GET", "if-match", "W/\"=\"", 400),
    ("GET", "if-match", "\"\"", 400),
    ("GET", "if-match", "\"ABC\"", 400),
    ("GET", "if-match", "\"abc", 400),
    ("POST", "if-match", "\"abc\" x", 400),
    ("DELETE", "if-none-match", "*, \"abc\"", 400),
];

#[test]
fn conditions_are_about_the_current_record() {
    let body = br#"{"id":1,"msg":"hello world"}"#;
    let tag = sha256(b"hello world").to_hex();
    let mut service = Service::new();
    for (method, name, value, status) in CONDITIONS {
        let written = service.user("POST /app/log/public", &[], body);
        assert_eq!(header(&written, "etag"), Some(tag.as_str()));
        let value = value.replace('=', &tag);
        let line = format!("{method} /app/log/public?id=1");
        let case = format!("{line} {name}: {value}");
        let before = service.latest();
        let response = service.user(&line, &[(name, &value)], if *method == "POST" { body } else { b"" });
        check(&case, &response, *status, if *status == 412 { "Resource has changed." } else { "" });
        assert_eq!(service.latest() > before, *status == 200 && *method != "GET", "{case}");
        let tagged = *status == 200 && *method != "DELETE";
        assert_eq!(header(&response, "etag"), tagged.then_some(tag.as_str()), "{case}");
    }
    let both = [("if-match", "*"), ("if-none-match", "*")];
    for method in ["GET", "POST", "DELETE"] {
        let line = format!("{method} /app/log/public?id=1");
        check(&line, &service.user(&line, &both, body), 400, "Cannot have both If-Match");
    }
}

#[test]
fn conditions_hold_where_there_is_no_record() {
    let mut service = Service::new();
    for (method, status) in [("GET", 404), ("DELETE", 200), ("POST", 200)] {
        for (name, value) in [("if-match", "\"abc\""), ("if-match", "*"), ("if-none-match", "*")] {
            let line = format!("{method} /app/log/public?id=5");
            let response = service.user(&line, &[(name, value)], br#"{"id":5,"msg":"x"}"#);
            check(&format!("{line} {name}: {value}"), &response, status, "");
            service.user("DELETE /app/log/public?id=5", &[], b"");
        }
    }
}
