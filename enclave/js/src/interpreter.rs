//! One execution of one script: an engine of its own, bounded, thrown away afterwards.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use coco_crypto::Entropy;
use coco_kv::Tx;
use coco_tables::Context as ScriptContext;
use rquickjs::{
    Coerced, Context, Ctx, FromJs, Function, Module, Object, Runtime, Value, function::Args,
    promise::PromiseState,
};

use crate::{
    Deadline, api,
    console::Console,
    error::{ErrorKind, ScriptError},
    ffi::{self, Before, Heap, InterruptCounter, MeteredAllocator},
    governance::GovernanceHost,
    limits::Limits,
    modules::{Compiled, FromMemory, FromRoot, Modules},
    realm::{self, Prelude, Tools},
    state::{Natives, State},
};

/// Text of an ECMAScript module.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// What it is called in traces.
    pub name: &'a str,
    /// The module.
    pub source: &'a str,
}

/// What the enclave cannot give a script by itself.
#[derive(Clone)]
pub struct Capabilities {
    /// Whether its time is over.
    pub deadline: Deadline,
    /// For `Math.random`.
    pub entropy: Arc<dyn Entropy>,
    /// Time of the host in milliseconds since 1970. A script that has not called
    /// `ccf.enableUntrustedDateTime(true)` finds itself in 1970.
    pub untrusted_now_ms: u64,
}

/// Surroundings of one execution.
#[derive(Clone)]
pub struct Environment {
    /// What it runs for; decides which tables it may use.
    pub context: ScriptContext,
    /// What it may use of the node.
    pub limits: Limits,
    /// See there.
    pub capabilities: Capabilities,
    /// What it may import.
    pub modules: Arc<Modules>,
    /// What serves `ccf.node` and the like; they are absent without it.
    pub governance: Option<Rc<RefCell<dyn GovernanceHost>>>,
}

/// What a function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// As `JSON.stringify` has it; null where that has nothing.
    pub json: serde_json::Value,
    /// Whether JavaScript takes it for true.
    pub is_truthy: bool,
}

/// An execution that has ended.
pub struct Finished {
    /// The transaction, with what the script did to it: also when it failed.
    pub tx: Tx,
    /// Result or failure.
    pub outcome: Result<Returned, ScriptError>,
    /// What it printed.
    pub console: Console,
}

/// Evaluates `script` and calls a function that it exports. Strings are passed as they are, everything
/// else as its JSON.
///
/// Promises are not awaited and their jobs never run, as in CCF: a function that is `async` returns an
/// object.
#[must_use]
pub fn execute(
    script: Script<'_>,
    function: &str,
    arguments: &[serde_json::Value],
    environment: &Environment,
    tx: Tx,
) -> Finished {
    let Environment { context, limits, capabilities, .. } = environment;
    let state = State::new(*context, *limits, capabilities, Some(tx));
    let outcome = Interpreter::new(environment, &state)
        .and_then(|interpreter| interpreter.call(script, function, arguments));
    let outcome = if state.budget.was_exceeded() {
        Err(outcome.err().unwrap_or_else(ScriptError::timeout))
    } else {
        outcome
    };
    let tx = state.take_tx().expect("the transaction is lent by this function only");
    Finished { tx, outcome, console: state.console.take() }
}

/// An engine with one realm.
pub(crate) struct Interpreter {
    context: Context,
    heap: Rc<Heap>,
    state: Rc<State>,
}

/// Longest result that is converted.
const MAX_RESULT_BYTES: usize = 16 << 20;

impl Interpreter {
    fn new(environment: &Environment, state: &Rc<State>) -> Result<Self, ScriptError> {
        let interpreter = Self::empty(state, environment.modules.clone(), None)?;
        interpreter.setup(|ctx| {
            let prelude = &Prelude::Sources;
            realm::bound(ctx, state, prelude)?;
            realm::furnish_console(ctx, state, prelude)?;
            let ccf = realm::furnish_ccf(ctx, state, prelude)?;
            api::convert::install(&ccf, state)?;
            api::tcb::install(&ccf, state)?;
            api::snp::install(ctx, state)?;
            api::crypto::install(&ccf, state)?;
            api::governance::install(&ccf, state)?;
            match &environment.governance {
                Some(host) => api::governance::install_effects(&ccf, state, host),
                None => Ok(()),
            }
        })?;
        Ok(interpreter)
    }

