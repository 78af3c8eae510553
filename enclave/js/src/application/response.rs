//! What an endpoint returned, as a response: `{ statusCode?, headers?, body? }`.

use std::borrow::Cow;

use coco_app::{Response, Status, media};
use rquickjs::{ArrayBuffer, Ctx, Object, Value, object::Filter};

use super::machine::Failure;
use crate::{
    error::{ErrorKind, ScriptError},
    ffi,
    realm::{self, Tools},
    state::State,
};

const NOT_AN_OBJECT: &str = "Invalid endpoint function return value (not an object).";
const NOT_JSON: &str = "Invalid endpoint function return value (error during JSON conversion of body).";
const NOT_TEXT: &str = "Invalid endpoint function return value (error during string conversion of body).";
const HEADER_NAME: &str = "Invalid endpoint function return value (header type).";
const HEADER_VALUE: &str = "Invalid endpoint function return value (header value type).";
const STATUS: &str = "Invalid endpoint function return value (status code type).";

/// Header fields that belong to the connection, not to the answer.
const OF_CONNECTION: [&str; 6] =
    ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];
/// Most header fields of an answer.
const MAX_HEADERS: usize = 256;

/// Reads what an endpoint returned.
pub(super) fn read<'js>(
    ctx: &Ctx<'js>,
    returned: &Value<'js>,
    tools: &Tools,
    state: &State,
) -> Result<Response, Failure> {
    let caught =
        |error: rquickjs::Error| ScriptError::caught(ctx, &error, ErrorKind::Exception, &state.budget);
    let Some(returned) = returned.as_object() else { return Err(Failure::Result(NOT_AN_OBJECT, None)) };
    let property = |name| returned.get::<_, Value<'js>>(name).map_err(|error| Failure::Script(caught(error)));
    let mut response = body(ctx, property("body")?, tools, state)?;
    if let Some(fields) = property("headers")?.as_object() {
        for (name, value) in headers(ctx, fields, state)? {
            response.headers.retain(|(other, _)| *other != name);
            response.headers.push((name, value));
        }
    }
    let status = property("statusCode")?;
    if !status.is_undefined() && !status.is_null() {
        response.status = status_code(&status).ok_or(Failure::Result(STATUS, None))?;
    }
    Ok(response)
}

/// A final status. Numbers out of JSON may be integers without being of the engine's integer type.
fn status_code(value: &Value<'_>) -> Option<Status> {
    let code = value.as_number().filter(|code| code.fract() == 0.0 && (200.0..=599.0).contains(code))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    Some(Status(code as u16))
}

fn body<'js>(ctx: &Ctx<'js>, body: Value<'js>, tools: &Tools, state: &State) -> Result<Response, Failure> {
    let failed = |message| {
        move |error: rquickjs::Error| {
            let error = ScriptError::caught(ctx, &error, ErrorKind::Result, &state.budget);
            Failure::Result(message, Some(error))
        }
    };
    let with_body = |media_type, body| Response::with_body(Status::OK, media_type, body);
    if body.is_undefined() {
        return Ok(Response::empty(Status::OK));
    }
    if let Some(text) = body.as_string() {
        let text = text.to_string().map_err(failed(NOT_TEXT))?;
        return Ok(with_body(media::TEXT, text.into_bytes()));
    }
    if let Some(buffer) = buffer_of(ctx, &body, tools).map_err(failed(NOT_JSON))? {
        let bytes = ffi::bytes_of(&buffer).ok_or(Failure::Result(NOT_JSON, None))?;
        return Ok(with_body(media::OCTETS, bytes));
    }
    let json = tools.pass(ctx).and_then(|pass| ctx.json_stringify_replacer(body, pass));
    let json = match json.map_err(failed(NOT_JSON))? {
        Some(json) => json.to_string().map_err(failed(NOT_TEXT))?,
        // What CCF makes of a function.
        None => "undefined".to_owned(),
    };
    Ok(with_body(media::JSON, json.into_bytes()))
}

/// A body that is an `ArrayBuffer` or a typed array, which is made one.
fn buffer_of<'js>(
    ctx: &Ctx<'js>,
    body: &Value<'js>,
    tools: &Tools,
) -> rquickjs::Result<Option<ArrayBuffer<'js>>> {
    let Some(object) = body.as_object() else { return Ok(None) };
    if ffi::is_typed_array(object) {
        return tools.plain(ctx)?.call((body.clone(),)).map(Some);
    }
    if !ffi::is_buffer(object) {
        return Ok(None);
    }
    let buffer = ArrayBuffer::from_value(body.clone());
    if buffer.is_none() {
        // The engine has noted that it is detached.
        ctx.catch();
    }
    Ok(buffer)
}

type Field = (Cow<'static, str>, Cow<'static, str>);

fn headers<'js>(ctx: &Ctx<'js>, fields: &Object<'js>, state: &State) -> Result<Vec<Field>, Failure> {
    let failed = |message| {
        move |error: rquickjs::Error| {
            let error = ScriptError::caught(ctx, &error, ErrorKind::Result, &state.budget);
            Failure::Result(message, Some(error))
        }
    };
    let mut headers = Vec::new();
    for field in fields.own_props::<String, Value<'js>>(Filter::new().string().enum_only()) {
        let (name, value) = field.map_err(failed(HEADER_NAME))?;
        let name = name.to_ascii_lowercase();
        let value = realm::text(ctx, &value).map_err(failed(HEADER_VALUE))?;
        if !is_name(&name) || headers.len() == MAX_HEADERS {
            return Err(Failure::Result(HEADER_NAME, None));
        }
        if !is_value(&value) {
            return Err(Failure::Result(HEADER_VALUE, None));
        }
        if !OF_CONNECTION.contains(&name.as_str()) {
            headers.push((name.into(), value.into()));
        }
    }
    Ok(headers)
}

/// A token (RFC 9110, section 5.6.2).
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Visible characters and blanks: nothing that could end the field.
fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}
