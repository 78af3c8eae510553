//! Request and response objects.

use coco_crypto::{
    Certificate, Curve, EcKey,
    x509::{Name, UnixTime, Validity, issue_participant},
};

use super::*;

#[test]
fn the_request_object_tells_what_was_asked() {
    let (get, post) = ("GET /app/f/a%20b?x=1&y=2", "POST /app/f/7");
    for (body, line, sent, expected) in [
        ("return { body: request.params.id }", get, "", "200 a%20b"),
        ("return { body: request.query }", get, "", "200 x=1&y=2"),
        ("return { body: request.url }", get, "", "200 /app/f/a%20b?x=1&y=2"),
        ("return { body: request.path + request.route }", get, "", "200 /app/f/a%20b/app/f/{id}"),
        ("return { body: request.method }", post, "", "200 POST"),
        ("return { body: request.hostname }", post, "", "200 null"),
        ("return { body: request.body.text() }", post, "hé", "200 hé"),
        ("return { body: request.body.json().a[1] }", post, "{\"a\":[1,2]}", "200 2"),
        ("return { body: request.body.arrayBuffer().byteLength }", post, "12345", "200 5"),
        ("return { body: request.caller.policy }", get, "", "200 no_auth"),
        ("const { text } = request.body; return { body: text() }", post, "x", "200 x"),
        (
            "request.body = 1; request.extra = 2; return { body: request.body + request.extra }",
            post,
            "x",
            "200 3",
        ),
        (
            "return { body: Object.keys(request).join() }",
            get,
            "",
            "200 headers,query,path,method,hostname,route,url,params,body,caller",
        ),
        ("return { body: JSON.parse(JSON.stringify(request)).url }", get, "", "200 /app/f/a%20b?x=1&y=2"),
        ("return { body: Object.getPrototypeOf(request) === Object.prototype }", get, "", "200 true"),
        ("return { body: { ...request }.method }", get, "", "200 GET"),
        (
            "return { body: request }",
            get,
            "",
            "200 {\"headers\":{},\"query\":\"x=1&y=2\",\"path\":\"/app/f/a%20b\",\"method\":\"GET\",\"hostname\":null,\
             \"route\":\"/app/f/{id}\",\"url\":\"/app/f/a%20b?x=1&y=2\",\"params\":{\"id\":\"a%20b\"},\"body\":{},\
             \"caller\":{\"policy\":\"no_auth\"}}",
        ),
        ("const b = new ArrayBuffer(4); b.transfer(); return { body: b }", get, "", "200 {}"),
        ("request.headers = 1; return { body: { ...request }.headers }", get, "", "200 1"),
        (
            "try { return { body: Object.create(request).caller } } catch (e) { return { body: e.message } }",
            get,
            "",
            "200 The request is over",
        ),
        (
            "try { request.body.json(1) } catch (e) { return { body: e.message } }",
            post,
            "",
            "200 Passed 1 arguments, but expected none",
        ),
        ("return { body: request.body.json() }", post, "{", "500 Exception thrown while executing."),
    ] {
        check(body, line, sent, expected);
    }
}

#[test]
fn randomness_comes_in_bytes() {
    let random = "const caught = (f) => { try { f() } catch (e) { return `${e.name}: ${e.message}` } };
        const text = (count) => new Uint8Array(ccf.random(count)).join();
        return { body: [text(16) !== text(16), text(0), ccf.random('65536').byteLength, ccf.random(2.5).byteLength,
            caught(() => ccf.random(65537)), caught(() => ccf.random(-1)), caught(() => ccf.random())] }";
    let range = "\"RangeError: Argument must be from 0 to 65536\"";
    let expected =
        format!("200 [true,\"\",65536,2,{range},{range},\"TypeError: Passed 0 arguments, but expected 1\"]");
    check(random, "GET /app/f/x", "", &expected);
}

#[test]
fn headers_have_names_in_lower_case() {
    let module = "export function f(request) { return { body: request.headers } }";
    let mut node = Node::new(module, &[("GET", "/f", "f", json!({}))]);
    let sent = [("Content-Type", "a/b"), ("X-Two", "1"), ("x-two", "2"), ("__proto__", "x")];
    let answer = node.ask_as(None, "GET /app/f", &sent, "");
    assert_eq!(answer.summary(), "200 {\"content-type\":\"a/b\",\"x-two\":\"1\"}");
}