    /// An engine for calls of an application; they are executed by a [`Machine`](crate::application::Machine).
    pub(crate) fn application(
        state: &Rc<State>,
        modules: Arc<Modules>,
        compiled: Arc<Compiled>,
        prelude: &Compiled,
    ) -> Result<(Self, Tools, Natives), ScriptError> {
        let interpreter = Self::empty(state, modules, Some(compiled))?;
        state.natives.replace(Some(Natives::new()));
        let tools = interpreter.setup(|ctx| {
            let prelude = &Prelude::compiled(ctx, prelude)?;
            realm::bound(ctx, state, prelude)?;
            realm::furnish_console(ctx, state, prelude)?;
            let ccf = realm::furnish_ccf(ctx, state, prelude)?;
            api::convert::install(&ccf, state)?;
            api::tcb::install(&ccf, state)?;
            api::snp::install(ctx, state)?;
            api::convert::install_random(&ccf, state)?;
            api::crypto::install(&ccf, state)?;
            api::governance::install(&ccf, state)?;
            api::consensus::install(&ccf, state)?;
            api::rpc::install(&ccf, state)?;
            api::native::install(ctx, state)?;
            realm::furnish_application(&ccf, state, prelude)
        });
        let natives = state.natives.take().expect("only this function takes them");
        Ok((interpreter, tools?, natives))
    }

    /// Has these modules there before they are imported. They are not evaluated.
    pub(crate) fn declare(
        &self,
        modules: &Modules,
        compiled: &Compiled,
        names: &[String],
    ) -> Result<(), ScriptError> {
        let known = names.iter().filter_map(|name| Some((name, modules.get(name)?)));
        let mut known = known.collect::<Vec<_>>().into_iter();
        self.setup(|ctx| known.try_for_each(|(name, source)| compiled.declare(ctx, name, source).map(drop)))
    }

    /// A copy of what its heap holds, to be put back.
    pub(crate) fn before(&self) -> Before {
        Before::of(&self.heap, &self.state.budget)
    }

    /// What its native functions share.
    pub(crate) fn state(&self) -> &Rc<State> {
        &self.state
    }

