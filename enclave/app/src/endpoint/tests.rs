//! Which paths lead where.

use super::*;
use crate::request::Status;

fn endpoint(method: Method, path: &'static str) -> Endpoint {
    Endpoint::write(method, path, &[], |_, _| Ok(Response::empty(Status::OK)))
}

#[test]
fn paths_lead_to_endpoints() {
    let mut router = Router::new("/app");
    for (method, path) in [
        (Method::Get, "/log"),
        (Method::Post, "/log"),
        (Method::Get, "/log/{id}"),
        (Method::Post, "/proposals/{id}:withdraw"),
        (Method::Post, "/proposals/{id}/ballots/{member}:submit"),
        (Method::Get, "/{any}/{thing}"),
    ] {
        router.install(endpoint(method, path));
    }
    let cases = [
        (Method::Get, "/log", "GET /log ()"),
        (Method::Post, "/log", "POST /log ()"),
        (Method::Delete, "/log", "GET POST"),
        (Method::Post, "/log/1", "GET"),
        (Method::Get, "/log/1", "ambiguous"),
        (Method::Get, "/log/", "nothing"),
        (Method::Get, "/none", "nothing"),
        (Method::Get, "/other/%41", "GET /{any}/{thing} (other,%41)"),
        (Method::Post, "/proposals/7:withdraw", "POST /proposals/{id}:withdraw (7)"),
        (Method::Post, "/proposals/7/ballots/m:submit", "POST /proposals/{id}/ballots/{member}:submit (7,m)"),
        (Method::Post, "/proposals/:withdraw", "nothing"),
    ];
    for (method, path, expected) in cases {
        let found = match router.find(method, path) {
            Found::Endpoint(at, values) => format!("{} ({})", at.route, values.join(",")),
            Found::OtherMethods(methods) => {
                methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            Found::Ambiguous(_) => "ambiguous".into(),
            Found::Nothing => "nothing".into(),
        };
        // The last case still fits `/{any}/{thing}` by path, though not by method.
        let expected = if path == "/proposals/:withdraw" { "GET" } else { expected };
        assert_eq!(found, expected, "{method} {path}");
    }
}
