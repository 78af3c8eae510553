//! Global objects that an application's native code adds.

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Object, Result, Value};

use crate::{
    application::NativeFunction,
    realm::{define, text},
    state::State,
};

/// What a call costs beside its arguments, in bytes: the transaction may remember rows that it reads.
const CALL_BYTES: usize = 256;

/// Adds them to the realm.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    for native in state.extension.get().objects {
        let object = Object::new(ctx.clone())?;
        for (name, value) in native.constants {
            object.set(*name, *value)?;
        }
        for function in native.functions {
            define(&object, state, function.name, function.arity, |state, ctx, args| {
                call(function, state, ctx, args)
            })?;
        }
        ctx.globals().set(native.name, object)?;
    }
    Ok(())
}

fn call<'js>(
    function: &'static NativeFunction,
    state: &State,
    ctx: &Ctx<'js>,
    args: &[Value<'js>],
) -> Result<Value<'js>> {
    let texts = args.iter().map(|arg| text(ctx, arg)).collect::<Result<Vec<_>>>()?;
    state.keep(ctx, texts.iter().map(String::len).sum::<usize>().saturating_add(CALL_BYTES))?;
    match state.with_tx(ctx, |tx| (function.body)(tx, &texts))? {
        Ok(value) => ctx.json_parse(value.to_string()),
        Err(reject) => Err(Exception::throw_internal(ctx, &reject.message)),
    }
}
