use super::*;

#[test]
fn urls_have_a_host_and_a_path() {
    let cases = [
        ("https://example.com", "example.com", ""),
        ("https://example.com:8080/a/b?c=/d#e", "example.com", "/a/b"),
        ("https://[2001:db8::1]:443/a", "[2001:db8::1]", "/a"),
        ("https://[2001:db8::1]", "[2001:db8::1]", ""),
        ("https://example.com?q", "example.com", ""),
        ("//example.com/a", "example.com", "/a"),
        ("https://user@example.com/", "user@example.com", "/"),
        ("example.com/a", "", "example.com/a"),
        ("garbage", "", "garbage"),
        ("", "", ""),
        ("mailto:x", "", "x"),
        ("https:/a", "", "/a"),
        ("a?b://c", "", "a"),
        ("#://example.com", "", ""),
        (":", "", ":"),
        ("https://", "", ""),
    ];
    for (url, host, path) in cases {
        assert_eq!(Parts::of(url), Parts { host, path }, "{url}");
    }
}

#[test]
fn a_constraint_admits_one_issuer() {
    const COMMON: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    const ONE: &str = "https://login.microsoftonline.com/one/v2.0";
    let cases = [
        ("https://a.com", "https://a.com", None, true),
        ("https://a.com", "https://a.com/", None, false),
        ("https://a.com", "https://b.com", None, false),
        ("https://a.com", "", None, false),
        ("name", "name", None, true),
        ("https://a.com", "https://a.com", Some("tenant"), false),
        ("https://a.com/{tenantid}", "https://a.com/one", Some("one"), false),
        ("https://a.com/{tenantid}", "https://a.com/{tenantid}", None, true),
        (COMMON, ONE, Some("one"), true),
        (COMMON, ONE, None, false),
        (COMMON, ONE, Some("two"), false),
        (COMMON, ONE, Some(""), false),
        (COMMON, COMMON, None, false),
        (COMMON, COMMON, Some("{tenantid}"), true),
        (COMMON, "https://login.microsoftonline.com/two/v2.0", Some("one"), false),
        (COMMON, "https://login.microsoftonline.com/one/v2.0/", Some("one"), false),
        (COMMON, "https://login.microsoftonline.com/one/more/v2.0", Some("one/more"), false),
        (COMMON, "https://login.microsoftonline.com//v2.0", Some(""), false),
        (COMMON, "https://login.microsoftonline.com.evil.com/one/v2.0", Some("one"), false),
        (ONE, ONE, Some("one"), true),
        (ONE, ONE, Some("two"), false),
        (ONE, ONE, None, false),
        (
            "https://login.microsoftonline.com/v2.0/{tenantid}",
            "https://login.microsoftonline.com/v2.0/one",
            Some("one"),
            false,
        ),
        (
            "https://login.microsoftonline.com@evil.com/one",
            "https://login.microsoftonline.com@evil.com/one",
            Some("one"),
            false,
        ),
    ];
    for (constraint, issuer, tenant, admitted) in cases {
        assert_eq!(admits(constraint, issuer, tenant), admitted, "{constraint} {issuer} {tenant:?}");
    }
}

#[test]
fn a_constraint_is_of_the_issuers_domain() {
    // The issuers and constraints of CCF's `test_jwt_issuer_domain_match`, and some like them.
    const ISSUER: &str = "https://trusted.issuer.com/something";
    let cases = [
        (ISSUER, ISSUER, true),
        (ISSUER, "https://trusted.issuer.com", true),
        (ISSUER, "https://trusted.issuer.com:9000/other", true),
        (ISSUER, "https://issuer.com", true),
        (ISSUER, "https://com", true),
        (ISSUER, "", false),
        (ISSUER, "garbage", false),
        (ISSUER, "https://another.com", false),
        (ISSUER, "https://issuer.com.domain", false),
        (ISSUER, "https://suer.com", false),
        (ISSUER, "https://more.trusted.issuer.com", false),
        (ISSUER, "https://", false),
        (ISSUER, "https://.issuer.com", false),
        ("name", "name", false),
        ("", "", false),
        ("https://localhost:12345", "https://localhost:12345", true),
    ];
    for (issuer, constraint, allowed) in cases {
        assert_eq!(may_constrain(issuer, constraint), allowed, "{issuer} {constraint}");
    }
}
