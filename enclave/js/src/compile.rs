//! Checks of modules before they are installed.

use std::sync::Arc;

use rquickjs::Module;

use crate::{
    error::{ErrorKind, ScriptError},
    interpreter::{Capabilities, Interpreter},
    limits::Limits,
    modules::Modules,
};

/// Stack of the check itself, which may run within another script.
const STACK_BYTES: usize = 256 << 10;

/// Compiles each module, and runs none.
///
/// # Errors
/// The first that is not JavaScript.
pub fn check_modules(modules: &Modules, capabilities: &Capabilities) -> Result<(), ScriptError> {
    let limits = Limits { stack_bytes: STACK_BYTES, ..Limits::default() };
    let interpreter = Interpreter::importing(limits, capabilities, Arc::new(modules.clone()))?;
    for (name, source) in modules {
        interpreter.with(|ctx| {
            let compiled = Module::declare(ctx.clone(), name.as_str(), &**source).map(drop);
            compiled.map_err(|error| {
                let error = interpreter.caught(ctx, &error, ErrorKind::Load);
                ScriptError { message: format!("{name}: {}", error.message), ..error }
            })
        })?;
    }
    Ok(())
}
