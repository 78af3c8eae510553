//! Wrong certificates and wrong roles.

use crate::{Case, Expected, Who, json_request, request};

const REFUSED: Expected = (401, "InvalidAuthenticationInfo");
const FORBIDDEN: Expected = (403, "AuthorizationFailed");

pub(crate) fn cases() -> Vec<Case> {
    let write = |line: &str| json_request(line, r#"{"id":7,"msg":"x"}"#);
    let read = |line: &str| request(line, &[], b"");
    let private = || write("POST /app/log/private");
    let public = || write("POST /app/log/public");
    let table = [
        ("write without certificate", Who::Nobody, private(), REFUSED),
        ("write with an unknown certificate", Who::Stranger, private(), REFUSED),
        ("write with an unknown certificate on P-256", Who::Outsider, private(), REFUSED),
        ("write with an expired certificate", Who::Expired, private(), REFUSED),
        ("write by a member", Who::Member, private(), REFUSED),
        ("public write without certificate", Who::Nobody, public(), REFUSED),
        ("public write by a member", Who::Member, public(), REFUSED),
        ("read without certificate", Who::Nobody, read("GET /app/log/private?id=1"), REFUSED),
        ("read with an unknown certificate", Who::Stranger, read("GET /app/log/private?id=1"), REFUSED),
        ("read with an expired certificate", Who::Expired, read("GET /app/log/public?id=1"), REFUSED),
        ("count by a member", Who::Member, read("GET /app/log/private/count"), REFUSED),
        ("removal without certificate", Who::Nobody, read("DELETE /app/log/public?id=1"), REFUSED),
        ("removal of all by a stranger", Who::Stranger, read("DELETE /app/log/public/all"), REFUSED),
        ("blocking write by a stranger", Who::Stranger, write("POST /app/log/blocking/private"), REFUSED),
        ("write for admins by a user", Who::User, write("POST /app/log/private/admin_only"), FORBIDDEN),
        ("write for admins by a member", Who::Member, write("POST /app/log/private/admin_only"), REFUSED),
        ("prefixed write by a member", Who::Member, write("POST /app/log/private/prefix_cert"), REFUSED),
        (
            "identity in a header field",
            Who::Nobody,
            request(
                "POST /app/log/private",
                &[("content-type", "application/json"), ("x-forwarded-client-cert", "user0")],
                br#"{"id":7,"msg":"x"}"#,
            ),
            REFUSED,
        ),
        (
            "token that nobody issued",
            Who::Nobody,
            request("GET /app/log/private?id=1", &[("authorization", "Bearer e30.e30.e30")], b""),
            REFUSED,
        ),
    ];
    table.map(|(name, who, bytes, expected)| Case { name, who, bytes, expected }).into()
}