#[test]
fn the_response_object_becomes_the_answer() {
    let invalid = "500 Invalid endpoint function return value";
    for (returned, media_type, expected) in [
        ("{}", None, "200 ".to_owned()),
        ("{ statusCode: 204 }", None, "204 ".into()),
        ("{ statusCode: JSON.parse('201') }", None, "201 ".into()),
        ("{ statusCode: null, body: 'a' }", Some("text/plain"), "200 a".into()),
        ("{ body: '' }", Some("text/plain"), "200 ".into()),
        ("{ body: { a: [1, null, 'x'] } }", Some("application/json"), "200 {\"a\":[1,null,\"x\"]}".into()),
        ("{ body: null }", Some("application/json"), "200 null".into()),
        ("{ body: 1.5 }", Some("application/json"), "200 1.5".into()),
        ("{ body: () => 1 }", Some("application/json"), "200 undefined".into()),
        ("{ body: ccf.strToBuf('b') }", Some("application/octet-stream"), "200 b".into()),
        (
            "{ body: new Uint8Array(ccf.strToBuf('abcd')).subarray(1, 3) }",
            Some("application/octet-stream"),
            "200 bc".into(),
        ),
        ("{ body: 'x', headers: { 'Content-Type': 'a/b' } }", Some("a/b"), "200 x".into()),
        ("{ body: 'x', headers: { 'content-length': 9, 'x-y': 1 } }", Some("text/plain"), "200 x".into()),
        ("1", None, format!("{invalid} (not an object).")),
        ("undefined", None, format!("{invalid} (not an object).")),
        ("{ statusCode: '200' }", None, format!("{invalid} (status code type).")),
        ("{ statusCode: 200.5 }", None, format!("{invalid} (status code type).")),
        ("{ statusCode: 101 }", None, format!("{invalid} (status code type).")),
        ("{ headers: { 'a b': 'x' } }", None, format!("{invalid} (header type).")),
        ("{ headers: { 'a': 'x\\r\\nb: y' } }", None, format!("{invalid} (header value type).")),
        ("{ headers: { 'a': Symbol() } }", None, format!("{invalid} (header value type).")),
        ("{ body: 1n }", None, format!("{invalid} (error during JSON conversion of body).")),
        ("{ get body() { throw 1 } }", None, "500 Exception thrown while executing.".into()),
        ("(() => { throw new Error('x') })()", None, "500 Exception thrown while executing.".into()),
    ] {
        let module = format!("export const f = (request) => ({returned});");
        let answer = Node::new(&module, &[("GET", "/f", "f", json!({}))]).ask("GET /app/f", "");
        assert_eq!(answer.summary(), expected, "{returned}");
        if let Some(media_type) = media_type {
            assert_eq!(answer.header("content-type"), Some(media_type), "{returned}");
        }
        assert_eq!(answer.header("content-length"), None, "{returned}");
    }
}

#[test]
fn functions_that_cannot_be_had_are_named() {
    for (module, function, expected) in [
        ("export const g = 1;", "f", "500 Failed to find export 'f' in module '/app.js'"),
        ("export const f = 1;", "f", "500 Export 'f' of module '/app.js' is not a function"),
        ("throw new Error('no');", "f", "500 Failed to execute /app.js: Error: no"),
        ("export default () => ({ body: 'd' });", "default", "200 d"),
        (
            "await 1; export const f = () => ({});",
            "f",
            "500 Failed to execute /app.js: TypeError: await at the top level of a module is not supported",
        ),
    ] {
        let answer = Node::new(module, &[("GET", "/f", function, json!({}))]).ask("GET /app/f", "");
        assert_eq!(answer.summary(), expected, "{module}");
    }
    let elsewhere = json!({ "js_module": "/other.js" });
    let answer = Node::new("", &[("GET", "/f", "f", elsewhere)]).ask("GET /app/f", "");
    assert_eq!(answer.summary(), "500 Module '/other.js' could not be loaded");
}

#[test]
fn exceptions_are_shown_if_the_members_want_that() {
    let module = "export function f() { throw new TypeError('oops') }";
    let mut node = Node::new(module, &[("GET", "/f", "f", json!({}))]);
    let details = |answer: &Answer| {
        let body: Value = serde_json::from_slice(&answer.response.body).unwrap();
        body["error"]["details"].clone()
    };
    assert_eq!(details(&node.ask("GET /app/f", "")), Value::Null);
    node.options(&json!({ "return_exception_details": true }));
    let shown = details(&node.ask("GET /app/f", ""));
    assert_eq!(shown[0]["code"], "JSException");
    assert_eq!(shown[0]["message"], "TypeError: oops");
    assert!(shown[0]["trace"].as_str().unwrap().contains("at f (/app.js:1)\n"), "{shown}");
}

