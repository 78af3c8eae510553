//! Conversions at the root of `ccf`.

use std::rc::Rc;

use coco_crypto::Certificate;
use rquickjs::{Coerced, Ctx, Exception, FromJs, Object, Result, Value};

use super::consensus::natural;
use crate::{
    realm::{boolean, buffer, bytes, define, string, text},
    state::State,
};

const NOT_A_BUFFER: &str = "Argument must be an ArrayBuffer";
/// Most bytes of one call of `ccf.random`.
const MAX_RANDOM_BYTES: usize = 65_536;

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

/// Adds `ccf.random(count)`, for applications only: what constitutions decide must be the same at every execution. CCF
/// has no such function.
pub(crate) fn install_random(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    define(ccf, state, "random", 1, |state, ctx, args| {
        let message = format!("Argument must be from 0 to {MAX_RANDOM_BYTES}");
        let count = natural(ctx, &args[0], &message)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_RANDOM_BYTES);
        let mut bytes = vec![0; count.ok_or_else(|| Exception::throw_range(ctx, &message))?];
        state.entropy().fill(&mut bytes);
        buffer(ctx, &bytes)
    })
}

/// A string as an `ArrayBuffer` of UTF-8.
pub(crate) fn text_to_buffer<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
    match value.as_string() {
        Some(text) => buffer(ctx, text.to_string()?.as_bytes()),
        None => Err(Exception::throw_type(ctx, "Argument must be a string")),
    }
}
