//! Authentication of the application's own: a name and an age in header fields.

use coco_app::{
    Call, Context, Description, Endpoint, ErrorCode, Forwarding, Headers, Method, Redirection, Reject,
    Response, Schema, Status, media,
};
use serde_json::json;

use crate::{ANYONE, Answer};

const EXPLODE: &str = "x-custom-auth-explode";
const NAME: &str = "x-custom-auth-name";
const AGE: &str = "x-custom-auth-age";

const MIN_AGE: u64 = 16;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let endpoint = Endpoint::read(Method::Get, "/custom_auth", ANYONE, custom_auth)
        .forwarding(Forwarding::Always)
        .redirection(Redirection::ToPrimary)
        .describe(Description::json(None, Some(Schema::json())));
    vec![endpoint]
}

struct Person<'a> {
    name: &'a str,
    age: u64,
}

fn custom_auth(call: &Call, _: &mut Context<'_>) -> Answer {
    let headers = &call.request().headers;
    if let Some(text) = headers.text(EXPLODE) {
        // Stands for a policy that fails rather than refuses.
        return Err(Reject::internal(text.to_owned()));
    }
    let Person { name, age } = authenticate(headers).map_err(|reason| unauthorized(&reason))?;
    let description = format!("Your name is {name} and you are {age}");
    let answer = format!("{:#}", json!({ "name": name, "age": age, "description": description }));
    Ok(Response::with_body(Status::OK, media::JSON, answer.into_bytes()))
}

/// Who the caller says it is, or why that is not enough.
fn authenticate(headers: &Headers) -> Result<Person<'_>, String> {
    let required = |name| headers.text(name).ok_or_else(|| format!("Missing required header {name}"));
    let name = required(NAME)?;
    if name.is_empty() {
        return Err("Name must not be empty".into());
    }
    let age = required(AGE)?;
    let age = age.parse().map_err(|_| format!("Unable to parse age header as a number: {age}"))?;
    if age < MIN_AGE {
        return Err(format!("Caller age must be at least {MIN_AGE}"));
    }
    Ok(Person { name, age })
}

fn unauthorized(reason: &str) -> Reject {
    let code = ErrorCode::InvalidAuthenticationInfo;
    let detail = json!({ "auth_policy": "CustomAuthPolicy", "code": code, "message": reason });
    let reject = Reject::new(Status::UNAUTHORIZED, code, "Invalid authentication credentials.");
    Reject { details: vec![detail], ..reject }
}
