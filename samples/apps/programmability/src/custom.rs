//! Endpoints in JavaScript: installed by admins, shown to everyone.

use std::{rc::Rc, sync::Arc};

use coco_app::{
    Call, Context, Description, Endpoint, ErrorCode, Method, Policy, Reject, Response, Schema, Status, media,
};
use coco_crypto::Entropy;
use coco_js::{Capabilities, Elapsed, Limits, Senses, check_modules};
use coco_tables::scripts::ApplicationTables;

use crate::{
    Answer, CUSTOM_ENDPOINTS,
    actions::Action,
    bundle::{Bundle, rooted},
};

const PATH: &str = "/custom_endpoints";

pub(crate) fn endpoints(senses: &Senses) -> Vec<Endpoint> {
    let compiler = Compiler { elapsed: senses.elapsed.clone(), entropy: senses.entropy.clone() };
    let policies = [Action::signed_as("custom_endpoints"), Policy::UserCert];
    let any = || Some(Schema::json());
    vec![
        Endpoint::write(Method::Put, PATH, &policies, move |call, cx| put(&compiler, call, cx))
            .heavy()
            .describe(Description::json(any(), None)),
        Endpoint::read(Method::Get, PATH, &[], get).describe(Description::json(None, any())),
        Endpoint::read(Method::Get, "/custom_endpoints/modules", &[], get_module)
            .describe(Description::text().query("module_name", Schema::string())),
    ]
}

/// What is needed to see that modules are JavaScript.
struct Compiler {
    elapsed: Elapsed,
    entropy: Arc<dyn Entropy>,
}

impl Compiler {
    fn check(&self, bundle: &Bundle, now_ms: u64) -> Result<(), Reject> {
        let elapsed = self.elapsed.clone();
        let end_ms = elapsed().saturating_add(Limits::default().execution_ms);
        let capabilities = Capabilities {
            deadline: Rc::new(move || elapsed() >= end_ms),
            entropy: self.entropy.clone(),
            untrusted_now_ms: now_ms,
        };
        check_modules(&bundle.modules(), &capabilities)
            .map_err(|error| Reject::invalid_input(format!("Failed to install endpoints: {error}")))
    }
}

/// Replaces all endpoints in JavaScript.
fn put(compiler: &Compiler, call: &Call, cx: &mut Context<'_>) -> Answer {
    let action = Action::of_admin(call, cx)?;
    let bundle: Bundle = call.json()?;
    action.record(cx)?;
    compiler.check(&bundle, cx.services.now_ms())?;
    bundle.install(&ApplicationTables::under(CUSTOM_ENDPOINTS), cx.tx)?;
    Ok(Response::empty(Status::NO_CONTENT))
}

fn get(_: &Call, cx: &mut Context<'_>) -> Answer {
    let bundle = Bundle::installed(&ApplicationTables::under(CUSTOM_ENDPOINTS), cx.tx)?;
    Ok(Response::json(Status::OK, &bundle))
}

fn get_module(call: &Call, cx: &mut Context<'_>) -> Answer {
    let name = call.request().parameter("module_name").ok_or_else(|| {
        let message = "Missing query parameter 'module_name'";
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
    })?;
    match ApplicationTables::under(CUSTOM_ENDPOINTS).modules.get(cx.tx, &rooted(&name))? {
        Some(source) => Ok(Response::with_body(Status::OK, media::JAVASCRIPT, source.into_bytes())),
        None => Err(Reject::not_found("Failed to get module: NotFound")),
    }
}