#[test]
fn writes_are_kept_on_success_or_as_the_script_says() {
    let module = "
        const put = (request, statusCode) => {
            ccf.kv.t.set(ccf.strToBuf('k'), request.body.arrayBuffer());
            return { statusCode };
        };
        export const ok = (request) => put(request, 201);
        export const bad = (request) => put(request, 400);
        export const kept = (request) => { ccf.rpc.setApplyWrites(true); return put(request, 400) };
        export const dropped = (request) => { ccf.rpc.setApplyWrites(false); return put(request, 200) };
        export const claims = (request) => { ccf.rpc.setClaimsDigest(new Uint8Array(32).fill(7).buffer); return put(request, 200) };
        export const get = () => {
            const value = ccf.kv.t.get(ccf.strToBuf('k'));
            return { body: value === undefined ? 'nothing' : ccf.bufToStr(value) };
        };";
    let functions = ["ok", "bad", "kept", "dropped", "claims"];
    let mut endpoints: Vec<_> = functions.map(|name| ("POST", name, json!({}))).into();
    endpoints.push(("GET", "get", json!({ "mode": "readonly" })));
    let paths: Vec<_> = endpoints.iter().map(|(_, name, _)| format!("/{name}")).collect();
    let endpoints: Vec<_> = endpoints
        .into_iter()
        .zip(&paths)
        .map(|((method, name, differs), path)| (method, path.as_str(), name, differs))
        .collect();
    let mut node = Node::new(module, &endpoints);
    for (name, value, expected) in [
        ("bad", "1", "nothing"),
        ("dropped", "2", "nothing"),
        ("ok", "3", "3"),
        ("bad", "4", "3"),
        ("kept", "5", "5"),
        ("claims", "6", "6"),
    ] {
        let answer = node.ask(&format!("POST /app/{name}"), value);
        assert_eq!(answer.claims, (name == "claims").then_some(Digest([7; 32])), "{name}");
        assert_eq!(node.ask("GET /app/get", "").summary(), format!("200 {expected}"), "{name} {value}");
    }
}

#[test]
fn callers_are_described() {
    let key = EcKey::generate(Curve::P256, &SystemEntropy);
    let now = UnixTime(i64::try_from(NOW_MS / 1000).unwrap());
    let validity = Validity::days(now, 1).unwrap();
    let certificate: Certificate =
        issue_participant(&key, &Name::common("person").unwrap(), validity, &SystemEntropy);
    let (id, pem) = (certificate.fingerprint().to_hex(), certificate.to_pem());
    let module = "export const f = (request) => ({ body: request.caller })";
    let policies = |policies: Value| json!({ "authn_policies": policies });
    for (group, policies, expected) in [
        (
            "users",
            policies(json!(["user_cert"])),
            Ok(json!({ "policy": "user_cert", "id": id, "data": { "a": 1 }, "cert": pem })),
        ),
        (
            "members",
            policies(json!(["jwt", "user_cert", "member_cert"])),
            Ok(json!({ "policy": "member_cert", "id": id, "data": { "a": 1 }, "cert": pem })),
        ),
        (
            "nobody",
            policies(json!(["user_cert", "any_cert"])),
            Ok(json!({ "policy": "any_cert", "cert": pem })),
        ),
        (
            "users",
            policies(json!([{ "all_of": ["user_cert", "any_cert"] }])),
            Ok(json!({
                "policy": ["any_cert", "user_cert"],
                "any_cert": { "policy": "any_cert", "cert": pem },
                "user_cert": { "policy": "user_cert", "id": id, "data": { "a": 1 }, "cert": pem },
            })),
        ),
        (
            "users",
            policies(json!([{ "all_of": ["user_cert", "member_cert"] }])),
            Err("401 Invalid authentication credentials."),
        ),
        (
            "users",
            policies(json!([{ "all_of": ["user_cert", "jwt"] }, "jwt", "user_cose_sign1"])),
            Err("401 Invalid authentication credentials."),
        ),
        ("users", policies(json!(["magic"])), Err("500 Unknown auth policy: magic")),
        (
            "users",
            policies(json!([{ "any_of": [] }])),
            Err(
                "500 Unsupported auth policy. Policies must be either a string, or an object containing an \"all_of\" key with list-of-strings value. Unsupported value: {\"any_of\":[]}",
            ),
        ),
    ] {
        let mut node = Node::new(module, &[("GET", "/f", "f", policies.clone())]);
        node.put(&format!("{group}.certs"), &id, pem.as_bytes());
        let info = json!({ "user_data": { "a": 1 }, "member_data": { "a": 1 } });
        node.put(&format!("{group}.info"), &id, info.to_string().as_bytes());
        let answer = node.ask_as(Some(certificate.der()), "GET /app/f", &[], "");
        match expected {
            Ok(caller) => assert_eq!(serde_json::from_slice::<Value>(&answer.response.body).unwrap(), caller),
            Err(summary) => assert_eq!(answer.summary(), summary, "{policies}"),
        }
    }
}
