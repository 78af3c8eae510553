//! Versions of the API, methods and paths.

use coco_app::Method;

use super::{Case, World};

/// What everybody may read.
const READS: [&str; 21] = [
    "/members/proposals",
    "/members/proposals/ID",
    "/members/proposals/ID/actions",
    "/members/proposals/ID/ballots/ID",
    "/members/state-digests/ID",
    "/recovery/encrypted-shares/ID",
    "/service/constitution",
    "/service/info",
    "/service/javascript-app",
    "/service/javascript-modules",
    "/service/javascript-modules/name",
    "/service/join-policy",
    "/service/jwk",
    "/service/members",
    "/service/members/ID",
    "/service/users",
    "/service/users/ID",
    "/service/nodes",
    "/service/nodes/ID",
    "/service/transactions/2.1",
    "/service/transactions/commit",
];

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in READS {
        let since_2024 = path.contains("javascript");
        let names = if since_2024 { "2024-07-01" } else { "2023-06-01-preview, 2024-07-01" };
        let target = format!("/gov{}", path.replace("ID", &"0".repeat(64)));
        cases.push(of_version(Method::Get, &target, Vec::new(), None, names));
        cases.push(of_version(Method::Get, &target, Vec::new(), Some("2022-01-01"), names));
        if since_2024 {
            cases.push(of_version(Method::Get, &target, Vec::new(), Some("2023-06-01-preview"), names));
        }
    }
    let both = "2023-06-01-preview, 2024-07-01";
    for odd in ["", "2024-07-01-preview", "2024-7-1", "latest", "2024-07-01;"] {
        cases.push(of_version(Method::Get, "/gov/service/info", Vec::new(), Some(odd), both));
    }
    cases.push(of_version(Method::Get, "/gov/api", Vec::new(), Some("2022-01-01"), both));
    for request in world.requests(0) {
        let good = world.signed(0, &request, (0, "", String::new())).message;
        let target = format!("/gov{}", request.path);
        cases.push(of_version(Method::Post, &target, good.clone(), None, both));
        cases.push(of_version(Method::Post, &target, good, Some("2022-01-01"), both));
    }
    cases.extend(paths());
    cases
}

fn of_version(method: Method, target: &str, message: Vec<u8>, asked: Option<&str>, names: &str) -> Case {
    let what = match asked {
        None => "The api-version query parameter (?api-version=) is required for all requests.".to_owned(),
        Some(asked) => format!("Unsupported api-version '{asked}'."),
    };
    let code = if asked.is_none() { "MissingApiVersionParameter" } else { "UnsupportedApiVersionValue" };
    let text = format!("{what} The supported api-versions are: {names}");
    let target = asked.map_or_else(|| target.to_owned(), |asked| format!("{target}?api-version={asked}"));
    Case { method, target, message, ..Case::get("", (400, code, text)) }
}

/// Methods that are not offered, and paths that are not there.
fn paths() -> Vec<Case> {
    let unknown =
        ["/nothing", "/proposals", "/ack", "/members", "/service", "/service/info/", "/recovery_share"];
    let unknown =
        unknown.map(|path| Case::get(path, (404, "ResourceNotFound", format!("Unknown path: {path}."))));
    let methods = [
        (Method::Post, "/service/info", "OPTIONS, GET"),
        (Method::Put, "/members/proposals", "OPTIONS, GET"),
        (Method::Delete, "/service/constitution", "OPTIONS, GET"),
        (Method::Get, "/members/proposals:create", "OPTIONS, POST"),
    ];
    let methods = methods.map(|(method, path, allowed)| {
        let text = format!("Allowed methods for '{path}' are: {allowed}.");
        Case { method, ..Case::get(path, (405, "UnsupportedHttpVerb", text)) }
    });
    unknown.into_iter().chain(methods).collect()
}
