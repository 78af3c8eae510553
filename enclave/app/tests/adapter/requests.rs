//! Paths, methods, preferences and bodies.

use coco_app::{
    Endpoint, EndpointMode, ErrorCode, Forwarding as F, Freshness, Method, Mode, Reject, ReplyAt, Response,
    Status, Weight as W,
};
use coco_kv::Store;
use serde::Deserialize;

use crate::{adapter, body, decode, decode_at, endpoint, header, request};

#[test]
fn requests_find_their_endpoint_or_are_told_why_not() {
    let adapter = adapter([
        endpoint(Method::Get, "/log"),
        endpoint(Method::Post, "/log"),
        endpoint(Method::Delete, "/log/{id}"),
        endpoint(Method::Get, "/a/{x}"),
        endpoint(Method::Get, "/{y}/b"),
    ]);
    let cases = [
        ("GET /app/log", 200, "GET /log", None),
        ("GET /log?x=1", 200, "GET /log", None),
        ("POST /app/log", 200, "POST /log", None),
        ("DELETE /app/log/%20", 200, "DELETE /log/{id}", None),
        ("OPTIONS /app/log", 204, "", Some("OPTIONS, GET, POST")),
        ("OPTIONS /app/log/7", 204, "", Some("OPTIONS, DELETE")),
        (
            "PUT /app/log",
            405,
            "Allowed methods for '/log' are: OPTIONS, GET, POST.",
            Some("OPTIONS, GET, POST"),
        ),
        ("HEAD /app/log", 405, "UnsupportedHttpVerb", Some("OPTIONS, GET, POST")),
        ("GET /app/log/7", 405, "UnsupportedHttpVerb", Some("OPTIONS, DELETE")),
        ("GET /app/log/", 404, "Unknown path: /log/.", None),
        ("GET /app", 404, "Unknown path: /app.", None),
        ("GET /app/", 404, "Unknown path: /.", None),
        ("GET /application/log", 404, "Unknown path: /application/log.", None),
        ("GET /app//log", 404, "ResourceNotFound", None),
        ("GET /app/LOG", 404, "ResourceNotFound", None),
        ("OPTIONS /app/none", 404, "ResourceNotFound", None),
        ("GET /app/a/b", 500, "Ambiguous path /a/b: matches /a/{x}, /{y}/b", None),
    ];
    for (line, status, part, allow) in cases {
        match decode(&adapter, request(line, &[], b"")) {
            Ok(plan) => assert_eq!((200, &*plan.calls[0].route), (status, part), "{line}"),
            Err(response) => {
                assert_eq!(response.status.0, status, "{line}: {}", body(&response));
                assert!(body(&response).contains(part), "{line}: {}", body(&response));
                assert_eq!(header(&response, "allow"), allow, "{line}");
            }
        }
    }
}

#[test]
fn an_interface_may_offer_less() {
    let adapter = adapter([endpoint(Method::Get, "/log"), endpoint(Method::Get, "/log/{id}")]);
    let offers = |path: &str| path == "/app/log/{id}";
    for (line, status) in [("GET /app/log/1", 200), ("GET /app/log", 503), ("GET /app/none", 404)] {
        let decoded = decode_at(&adapter, request(line, &[], b""), &Store::new(), None, &offers);
        assert_eq!(decoded.map_or_else(|response| response.status.0, |_| 200), status, "{line}");
    }
}

