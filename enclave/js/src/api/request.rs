//! The request object: what is asked, and who asks.

use std::rc::Rc;

use coco_app::{CallBody, Caller, Policy};
use coco_crypto::pem;
use coco_kv::{Reader as _, Tx};
use coco_wire::{Digest, TableName};
use rquickjs::{Array, Ctx, Exception, Object, Result, Value};

use super::consensus::during;
use crate::{
    occasion::Occasion,
    realm::{buffer, define, define_between, string, text, undefined},
    state::State,
};

/// The native half, which `request.js` completes.
pub(crate) fn natives<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "part", 2, |state, ctx, args| {
        if !state.is_request(ctx, &args[0])? {
            return Err(Exception::throw_internal(ctx, "The request is over"));
        }
        let name = text(ctx, &args[1])?;
        if name == "caller" {
            let caller = during(state, ctx, |occasion| occasion.call.caller.clone())?;
            return caller_object(state, ctx, &caller);
        }
        during(state, ctx, |occasion| part(ctx, occasion, &name))?
    })?;
    for name in ["text", "json", "arrayBuffer"] {
        define_between(&native, state, name, 0..=usize::MAX, move |state, ctx, args| {
            if !args.is_empty() {
                let message = format!("Passed {} arguments, but expected none", args.len());
                return Err(Exception::throw_type(ctx, &message));
            }
            during(state, ctx, |occasion| part(ctx, occasion, name))?
        })?;
    }
    Ok(native)
}

/// How many parts of the request are there from the start.
pub(crate) const PARTS: usize = 7;

/// These parts: texts and what is made of them, in the order in which `request.js` takes them.
pub(crate) fn parts<'js>(ctx: &Ctx<'js>, occasion: &Occasion<'_>) -> Result<[Value<'js>; PARTS]> {
    let part = |name| part(ctx, occasion, name);
    Ok([
        part("query")?,
        part("path")?,
        part("method")?,
        part("hostname")?,
        part("route")?,
        part("url")?,
        part("params")?,
    ])
}

fn part<'js>(ctx: &Ctx<'js>, occasion: &Occasion<'_>, name: &str) -> Result<Value<'js>> {
    let CallBody::Http(request, values) = &occasion.call.body else {
        return Err(Exception::throw_internal(ctx, "The request is not HTTP"));
    };
    match name {
        "headers" => {
            let headers = Object::new(ctx.clone())?;
            for (name, value) in request.headers.iter() {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                // The first of several counts, as for the service itself.
                if !headers.contains_key(&*name)? {
                    headers.set(&*name, &*String::from_utf8_lossy(value))?;
                }
            }
            Ok(headers.into_value())
        }
        "query" => string(ctx, request.query()),
        "path" => string(ctx, request.path()),
        "method" => string(ctx, request.method.as_str()),
        "hostname" => match request.headers.get("host") {
            Some(host) => string(ctx, &String::from_utf8_lossy(host)),
            None => Ok(Value::new_null(ctx.clone())),
        },
        "route" => string(ctx, &occasion.endpoint.full_path),
        "url" if request.query().is_empty() => string(ctx, request.path()),
        "url" => string(ctx, request.target()),
        "params" => {
            let params = Object::new(ctx.clone())?;
            for (name, value) in occasion.endpoint.parameters.iter().zip(values) {
                params.set(&**name, &**value)?;
            }
            Ok(params.into_value())
        }
        "text" => string(ctx, &String::from_utf8_lossy(&request.body)),
        "json" => ctx.json_parse(&*request.body),
        "arrayBuffer" => buffer(ctx, &request.body),
        _ => Ok(undefined(ctx)),
    }
}

/// Who calls, as CCF tells it (`src/js/extensions/ccf/request.cpp`).
fn caller_object<'js>(state: &State, ctx: &Ctx<'js>, caller: &Caller) -> Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    match caller {
        Caller::Anyone => object.set("policy", &*Policy::NoAuth.name())?,
        Caller::AnyCertificate(_, der, _) => {
            object.set("policy", &*Policy::AnyCert.name())?;
            object.set("cert", pem::encode("CERTIFICATE", der))?;
        }
        Caller::User(id) => registered(state, ctx, &object, &Policy::UserCert, id)?,
        Caller::Member(id) => registered(state, ctx, &object, &Policy::MemberCert, id)?,
        Caller::UserSigned(id, signed) | Caller::MemberSigned(id, signed) => {
            let cose = Object::new(ctx.clone())?;
            cose.set("content", buffer(ctx, &signed.payload)?)?;
            object.set("cose", cose)?;
            let is_user = matches!(caller, Caller::UserSigned(..));
            let policy = if is_user { Policy::UserCoseSign1 } else { Policy::MemberCoseSign1 };
            registered(state, ctx, &object, &policy, id)?;
        }
        Caller::Jwt(identity) => {
            object.set("policy", &*Policy::Jwt.name())?;
            let jwt = Object::new(ctx.clone())?;
            jwt.set("keyIssuer", &*identity.key_issuer)?;
            jwt.set("header", ctx.json_parse(&*identity.header)?)?;
            jwt.set("payload", ctx.json_parse(&*identity.payload)?)?;
            object.set("jwt", jwt)?;
        }
        Caller::AllOf(callers) => {
            let policies = Array::new(ctx.clone())?;
            for (at, (name, caller)) in callers.iter().enumerate() {
                object.set(&**name, caller_object(state, ctx, caller)?)?;
                policies.set(at, &**name)?;
            }
            object.set("policy", policies)?;
        }
    }
    Ok(object.into_value())
}

/// What the service knows of a user or member.
fn registered<'js>(
    state: &State,
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    policy: &Policy,
    id: &Digest,
) -> Result<()> {
    let is_user = matches!(policy, Policy::UserCert | Policy::UserCoseSign1);
    let (group, field) = if is_user { ("users", "user_data") } else { ("members", "member_data") };
    let id = id.to_hex();
    let row =
        |tx: &Tx, table| tx.get(&TableName::new(&format!("public:ccf.gov.{group}.{table}")), id.as_bytes());
    let (info, cert) = state.with_tx(ctx, |tx| (row(tx, "info"), row(tx, "certs")))?;
    object.set("policy", &*policy.name())?;
    object.set("id", &*id)?;
    let info = match info {
        Some(info) => ctx.json_parse(&*info)?,
        None => undefined(ctx),
    };
    let data = info.as_object().map(|info| info.get::<_, Value<'js>>(field)).transpose()?;
    let data = data.filter(|data| !data.is_undefined());
    object.set("data", data.unwrap_or_else(|| Value::new_null(ctx.clone())))?;
    if let Some(cert) = cert {
        object.set("cert", &*String::from_utf8_lossy(&cert))?;
    }
    Ok(())
}
