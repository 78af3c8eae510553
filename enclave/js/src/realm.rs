//! The global environment of a script: bounded builtins, `console` and `ccf`.

use std::rc::Rc;

use rquickjs::{ArrayBuffer, Ctx, Exception, FromJs, Function, Object, Result, Value, function::Rest};

use crate::{
    api::{convert, kv},
    console::ConsoleLevel,
    ffi,
    state::State,
};

/// Longest array that builtins may loop over; the same number stands in `bounds.js`.
const MAX_LENGTH: f64 = 16_777_216.0;

/// Bounds the builtins of a new realm. Scripts in it see nothing but the language.
pub(crate) fn bound<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "tick", 0, |_, ctx, _| Ok(undefined(ctx)))?;
    define(&native, state, "isPlainArray", 1, |_, ctx, args| is_plain_array(ctx, &args[0]))?;
    define(&native, state, "now", 0, |state, ctx, _| Ok(number(ctx, state.now_ms())))?;
    define(&native, state, "random", 0, |state, ctx, _| Ok(number(ctx, state.random())))?;
    let bounds: Function<'js> = ctx.eval(include_str!("realm/bounds.js"))?;
    bounds.call((native,))
}

/// Adds `console` to a realm that was bounded; lines go to the state's.
pub(crate) fn furnish_console<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "print", 2, |state, ctx, args| {
        let fails = args[0].as_bool() == Some(true);
        let level = if fails { ConsoleLevel::Fail } else { ConsoleLevel::Info };
        state.console.borrow_mut().print(level, &text(ctx, &args[1])?);
        Ok(undefined(ctx))
    })?;
    define(&native, state, "isError", 1, |_, ctx, args| Ok(boolean(ctx, args[0].is_error())))?;
    let build: Function<'js> = ctx.eval(include_str!("realm/console.js"))?;
    let console: Object<'js> = build.call((native,))?;
    ctx.globals().set("console", console)
}

/// Adds a `ccf` with what is written in JavaScript to a realm that was bounded; returns it.
pub(crate) fn furnish_ccf<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "strToBuf", 1, |_, ctx, args| convert::text_to_buffer(ctx, &args[0]))?;
    native.set("tables", kv::natives(ctx, state)?)?;
    let build: Function<'js> = ctx.eval(include_str!("realm/ccf.js"))?;
    let parts: Object<'js> = build.call((native,))?;
    let ccf = Object::new(ctx.clone())?;
    for name in ["kv", "jsonCompatibleToBuf"] {
        ccf.set(name, parts.get::<_, Value<'js>>(name)?)?;
    }
    ctx.globals().set("ccf", ccf.clone())?;
    Ok(ccf)
}

fn is_plain_array<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
    let plain = value.as_object().filter(|_| value.is_array() && !value.is_proxy());
    if let Some(array) = plain
        && array.get::<_, f64>("length")? > MAX_LENGTH
    {
        return Err(Exception::throw_range(ctx, &format!("array length exceeds {MAX_LENGTH}")));
    }
    Ok(boolean(ctx, plain.is_some()))
}

/// Adds a native function that insists on `arity` arguments. It does nothing once the time is over: the
/// engine's own look at the deadline is too seldom for functions that do much.
pub(crate) fn define<'js>(
    object: &Object<'js>,
    state: &Rc<State>,
    name: &'static str,
    arity: usize,
    body: impl Fn(&State, &Ctx<'js>, &[Value<'js>]) -> Result<Value<'js>> + 'js,
) -> Result<()> {
    let state = state.clone();
    let checked = move |ctx: Ctx<'js>, Rest(args): Rest<Value<'js>>| {
        if args.len() != arity {
            let message = format!("Passed {} arguments, but expected {arity}", args.len());
            return Err(Exception::throw_type(&ctx, &message));
        }
        if state.budget.is_over() {
            return Err(Exception::throw_internal(&ctx, "interrupted"));
        }
        body(&state, &ctx, &args)
    };
    let function = Function::new(object.ctx().clone(), checked)?.with_name(name)?.with_length(arity)?;
    object.set(name, function)
}

/// The value `undefined`.
pub(crate) fn undefined<'js>(ctx: &Ctx<'js>) -> Value<'js> {
    Value::new_undefined(ctx.clone())
}

/// A JavaScript boolean.
pub(crate) fn boolean<'js>(ctx: &Ctx<'js>, value: bool) -> Value<'js> {
    Value::new_bool(ctx.clone(), value)
}

/// A JavaScript number.
pub(crate) fn number<'js>(ctx: &Ctx<'js>, value: f64) -> Value<'js> {
    Value::new_number(ctx.clone(), value)
}

/// A JavaScript string.
pub(crate) fn string<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    Ok(rquickjs::String::from_str(ctx.clone(), text)?.into_value())
}

/// A copy of `bytes` as an `ArrayBuffer`.
pub(crate) fn buffer<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Value<'js>> {
    Ok(ArrayBuffer::new_copy(ctx.clone(), bytes)?.into_value())
}

/// The bytes of an argument that must be an `ArrayBuffer`.
pub(crate) fn bytes<'js>(ctx: &Ctx<'js>, value: &Value<'js>, message: &str) -> Result<Vec<u8>> {
    let found = ArrayBuffer::from_value(value.clone()).and_then(|buffer| ffi::bytes_of(&buffer));
    found.ok_or_else(|| {
        // The engine has noted an exception of its own.
        ctx.catch();
        Exception::throw_type(ctx, message)
    })
}

/// An argument as text, converted as JavaScript does.
pub(crate) fn text<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<String> {
    Ok(rquickjs::Coerced::<String>::from_js(ctx, value.clone())?.0)
}

/// The JSON of a value, as `JSON.stringify` has it; none where that has nothing.
pub(crate) fn to_json<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Option<String>> {
    if value.is_symbol() || value.is_undefined() {
        return Ok(None);
    }
    // A replacer lets the engine stop at each property; see `bounds.js`.
    let pass: Function<'js> = ctx.eval("(key, value) => value")?;
    let json = ctx.json_stringify_replacer(value.clone(), pass)?;
    json.map(|json| json.to_string()).transpose()
}