#[test]
fn answers_come_when_the_client_or_the_endpoint_says() {
    let adapter = adapter([
        endpoint(Method::Post, "/now"),
        endpoint(Method::Post, "/late").at_commit(5_000),
        endpoint(Method::Post, "/choice").at_commit_if("late", 7_000),
    ]);
    let at_commit = |within_ms| ReplyAt::Commit { within_ms };
    let cases = [
        ("/now", None, ReplyAt::Execution),
        ("/now?late=true", None, ReplyAt::Execution),
        ("/now", Some("wait=3"), at_commit(3_000)),
        ("/now", Some("wait=0"), at_commit(0)),
        ("/now", Some("WAIT = \"3\""), at_commit(3_000)),
        ("/now", Some("respond-async, wait=10"), at_commit(10_000)),
        ("/now", Some("return=minimal; wait=2"), at_commit(2_000)),
        ("/now", Some("wait=61"), at_commit(60_000)),
        ("/now", Some("wait=18446744073709551615"), at_commit(60_000)),
        ("/now", Some("wait=18446744073709551616"), ReplyAt::Execution),
        ("/now", Some("wait"), ReplyAt::Execution),
        ("/now", Some("wait="), ReplyAt::Execution),
        ("/now", Some("wait=-1"), ReplyAt::Execution),
        ("/now", Some("wait=1.5"), ReplyAt::Execution),
        ("/now", Some("await=1"), ReplyAt::Execution),
        ("/now", Some(""), ReplyAt::Execution),
        ("/late", None, at_commit(5_000)),
        ("/late", Some("wait=1"), at_commit(1_000)),
        ("/late", Some("wait=x"), at_commit(5_000)),
        ("/choice", None, ReplyAt::Execution),
        ("/choice?late", None, ReplyAt::Execution),
        ("/choice?late=false", None, ReplyAt::Execution),
        ("/choice?late=true", None, at_commit(7_000)),
        ("/choice", Some("wait=1"), at_commit(1_000)),
    ];
    for (path, prefer, expected) in cases {
        let headers: Vec<_> = prefer.map(|value| ("Prefer", value)).into_iter().collect();
        let plan = decode(&adapter, request(&format!("POST /app{path}"), &headers, b"")).unwrap();
        assert_eq!(plan.reply_at, expected, "{path} {prefer:?}");
    }
}

#[test]
fn reads_are_as_fresh_as_the_client_prefers() {
    let adapter = adapter([
        endpoint(Method::Post, "/write"),
        Endpoint::read(Method::Get, "/read", &[], |_, _| Ok(Response::empty(Status::OK))),
        Endpoint::read(Method::Get, "/file", &[], |_, _| Ok(Response::empty(Status::OK)))
            .mode(EndpointMode::Host),
    ]);
    let linearizable = |within_ms| (Mode::QueryCommitted, Freshness::Linearizable { within_ms });
    let local = (Mode::Query, Freshness::Local);
    for (line, prefer, expected) in [
        ("GET /read", "consistency=linearizable", linearizable(3_000)),
        ("GET /read", "return=minimal, Consistency = \"Linearizable\"", linearizable(3_000)),
        ("GET /read", "wait=1, consistency=linearizable", linearizable(1_000)),
        ("GET /read", "consistency=linearizable; wait=999", linearizable(60_000)),
        ("GET /read", "consistency=eventual", local),
        ("GET /read", "consistency", local),
        ("GET /read", "linearizable", local),
        ("GET /read", "wait=5", local),
        ("GET /file", "consistency=linearizable", local),
        ("POST /write", "consistency=linearizable", (Mode::Execute, Freshness::Local)),
    ] {
        let plan = decode(&adapter, request(line, &[("Prefer", prefer)], b"")).unwrap();
        assert_eq!((plan.mode, plan.freshness), expected, "{line} {prefer}");
    }
}