    /// Runs `body` in its realm.
    pub(crate) fn with<T>(&self, body: impl FnOnce(&Ctx<'_>) -> T) -> T {
        self.context.with(|ctx| {
            ffi::begin_stack(&ctx);
            body(&ctx)
        })
    }

    /// Bounds the stack of what runs from now on, however low: an application may be kept from running at all.
    pub(crate) fn bound_stack(&self, limits: Limits) {
        let bytes = limits.engine_stack_bytes().min(limits.stack_bytes.max(1));
        self.context.runtime().set_max_stack_size(bytes);
    }

    /// Whether promises wait to be settled, which they are not.
    pub(crate) fn has_pending_jobs(&self) -> bool {
        self.context.runtime().is_job_pending()
    }

    /// An engine whose scripts see the language and a `console` that nobody reads, and import nothing.
    pub(crate) fn isolated(limits: Limits, capabilities: &Capabilities) -> Result<Self, ScriptError> {
        Self::importing(limits, capabilities, Arc::default())
    }

    /// The same for scripts that may import these modules.
    pub(crate) fn importing(
        limits: Limits,
        capabilities: &Capabilities,
        modules: Arc<Modules>,
    ) -> Result<Self, ScriptError> {
        let state = State::new(ScriptContext::GovernanceReadOnly, limits, capabilities, None);
        let interpreter = Self::empty(&state, modules, None)?;
        interpreter.setup(|ctx| {
            realm::bound(ctx, &state, &Prelude::Sources)?;
            realm::furnish_console(ctx, &state, &Prelude::Sources)
        })?;
        Ok(interpreter)
    }

    fn empty(
        state: &Rc<State>,
        modules: Arc<Modules>,
        compiled: Option<Arc<Compiled>>,
    ) -> Result<Self, ScriptError> {
        let heap = Rc::new(Heap::default());
        let allocator = MeteredAllocator { budget: state.budget.clone(), heap: heap.clone() };
        let runtime = Runtime::new_with_alloc(allocator).map_err(|_| ScriptError::no_memory())?;
        runtime.set_max_stack_size(state.limits.get().engine_stack_bytes());
        runtime.set_loader(FromRoot, FromMemory { modules, compiled, state: state.clone() });
        let context = Context::full(&runtime).map_err(|_| ScriptError::no_memory())?;
        let budget = state.budget.clone();
        let counter = context.with(|ctx| InterruptCounter::of(&ctx));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            counter.shorten();
            budget.is_over()
        })));
        Ok(Self { context, heap, state: state.clone() })
    }

    fn setup<T>(&self, build: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<T>) -> Result<T, ScriptError> {
        self.context.with(|ctx| build(&ctx).map_err(|error| self.caught(&ctx, &error, ErrorKind::Load)))
    }

    fn call(
        &self,
        script: Script<'_>,
        function: &str,
        arguments: &[serde_json::Value],
    ) -> Result<Returned, ScriptError> {
        self.context.with(|ctx| {
            let exported = self.evaluate(&ctx, script)?;
            let callee = self.function(&exported, script, function)?;
            let failed = |error: rquickjs::Error| self.caught(&ctx, &error, ErrorKind::Exception);
            let mut args = Args::new(ctx.clone(), arguments.len());
            for argument in arguments {
                args.push_arg(to_js(&ctx, argument).map_err(failed)?).map_err(failed)?;
            }
            let value: Value<'_> = callee.call_arg(args).map_err(failed)?;
            self.returned(&ctx, &value)
        })
    }

    /// Number of arguments of each exported function of these names; none where there is no such function.
    pub(crate) fn function_lengths(
        &self,
        script: Script<'_>,
        names: &[&str],
    ) -> Result<Vec<Option<usize>>, ScriptError> {
        self.context.with(|ctx| {
            let exported = self.evaluate(&ctx, script)?;
            let length = |name: &&str| {
                let function = self.function(&exported, script, name).ok()?;
                function.get("length").ok()
            };
            Ok(names.iter().map(length).collect())
        })
    }

    /// What a module exports.
    fn evaluate<'js>(&self, ctx: &Ctx<'js>, script: Script<'_>) -> Result<Object<'js>, ScriptError> {
        let failed = |error: rquickjs::Error| self.caught(ctx, &error, ErrorKind::Load);
        let declared = Module::declare(ctx.clone(), script.name, script.source).map_err(failed)?;
        let (module, promise) = declared.eval().map_err(failed)?;
        match promise.state() {
            PromiseState::Resolved => module.namespace().map_err(failed),
            PromiseState::Rejected => {
                let thrown = promise.result::<Value<'js>>().and_then(Result::err);
                Err(failed(thrown.unwrap_or(rquickjs::Error::Exception)))
            }
            PromiseState::Pending => {
                Err(ScriptError::new(ErrorKind::Load, "await at the top level of a module is not supported"))
            }
        }
    }

    fn function<'js>(
        &self,
        exported: &Object<'js>,
        script: Script<'_>,
        name: &str,
    ) -> Result<Function<'js>, ScriptError> {
        let value: Value<'js> =
            exported.get(name).map_err(|error| self.caught(exported.ctx(), &error, ErrorKind::Load))?;
        value.into_function().ok_or_else(|| {
            let message = format!("module '{}' exports no function '{name}'", script.name);
            ScriptError::new(ErrorKind::Load, message)
        })
    }

    fn returned<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Returned, ScriptError> {
        let failed = |error: rquickjs::Error| self.caught(ctx, &error, ErrorKind::Result);
        let is_truthy = Coerced::<bool>::from_js(ctx, value.clone()).map_err(failed)?.0;
        let json = realm::to_json(ctx, value).map_err(failed)?;
        let json = match json {
            Some(text) => {
                let parsed = (text.len() <= MAX_RESULT_BYTES).then(|| serde_json::from_str(&text).ok());
                parsed.flatten().ok_or_else(|| {
                    ScriptError::new(ErrorKind::Result, "the result is too large or nested too deeply")
                })?
            }
            None => serde_json::Value::Null,
        };
        Ok(Returned { json, is_truthy })
    }

    pub(crate) fn caught(&self, ctx: &Ctx<'_>, error: &rquickjs::Error, kind: ErrorKind) -> ScriptError {
        ScriptError::caught(ctx, error, kind, &self.state.budget)
    }
}

fn to_js<'js>(ctx: &Ctx<'js>, value: &serde_json::Value) -> rquickjs::Result<Value<'js>> {
    match value {
        serde_json::Value::String(text) => realm::string(ctx, text),
        other => ctx.json_parse(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
