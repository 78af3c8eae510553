//! What is refused, and the words in which it is.

use super::*;

/// Text of a header, of claims, and the reason.
type Case = (&'static str, String, String);

const FREE: &str = r#"{"alg":"ES256","kid":"free"}"#;

/// Good claims, as often as there are headers and reasons.
fn with_claims<const N: usize>(headers: [(&'static str, String); N]) -> Vec<Case> {
    let claims = || format!(r#"{{"iss":"{ISSUER}","exp":{}}}"#, NOW_S + 60);
    headers.into_iter().map(|(header, reason)| (header, claims(), reason)).collect()
}

fn algorithm_cases() -> Vec<Case> {
    let schema = "JWT header does not follow schema: ";
    with_claims([
        ("{}", format!("{schema}At #/: Missing required field 'alg' in object: {{}}")),
        (
            r#"{"kid":"free"}"#,
            format!(r#"{schema}At #/: Missing required field 'alg' in object: {{"kid":"free"}}"#),
        ),
        (
            r#"{"alg":"ES256"}"#,
            format!(r#"{schema}At #/: Missing required field 'kid' in object: {{"alg":"ES256"}}"#),
        ),
        (
            r#"{"Alg":"ES256","kid":"free"}"#,
            format!(
                r#"{schema}At #/: Missing required field 'alg' in object: {{"Alg":"ES256","kid":"free"}}"#
            ),
        ),
        (
            r#"{"alg":null,"kid":"free"}"#,
            format!("{schema}At #/alg: null is not convertible to JwtCryptoAlgorithm"),
        ),
        (
            r#"{"alg":["ES256"],"kid":"free"}"#,
            format!(r#"{schema}At #/alg: ["ES256"] is not convertible to JwtCryptoAlgorithm"#),
        ),
        (
            r#"{"alg":"ES256","alg":"none","kid":"free"}"#,
            format!(r#"{schema}At #/alg: "none" is not convertible to JwtCryptoAlgorithm"#),
        ),
        (
            r#"{"alg":"ES256\u0000","kid":"free"}"#,
            format!(r#"{schema}At #/alg: "ES256\u0000" is not convertible to JwtCryptoAlgorithm"#),
        ),
        (
            r#"{"alg":"\u212aS256","kid":"free"}"#,
            format!("{schema}At #/alg: \"\u{212a}S256\" is not convertible to JwtCryptoAlgorithm"),
        ),
    ])
}

fn key_id_cases() -> Vec<Case> {
    let schema = "JWT header does not follow schema: ";
    let json = "JWT header or payload is not valid JSON";
    with_claims([
        (r#"{"alg":"ES256","kid":7}"#, format!("{schema}At #/kid: 7 is not text")),
        (r#"{"alg":"ES256","kid":null}"#, format!("{schema}At #/kid: null is not text")),
        (r#"{"alg":"ES256","kid":["free"]}"#, format!(r#"{schema}At #/kid: ["free"] is not text"#)),
        (
            r#"{"alg":"ES256","kid":"free","crit":["exp"]}"#,
            format!("{schema}At #/crit: no extension is understood"),
        ),
        (
            r#"{"alg":"ES256","kid":"free","crit":["b64"],"b64":false}"#,
            format!("{schema}At #/crit: no extension is understood"),
        ),
        (
            r#"{"alg":"ES256","kid":"free","crit":[]}"#,
            format!("{schema}At #/crit: no extension is understood"),
        ),
        (r#"{"alg":"ES256","kid":"FREE"}"#, "JWT signing key not found for kid FREE".into()),
        (r#"{"alg":"ES256","kid":"free "}"#, "JWT signing key not found for kid free ".into()),
        (r#"{"alg":"ES256","kid":"free\u0000"}"#, "JWT signing key not found for kid free\0".into()),
        // Keys within the token are not looked at.
        (
            r#"{"alg":"ES256","kid":"x","jwk":{"kty":"EC"},"jku":"https://evil.example","x5u":"https://evil.example"}"#,
            "JWT signing key not found for kid x".into(),
        ),
        ("[]", "JWT header or payload is not an object".into()),
        ("null", "JWT header or payload is not an object".into()),
        ("\"ES256\"", "JWT header or payload is not an object".into()),
        ("", format!("{json}: EOF while parsing a value at line 1 column 0")),
        (r#"{"alg":"ES256"}x"#, format!("{json}: trailing characters at line 1 column 16")),
    ])
}

fn claim_cases() -> Vec<Case> {
    let schema = "JWT payload is missing required field: ";
    let json = "JWT header or payload is not valid JSON";
    let (early, late) = (
        |from: String| format!("Current time {NOW_S} is before token's Not Before (nbf) claim {from}"),
        |to: String| format!("Current time {NOW_S} is after token's Expiration Time (exp) claim {to}"),
    );
    let cases: Vec<(String, String)> = vec![
        ("{}".into(), format!("{schema}At #/: Missing required field 'exp' in object: {{}}")),
        (
            r#"{"exp":1}"#.into(),
            format!(r#"{schema}At #/: Missing required field 'iss' in object: {{"exp":1}}"#),
        ),
        (
            r#"{"iss":"a"}"#.into(),
            format!(r#"{schema}At #/: Missing required field 'exp' in object: {{"iss":"a"}}"#),
        ),
        (r#"{"iss":"a","exp":null}"#.into(), format!("{schema}At #/exp: null is not a time")),
        (
            r#"{"iss":"a","exp":"1900000000"}"#.into(),
            format!(r#"{schema}At #/exp: "1900000000" is not a time"#),
        ),
        (r#"{"iss":"a","exp":-1}"#.into(), format!("{schema}At #/exp: -1 is not a time")),
        (r#"{"iss":"a","exp":1e300}"#.into(), format!("{schema}At #/exp: 1e+300 is not a time")),
        (r#"{"iss":"a","exp":true}"#.into(), format!("{schema}At #/exp: true is not a time")),
        (r#"{"iss":"a","exp":[1900000000]}"#.into(), format!("{schema}At #/exp: [1900000000] is not a time")),
        (r#"{"iss":"a","exp":1e999}"#.into(), format!("{json}: number out of range at line 1 column 22")),
        (r#"{"iss":"a","exp":NaN}"#.into(), format!("{json}: expected value at line 1 column 18")),
        (r#"{"iss":7,"exp":1900000000}"#.into(), format!("{schema}At #/iss: 7 is not text")),
        (r#"{"iss":null,"exp":1900000000}"#.into(), format!("{schema}At #/iss: null is not text")),
        (r#"{"iss":["a"],"exp":1900000000}"#.into(), format!(r#"{schema}At #/iss: ["a"] is not text"#)),
        (
            r#"{"iss":"a","exp":1900000000,"nbf":"0"}"#.into(),
            format!(r#"{schema}At #/nbf: "0" is not a time"#),
        ),
        (r#"{"iss":"a","exp":1900000000,"nbf":-1}"#.into(), format!("{schema}At #/nbf: -1 is not a time")),
        (r#"{"iss":"a","exp":1900000000,"tid":7}"#.into(), format!("{schema}At #/tid: 7 is not text")),
        (format!(r#"{{"iss":"a","exp":{}}}"#, NOW_S - 1), late((NOW_S - 1).to_string())),
        (r#"{"iss":"a","exp":0}"#.into(), late("0".into())),
        (r#"{"iss":"a","exp":0.9}"#.into(), late("0".into())),
        (format!(r#"{{"iss":"a","exp":{}.9}}"#, NOW_S - 1), late((NOW_S - 1).to_string())),
        (format!(r#"{{"iss":"a","exp":1900000000,"nbf":{}}}"#, NOW_S + 1), early((NOW_S + 1).to_string())),
        (format!(r#"{{"iss":"a","exp":{},"nbf":{}}}"#, NOW_S - 9, NOW_S + 9), early((NOW_S + 9).to_string())),
        (r#"{"iss":"a","exp":1900000000,"exp":1}"#.into(), late("1".into())),
        ("[]".into(), "JWT header or payload is not an object".into()),
        ("7".into(), "JWT header or payload is not an object".into()),
        (String::new(), format!("{json}: EOF while parsing a value at line 1 column 0")),
        (r#"{"iss":"a",}"#.into(), format!("{json}: trailing comma at line 1 column 12")),
        (r#"{'iss':'a'}"#.into(), format!("{json}: key must be a string at line 1 column 2")),
        ("[".repeat(200), format!("{json}: recursion limit exceeded at line 1 column 128")),
        (
            r#"{"iss":"\ud800","exp":1}"#.into(),
            format!("{json}: unexpected end of hex escape at line 1 column 15"),
        ),
    ];
    cases.into_iter().map(|(claims, reason)| (FREE, claims, reason)).collect()
}

#[test]
fn headers_and_claims_are_refused_with_the_reason() {
    let service = Service::new();
    let cases: Vec<_> = [algorithm_cases(), key_id_cases(), claim_cases()].concat();
    assert!(cases.len() >= 55, "{}", cases.len());
    let wrong = cases.into_iter().filter_map(|(header, claims, reason)| {
        let found = service.believes(&service.sign(header.as_bytes(), claims.as_bytes()));
        (found != Err(reason.clone())).then(|| format!("{header} {claims}: {found:?}, not {reason}"))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
    let token = service.sign(b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}", b"{}");
    assert_eq!(service.believes(&token), Err("JWT header or payload is not valid JSON".into()));
}

#[test]
fn issuers_are_refused_with_the_reason() {
    let service = Service::new();
    let failed =
        |kid: &str, constraint: &str| format!("Kid {kid} failed issuer constraint validation {constraint}");
    let (bound, other) = ("https://bound.example", "https://other.example");
    let common = format!("{ENTRA}/{{tenantid}}/v2.0");
    let tenant = |path: &str| format!("{ENTRA}/{path}");
    let cases = [
        ("bound", json!({ "iss": "https://other.example" }), failed("bound", bound)),
        ("bound", json!({ "iss": "https://bound.example/" }), failed("bound", bound)),
        ("bound", json!({ "iss": "https://BOUND.example" }), failed("bound", bound)),
        ("bound", json!({ "iss": "" }), failed("bound", bound)),
        ("bound", json!({ "iss": bound, "tid": "one" }), failed("bound", bound)),
        ("bound", json!({ "iss": bound, "tid": "" }), failed("bound", bound)),
        ("entra", json!({ "iss": tenant("one/v2.0") }), failed("entra", &common)),
        ("entra", json!({ "iss": tenant("one/v2.0"), "tid": "two" }), failed("entra", &common)),
        ("entra", json!({ "iss": tenant("one/v1.0"), "tid": "one" }), failed("entra", &common)),
        ("entra", json!({ "iss": tenant("/v2.0"), "tid": "" }), failed("entra", &common)),
        ("entra", json!({ "iss": common, "tid": null }), failed("entra", &common)),
        ("entra", json!({ "iss": "https://evil.example/one/v2.0", "tid": "one" }), failed("entra", &common)),
        // Of several keys of one name, the last says why.
        ("shared", json!({ "iss": tenant("one/v2.0"), "tid": "two" }), failed("shared", other)),
        ("shared", json!({ "iss": bound }), failed("shared", other)),
    ];
    for (kid, claims, reason) in cases {
        let refused = service.believes(&service.token(kid, &claims));
        assert_eq!(refused, Err(reason), "{kid} {claims}");
    }
}

#[test]
fn other_credentials_are_refused_with_the_reason() {
    let service = Service::new();
    let good = service.token("free", &json!({}));
    let parts: Vec<_> = good.split('.').collect();
    let (three, encoding) =
        ("Malformed JWT: must contain exactly 3 parts", "Malformed JWT: its parts must be base64url");
    let (one_field, scheme) =
        ("Authorization header only contains one field", "Authorization header does not have Bearer scheme");
    let cases = [
        (String::new(), one_field),
        ("Bearer".into(), one_field),
        (good.clone(), one_field),
        (format!("bearer {good}"), scheme),
        (format!("BEARER {good}"), scheme),
        (format!("Basic {good}"), scheme),
        (format!(" Bearer {good}"), scheme),
        (format!("Bearer\t {good}"), scheme),
        (format!("JWT Bearer {good}"), scheme),
        ("Bearer ".into(), three),
        ("Bearer .".into(), three),
        ("Bearer ...".into(), three),
        (format!("Bearer {good}.{}", parts[2]), three),
        (format!("Bearer {}.{}", parts[0], parts[1]), three),
        (format!("Bearer {good}."), three),
        (format!("Bearer  {good}"), encoding),
        (format!("Bearer {good} "), encoding),
        (format!("Bearer {good}=="), encoding),
        (format!("Bearer {good}, Bearer {good}"), three),
        (format!("Bearer {}=.{}.{}", parts[0], parts[1], parts[2]), encoding),
        (
            "Bearer ..".into(),
            "JWT header or payload is not valid JSON: EOF while parsing a value at line 1 column 0",
        ),
    ];
    for (authorization, reason) in cases {
        assert_eq!(service.ask(Some(&authorization)), Err(reason.into()), "{authorization}");
    }
    assert_eq!(service.ask(None), Err("Missing authorization header".into()));
    assert!(service.believes(&good).is_ok());
}
