//! The global environment of a script: bounded builtins, `console` and `ccf`.

use std::{ops::RangeInclusive, rc::Rc};

use rquickjs::{
    ArrayBuffer, Ctx, Exception, FromJs, Function, Object, Persistent, Result, Value,
    function::{Args, Rest},
};

use crate::{
    api::{convert, historical, kv, request},
    console::ConsoleLevel,
    ffi,
    modules::Compiled,
    occasion::Occasion,
    state::State,
};

/// Longest array that builtins may loop over; the same number stands in `bounds.js`.
const MAX_LENGTH: f64 = 16_777_216.0;

macro_rules! prelude {
    ($($name:ident),*) => {
        /// The parts of a realm that are written in JavaScript: functions of what is native in them.
        const SOURCES: &[(&str, &str)] =
            &[$((stringify!($name), include_str!(concat!("realm/", stringify!($name), ".js")))),*];
        /// The same as one module.
        const MODULE: &str = concat!(
            "export default {",
            $(stringify!($name), ":", include_str!(concat!("realm/", stringify!($name), ".js")), ",",)*
            "};"
        );
    };
}
prelude!(bounds, console, ccf, request, historical);

/// Where a realm takes its parts from that are written in JavaScript.
pub(crate) enum Prelude<'js> {
    /// Each is compiled when it is needed.
    Sources,
    /// All were compiled together.
    Compiled(Object<'js>),
}

impl<'js> Prelude<'js> {
    /// All parts, compiled together if they were not before. Scripts cannot import them: the names of modules that they
    /// may import begin with a slash.
    pub(crate) fn compiled(ctx: &Ctx<'js>, kept: &Compiled) -> Result<Self> {
        let (module, _) = kept.declare(ctx, "prelude", MODULE)?.eval()?;
        Ok(Self::Compiled(module.namespace()?.get("default")?))
    }

    fn part(&self, ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
        match self {
            Self::Compiled(parts) => parts.get(name),
            Self::Sources => {
                let source = SOURCES.iter().find(|(known, _)| *known == name);
                ctx.eval(source.expect("the parts are named in this file").1)
            }
        }
    }
}

/// Bounds the builtins of a new realm. Scripts in it see nothing but the language.
pub(crate) fn bound<'js>(ctx: &Ctx<'js>, state: &Rc<State>, prelude: &Prelude<'js>) -> Result<()> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "tick", 0, |_, ctx, _| Ok(undefined(ctx)))?;
    define(&native, state, "isPlainArray", 1, |_, ctx, args| is_plain_array(ctx, &args[0]))?;
    define(&native, state, "now", 0, |state, ctx, _| Ok(number(ctx, state.clock.now_ms())))?;
    define(&native, state, "random", 0, |state, ctx, _| Ok(number(ctx, state.random())))?;
    prelude.part(ctx, "bounds")?.call((native,))
}

/// Adds `console` to a realm that was bounded; lines go to the state's.
pub(crate) fn furnish_console<'js>(ctx: &Ctx<'js>, state: &Rc<State>, prelude: &Prelude<'js>) -> Result<()> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "print", 2, |state, ctx, args| {
        let fails = args[0].as_bool() == Some(true);
        let level = if fails { ConsoleLevel::Fail } else { ConsoleLevel::Info };
        state.console.borrow_mut().print(level, &text(ctx, &args[1])?);
        Ok(undefined(ctx))
    })?;
    define(&native, state, "isError", 1, |_, ctx, args| Ok(boolean(ctx, args[0].is_error())))?;
    let console: Object<'js> = prelude.part(ctx, "console")?.call((native,))?;
    ctx.globals().set("console", console)
}

/// Adds a `ccf` with what is written in JavaScript to a realm that was bounded; returns it.
pub(crate) fn furnish_ccf<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<State>,
    prelude: &Prelude<'js>,
) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    define(&native, state, "strToBuf", 1, |_, ctx, args| convert::text_to_buffer(ctx, &args[0]))?;
    native.set("tables", kv::natives(ctx, state)?)?;
    let parts: Object<'js> = prelude.part(ctx, "ccf")?.call((native,))?;
    let ccf = Object::new(ctx.clone())?;
    for name in ["kv", "jsonCompatibleToBuf"] {
        ccf.set(name, parts.get::<_, Value<'js>>(name)?)?;
    }
    ctx.globals().set("ccf", ccf.clone())?;
    Ok(ccf)
}

