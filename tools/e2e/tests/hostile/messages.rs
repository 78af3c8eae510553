//! What is well signed and well framed, but makes no sense.

use crate::{Case, Expected, Who, json_request, request};

const INPUT: Expected = (400, "InvalidInput");
const QUERY: Expected = (400, "InvalidQueryParameterValue");
const HEADER: Expected = (400, "InvalidHeaderValue");
const UNKNOWN: Expected = (404, "ResourceNotFound");

/// Name, method and target, header fields, what is answered.
type Query = (&'static str, &'static str, &'static [(&'static str, &'static str)], Expected);

pub(crate) fn cases() -> Vec<Case> {
    [bodies(), queries(), paths()].concat()
}

fn bodies() -> Vec<Case> {
    let deep = "[".repeat(100_000);
    let deep_inside = format!(r#"{{"id":7,"msg":"x","more":{}"#, "{\"a\":".repeat(100_000));
    let table = [
        ("no JSON", "nonsense", INPUT),
        ("empty body", "", INPUT),
        ("JSON array", "[]", INPUT),
        ("JSON null", "null", INPUT),
        ("unfinished JSON", r#"{"id":7,"msg":"x""#, INPUT),
        ("more than JSON", r#"{"id":7,"msg":"x"}{"#, INPUT),
        ("no id", r#"{"msg":"x"}"#, INPUT),
        ("no message", r#"{"id":7}"#, INPUT),
        ("id that is text", r#"{"id":"7","msg":"x"}"#, INPUT),
        ("negative id", r#"{"id":-7,"msg":"x"}"#, INPUT),
        ("fraction for an id", r#"{"id":7.5,"msg":"x"}"#, INPUT),
        ("id over 64 bits", r#"{"id":18446744073709551616,"msg":"x"}"#, INPUT),
        ("message that is a number", r#"{"id":7,"msg":7}"#, INPUT),
        ("empty message", r#"{"id":7,"msg":""}"#, INPUT),
        ("id twice", r#"{"id":7,"id":8,"msg":"x"}"#, INPUT),
        ("half a surrogate pair", r#"{"id":7,"msg":"\ud800"}"#, INPUT),
        ("control character in a string", "{\"id\":7,\"msg\":\"\u{1}\"}", INPUT),
        ("claim that is no truth value", r#"{"id":7,"msg":"x","record_claim":"yes"}"#, INPUT),
        ("deep JSON", &deep, INPUT),
        ("deep JSON in an unknown field", &deep_inside, INPUT),
    ];
    let post = |(name, body, expected): (_, &str, _)| Case {
        name,
        who: Who::User,
        bytes: json_request("POST /app/log/private", body),
        expected,
    };
    let mut cases: Vec<Case> = table.into_iter().map(post).collect();
    let json = &[("content-type", "application/json")][..];
    let raw = "POST /app/log/private/raw_text";
    let more = [
        (
            "bytes that are no text",
            request("POST /app/log/private", json, b"{\"id\":7,\"msg\":\"\xff\"}"),
            INPUT,
        ),
        ("text under another type", request(&format!("{raw}/7"), json, b"x"), (415, "InvalidHeaderValue")),
        (
            "text that is none",
            request(&format!("{raw}/7"), &[("content-type", "text/plain")], b"\xff\xfe"),
            INPUT,
        ),
        (
            "id in the path that is no number",
            request(&format!("{raw}/seven"), &[("content-type", "text/plain")], b"x"),
            (400, "InvalidResourceName"),
        ),
        (
            "path parameter with broken encoding",
            request(&format!("{raw}/%zz"), &[("content-type", "text/plain")], b"x"),
            (400, "InvalidResourceName"),
        ),
    ];
    cases.extend(more.map(|(name, bytes, expected)| Case { name, who: Who::User, bytes, expected }));
    cases
}

fn queries() -> Vec<Case> {
    let missing = (404, "TransactionPendingOrUnknown");
    let table: [Query; 16] = [
        ("no id", "GET /app/log/private", &[], QUERY),
        ("id that is no number", "GET /app/log/private?id=abc", &[], QUERY),
        ("id with a sign", "GET /app/log/private?id=%2B1", &[], QUERY),
        ("negative id", "GET /app/log/private?id=-1", &[], QUERY),
        ("id over 64 bits", "GET /app/log/private?id=18446744073709551616", &[], QUERY),
        ("removal without id", "DELETE /app/log/private", &[], QUERY),
        ("nothing under the id", "GET /app/log/private?id=999", &[], UNKNOWN),
        ("transaction that is none", "GET /app/tx?transaction_id=two", &[], QUERY),
        ("transaction of zeros", "GET /app/tx?transaction_id=0.0", &[], QUERY),
        ("receipt of nothing", "GET /app/receipt", &[], QUERY),
        ("receipt of the future", "GET /app/receipt?transaction_id=2.999999", &[], missing),
        ("receipt of another view", "GET /app/receipt?transaction_id=1.2", &[], (404, "TransactionInvalid")),
        ("history of a view that was not", "GET /node/commit?view_history_since=99", &[], (404, QUERY.1)),
        (
            "condition that does not hold",
            "POST /app/log/public",
            &[("if-match", "\"0123abcd\""), ("content-type", "application/json")],
            (412, "PreconditionFailed"),
        ),
        (
            "condition that is none",
            "POST /app/log/public",
            &[("if-match", "other"), ("content-type", "application/json")],
            HEADER,
        ),
        (
            "historical read without transaction",
            "GET /app/log/private/historical?id=1",
            &[],
            (400, "MissingRequiredHeader"),
        ),
    ];
    let case = |(name, line, headers, expected): Query| {
        let body: &[u8] = if line.starts_with("POST") { br#"{"id":1,"msg":"x"}"# } else { b"" };
        Case { name, who: Who::User, bytes: request(line, headers, body), expected }
    };
    table.into_iter().map(case).collect()
}

fn paths() -> Vec<Case> {
    let verb = (405, "UnsupportedHttpVerb");
    let table = [
        ("path that is not there", "POST /app/log/nothing", UNKNOWN),
        ("root", "GET /", UNKNOWN),
        ("path in capitals", "POST /APP/log/private", UNKNOWN),
        ("path with dots", "POST /app/../app/log/private", UNKNOWN),
        ("path with encoded dots", "POST /app/%2e%2e/app/log/private", UNKNOWN),
        ("path with an encoded slash", "POST /app/log%2Fprivate", UNKNOWN),
        ("path with two slashes", "POST /app//log/private", UNKNOWN),
        ("path with a slash at the end", "POST /app/log/private/", UNKNOWN),
        ("path that goes on", "POST /app/log/private/more/and/more", UNKNOWN),
        ("method that the path does not take", "PUT /app/log/private", verb),
        ("removal of the state", "DELETE /node/state", verb),
        ("write to a read", "POST /app/log/private/count", verb),
    ];
    let case = |(name, line, expected)| Case {
        name,
        who: Who::User,
        bytes: json_request(line, r#"{"id":7,"msg":"x"}"#),
        expected,
    };
    table.into_iter().map(case).collect()
}
