//! Limits of scripts: read by everyone, changed by admins.

use coco_app::{Call, Context, Description, Endpoint, Method, Policy, Reject, Response, Schema, Status};
use coco_tables::scripts::{ApplicationTables, RuntimeOptions};
use serde_json::Value;

use crate::{Answer, CUSTOM_ENDPOINTS, actions::Action};

const PATH: &str = "/custom_endpoints/runtime_options";

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let policies = [Action::signed_as("runtime_options"), Policy::UserCert];
    vec![
        Endpoint::write(Method::Patch, PATH, &policies, patch)
            .describe(Description::json(Some(Schema::json()), Some(Schema::json()))),
        Endpoint::read(Method::Get, PATH, &[], get).describe(Description::json(None, Some(Schema::json()))),
    ]
}

fn get(_: &Call, cx: &mut Context<'_>) -> Answer {
    Ok(Response::json(Status::OK, &current(cx)?))
}

/// A merge patch (RFC 7396): what is null gets its default.
fn patch(call: &Call, cx: &mut Context<'_>) -> Answer {
    let action = Action::of_admin(call, cx)?;
    let mut options = serde_json::to_value(current(cx)?).expect("options have a JSON form");
    let changes: serde_json::Map<String, Value> = call.json()?;
    for (name, value) in changes {
        options[name] = value;
    }
    // Options are one level deep; a null in them stands for what is not there.
    let fields = options.as_object_mut().expect("options are an object");
    fields.retain(|_, value| !value.is_null());
    let options: RuntimeOptions =
        serde_json::from_value(options).map_err(|error| Reject::invalid_input(error.to_string()))?;
    action.record(cx)?;
    ApplicationTables::under(CUSTOM_ENDPOINTS).runtime_options.put(cx.tx, &options);
    Ok(Response::json(Status::OK, &options))
}

fn current(cx: &Context<'_>) -> Result<RuntimeOptions, Reject> {
    Ok(ApplicationTables::under(CUSTOM_ENDPOINTS).runtime_options.get(cx.tx)?.unwrap_or_default())
}