/// Functions of the realm of an application that its host calls.
pub(crate) struct Tools {
    ccf: Persistent<Object<'static>>,
    request: Persistent<Function<'static>>,
    /// What makes it quick.
    _kept: Persistent<Object<'static>>,
    plain: Persistent<Function<'static>>,
    pass: Persistent<Function<'static>>,
    history: Persistent<Function<'static>>,
}

impl Tools {
    /// The request object of a call.
    pub(crate) fn request<'js>(&self, ctx: &Ctx<'js>, occasion: &Occasion<'_>) -> Result<Value<'js>> {
        let mut args = Args::new(ctx.clone(), request::PARTS);
        args.push_args(request::parts(ctx, occasion)?)?;
        self.request.clone().restore(ctx)?.call_arg(args)
    }

    /// Makes an `ArrayBuffer` of a typed array.
    pub(crate) fn plain<'js>(&self, ctx: &Ctx<'js>) -> Result<Function<'js>> {
        self.plain.clone().restore(ctx)
    }

    /// A replacer for `JSON.stringify` that lets the engine stop.
    pub(crate) fn pass<'js>(&self, ctx: &Ctx<'js>) -> Result<Function<'js>> {
        self.pass.clone().restore(ctx)
    }

    /// Adds `ccf.historicalState`.
    pub(crate) fn show_history(&self, ctx: &Ctx<'_>) -> Result<()> {
        let state: Value<'_> = self.history.clone().restore(ctx)?.call(())?;
        self.ccf.clone().restore(ctx)?.set(HISTORICAL_STATE, state)
    }

    /// Removes it.
    pub(crate) fn hide_history(&self, ctx: &Ctx<'_>) -> Result<()> {
        self.ccf.clone().restore(ctx)?.remove(HISTORICAL_STATE)
    }
}

const HISTORICAL_STATE: &str = "historicalState";

/// Adds to `ccf` what is written in JavaScript for applications.
pub(crate) fn furnish_application<'js>(
    ccf: &Object<'js>,
    state: &Rc<State>,
    prelude: &Prelude<'js>,
) -> Result<Tools> {
    let ctx = ccf.ctx();
    let request: Object<'js> = prelude.part(ctx, "request")?.call((request::natives(ctx, state)?,))?;
    let history: Object<'js> = prelude.part(ctx, "historical")?.call((historical::natives(ctx, state)?,))?;
    ccf.set("historical", history.get::<_, Value<'js>>("historical")?)?;
    let tool = |from: &Object<'js>, name| {
        from.get::<_, Function<'js>>(name).map(|function| Persistent::save(ctx, function))
    };
    Ok(Tools {
        ccf: Persistent::save(ctx, ccf.clone()),
        request: tool(&request, "request")?,
        _kept: Persistent::save(ctx, request.get::<_, Object<'js>>("kept")?),
        plain: tool(&request, "plain")?,
        pass: tool(&request, "pass")?,
        history: tool(&history, "state")?,
    })
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
    define_between(object, state, name, arity..=arity, body)
}

/// The same for a function that takes a range of numbers of arguments.
pub(crate) fn define_between<'js>(
    object: &Object<'js>,
    state: &Rc<State>,
    name: &'static str,
    arity: RangeInclusive<usize>,
    body: impl Fn(&State, &Ctx<'js>, &[Value<'js>]) -> Result<Value<'js>> + 'js,
) -> Result<()> {
    let (kept, state, least) = (state, state.clone(), *arity.start());
    let checked = move |ctx: Ctx<'js>, Rest(args): Rest<Value<'js>>| {
        if !arity.contains(&args.len()) {
            let (given, least, most) = (args.len(), arity.start(), arity.end());
            let expected = match most - least {
                0 => format!("{least}"),
                1 => format!("{least} or {most}"),
                _ => format!("between {least} and {most}"),
            };
            let message = format!("Passed {given} arguments, but expected {expected}");
            return Err(Exception::throw_type(&ctx, &message));
        }
        if state.budget.is_over() {
            return Err(Exception::throw_internal(&ctx, "interrupted"));
        }
        body(&state, &ctx, &args)
    };
    let function = Function::new(object.ctx().clone(), checked)?.with_name(name)?.with_length(least)?;
    if let Some(natives) = &mut *kept.natives.borrow_mut() {
        natives.push(Persistent::save(object.ctx(), function.clone()));
    }
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