#[test]
fn plans_are_as_the_endpoint_says() {
    let adapter = adapter([
        endpoint(Method::Post, "/write"),
        endpoint(Method::Get, "/heavy").heavy().forwarding(F::Never),
        Endpoint::read(Method::Get, "/read", &[], |_, _| Ok(Response::empty(Status::OK))),
    ]);
    for (line, mode, weight, forwarding) in [
        ("POST /write", Mode::Execute, W::Light, F::Always),
        ("GET /heavy", Mode::Execute, W::Heavy, F::Never),
        ("GET /read", Mode::Query, W::Light, F::Sometimes),
    ] {
        let plan = decode(&adapter, request(line, &[], b"")).unwrap();
        assert_eq!((plan.mode, plan.weight, plan.forwarding), (mode, weight, forwarding), "{line}");
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Input<'a> {
    id: u64,
    #[serde(borrow, default)]
    msg: std::borrow::Cow<'a, str>,
}

#[test]
fn bodies_are_json_objects() {
    let adapter = adapter([endpoint(Method::Post, "/log")]);
    let cases: [(&[u8], Option<u64>); 10] = [
        (b"{\"id\":1}", Some(1)),
        (b" \r\n\t{\"id\":1} ", Some(1)),
        (b"{\"id\":1,\"more\":{}}", Some(1)),
        (b"", None),
        (b"  ", None),
        (b"[1]", None),
        (b"1", None),
        (b"{\"id\":1}{}", None),
        (b"{\"id\":1", None),
        (b"{\"id\":1,\"msg\":\"\xff\"}", None),
    ];
    for (body, id) in cases {
        let plan = decode(&adapter, request("POST /log", &[], body)).unwrap();
        let read = plan.calls[0].json::<Input<'_>>();
        match (read, id) {
            (Ok(input), Some(id)) => assert_eq!(input.id, id),
            (Err(reject), None) => {
                assert_eq!((reject.status, reject.code), (Status::BAD_REQUEST, ErrorCode::InvalidInput));
            }
            (read, _) => panic!("{:?}: {read:?}", String::from_utf8_lossy(body)),
        }
    }
}

#[test]
fn bodies_are_bounded_arrays_of_json_objects() {
    let adapter = adapter([endpoint(Method::Post, "/log")]);
    let objects = |body: &[u8]| {
        let plan = decode(&adapter, request("POST /log", &[], body)).unwrap();
        let read = plan.calls[0].json_objects::<Input<'_>>(2);
        read.map(|inputs| inputs.iter().map(|input| input.id).collect::<Vec<_>>())
    };
    assert_eq!(objects(b"[{\"id\":1}]"), Ok(vec![1]));
    assert_eq!(objects(b" [{\"id\":1,\"a\":{}} , {\"msg\":\"\\n\",\"id\":1}] \n"), Ok(vec![1, 1]));
    let refused: [(&[u8], &str); 10] = [
        (b"[]", "invalid length 0, expected an array of 1 to 2 objects at line 1 column 2"),
        (
            b"[{\"id\":1},{\"id\":1},{\"id\":1}]",
            "invalid length 3, expected an array of 1 to 2 objects at line 1 column 28",
        ),
        (b"{\"id\":1}", "invalid type: map, expected an array of 1 to 2 objects at line 1 column 0"),
        (b"[[1,\"x\"]]", "invalid type: sequence, expected an object at line 1 column 1"),
        (b"[{\"id\":1},7]", "invalid type: integer `7`, expected an object at line 1 column 11"),
        (b"[{\"msg\":\"x\"}]", "missing field `id` at line 1 column 12"),
        (b"[{\"id\":1}][]", "trailing characters at line 1 column 11"),
        (b"[{\"id\":1}", "EOF while parsing a list at line 1 column 9"),
        (b"[{\"id\":1,\"msg\":\"\xff\"}]", "invalid unicode code point at line 1 column 17"),
        (b"", "EOF while parsing a value at line 1 column 0"),
    ];
    for (body, why) in refused {
        assert_eq!(objects(body), Err(Reject::invalid_input(why)), "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn numbers_in_queries_are_decimal_digits() {
    let cases = [
        ("?id=0", Some(Some(0))),
        ("?id=18446744073709551615", Some(Some(u64::MAX))),
        ("?id=%31", Some(Some(1))),
        ("?x&id=7&id=8", Some(Some(7))),
        ("", Some(None)),
        ("?ID=1", Some(None)),
        ("?id", None),
        ("?id=", None),
        ("?id=+1", None),
        ("?id=-1", None),
        ("?id=%201", None),
        ("?id=1e3", None),
        ("?id=18446744073709551616", None),
    ];
    for (query, expected) in cases {
        let request = request(&format!("GET /log{query}"), &[], b"");
        assert_eq!(request.optional_number("id").ok(), expected, "{query}");
        assert_eq!(request.number("id").ok(), expected.flatten(), "{query}");
    }
}

#[test]
fn path_parameters_are_decoded() {
    let adapter = adapter([endpoint(Method::Get, "/log/{id}")]);
    for (sent, expected) in
        [("a", Some("a")), ("%C3%A9", Some("é")), ("%2F", Some("/")), ("%f", None), ("%ff", None)]
    {
        let plan = decode(&adapter, request(&format!("GET /log/{sent}"), &[], b"")).unwrap();
        assert_eq!(plan.calls[0].parameter(0).ok().as_deref(), expected, "{sent}");
    }
}

#[test]
fn the_transaction_id_is_written_where_it_is_wanted() {
    #[derive(serde::Serialize)]
    struct Out {
        success: bool,
        tx_id: &'static str,
    }
    let mut response = Response::json_with_txid(Status::OK, &Out { success: true, tx_id: "" });
    response.write_txid();
    assert_eq!(body(&response), r#"{"success":true,"tx_id":""}"#);
    response.txid = Some("2.17".parse().unwrap());
    for _ in 0..2 {
        response.write_txid();
        assert_eq!(body(&response), r#"{"success":true,"tx_id":"2.17"}"#);
    }
}
