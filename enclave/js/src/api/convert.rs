//! Conversions at the root of `ccf`.

use std::rc::Rc;

use coco_crypto::Certificate;
use rquickjs::{Coerced, Ctx, Exception, FromJs, Object, Result, Value};

use crate::{
    realm::{boolean, buffer, bytes, define, string, text},
    state::State,
};

const NOT_A_BUFFER: &str = "Argument must be an ArrayBuffer";

/// Adds them to `ccf`.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    define(ccf, state, "strToBuf", 1, |_, ctx, args| text_to_buffer(ctx, &args[0]))?;
    define(ccf, state, "bufToStr", 1, |_, ctx, args| {
        string(ctx, &String::from_utf8_lossy(&bytes(ctx, &args[0], NOT_A_BUFFER)?))
    })?;
    define(ccf, state, "bufToJsonCompatible", 1, |_, ctx, args| {
        ctx.json_parse(bytes(ctx, &args[0], NOT_A_BUFFER)?)
    })?;
    define(ccf, state, "pemToId", 1, |_, ctx, args| {
        let certificate = Certificate::from_pem(&text(ctx, &args[0])?)
            .map_err(|error| Exception::throw_internal(ctx, &format!("Failed to parse PEM: {error}")))?;
        string(ctx, &certificate.fingerprint().to_hex())
    })?;
    define(ccf, state, "enableMetricsLogging", 1, |state, ctx, args| match args[0].as_bool() {
        Some(log) => Ok(boolean(ctx, state.logs_metrics.replace(log))),
        None => Err(Exception::throw_type(ctx, "First argument must be a boolean")),
    })?;
    define(ccf, state, "enableUntrustedDateTime", 1, |state, ctx, args| {
        let show = Coerced::<bool>::from_js(ctx, args[0].clone())?.0;
        Ok(boolean(ctx, state.clock.show(show)))
    })
}

/// A string as an `ArrayBuffer` of UTF-8.
pub(crate) fn text_to_buffer<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
    match value.as_string() {
        Some(text) => buffer(ctx, text.to_string()?.as_bytes()),
        None => Err(Exception::throw_type(ctx, "Argument must be a string")),
    }
}
