//! An interpreter with the modules of an application, for one call or one after the other.

use std::{rc::Rc, sync::Arc};

use coco_crypto::Entropy;
use coco_kv::Tx;
use coco_wire::Digest;
use rquickjs::{Ctx, Function, Object, Persistent, Value, promise::PromiseState};

use super::{
    Extension,
    bundle::Bundle,
    endpoint::Definition,
    pool::{Key, Kind},
    response,
};
use crate::{
    Capabilities, Deadline, Limits,
    clock::Elapsed,
    console::Console,
    error::{ErrorKind, ScriptError},
    ffi::Before,
    interpreter::Interpreter,
    modules::Compiled,
    occasion::Occasion,
    realm::{self, Tools},
    state::{Natives, State},
};

/// An interpreter, what is kept of it outside, and the modules that it evaluated.
pub(crate) struct Machine {
    // Values go before the engine that they are of.
    namespaces: Vec<(String, Persistent<Object<'static>>)>,
    tools: Tools,
    _natives: Natives,
    interpreter: Interpreter,
    bundle: Arc<Bundle>,
    /// What its calls are undone to.
    before: Option<Before>,
    /// What its calls import, to be known to others; none if it was made knowing.
    learns: Option<String>,
}

/// Time and memory that one call may take.
pub(super) struct Allowance {
    /// The limits in force.
    pub(super) limits: Limits,
    /// Bounds time; wall time goes on with it.
    pub(super) elapsed: Elapsed,
}

/// What came of a call.
pub(super) struct Ran {
    /// The transaction, with what the script did to it.
    pub(super) tx: Tx,
    /// Its answer.
    pub(super) outcome: Result<coco_app::Response, Failure>,
    /// What it printed.
    pub(super) console: Console,
    /// Whether its writes are kept, where it decided that.
    pub(super) keep_writes: Option<bool>,
    /// What it claims.
    pub(super) claims: Option<Digest>,
    /// Whether it leaves the interpreter fit for others.
    pub(super) is_reusable: bool,
    /// How long it took, in milliseconds, if that is to be logged.
    pub(super) logged_ms: Option<u64>,
}

/// Why a call has no answer of its own. Texts are CCF's (`src/js/registry.cpp`).
#[derive(Debug)]
pub(super) enum Failure {
    /// The function cannot be had.
    Load(String, Option<ScriptError>),
    /// It threw, or used up what it may.
    Script(ScriptError),
    /// What it returned is no answer.
    Result(&'static str, Option<ScriptError>),
}

impl Ran {
    /// A call for which there is no interpreter.
    pub(super) fn failed(tx: Tx, error: ScriptError) -> Self {
        Self {
            tx,
            outcome: Err(Failure::Script(error)),
            console: Console::default(),
            keep_writes: None,
            claims: None,
            is_reusable: false,
            logged_ms: None,
        }
    }
}

impl Allowance {
    pub(super) fn deadline(&self, limits: Limits) -> Deadline {
        let elapsed = self.elapsed.clone();
        let end_ms = elapsed().saturating_add(limits.execution_ms);
        Rc::new(move || elapsed() >= end_ms)
    }
}

impl Machine {
    /// Tables that a script may name before its interpreter is not used again.
    const MAX_TABLES: usize = 1024;

    /// An interpreter that has evaluated nothing.
    pub(super) fn fresh(
        bundle: &Arc<Bundle>,
        key: &Key,
        allowance: &Allowance,
        entropy: Arc<dyn Entropy>,
        prelude: &Compiled,
        extension: Extension,
    ) -> Result<Self, ScriptError> {
        let limits = allowance.limits.no_lower_than_default();
        let capabilities =
            Capabilities { deadline: allowance.deadline(limits), entropy, untrusted_now_ms: 0 };
        let state = State::new(key.rights, limits, &capabilities, None);
        state.extension.set(extension);
        let (modules, compiled) = (bundle.modules.clone(), bundle.compiled.clone());
        let (interpreter, tools, natives) = Interpreter::application(&state, modules, compiled, prelude)?;
        let (before, learns) = match &key.kind {
            Kind::Shared(_) => (None, None),
            Kind::Undone(module) => match bundle.compiled.imports(module) {
                Some(imports) => {
                    interpreter.declare(&bundle.modules, &bundle.compiled, &imports)?;
                    (Some(interpreter.before()), None)
                }
                None => (None, Some(module.clone())),
            },
        };
        let namespaces = Vec::new();
        Ok(Self { namespaces, tools, _natives: natives, interpreter, bundle: bundle.clone(), before, learns })
    }

    /// Makes it one that has evaluated nothing again, if it can be. The first call of a module says what is to be there
    /// before; the interpreters of those after it can be.
    pub(super) fn undo(&mut self) -> bool {
        if let Some(module) = self.learns.take() {
            self.bundle.compiled.note_imports(module, self.interpreter.state().imported.take());
        }
        let Some(before) = &self.before else { return false };
        before.restore(&mut self.namespaces);
        self.interpreter.state().forget();
        true
    }

    /// Executes a call.
    pub(super) fn run(&mut self, occasion: &Occasion<'_>, tx: Tx, allowance: &Allowance) -> Ran {
        let state = self.interpreter.state().clone();
        let began_ms = (allowance.elapsed)();
        state.clock.set(occasion.services.now_ms(), &allowance.elapsed, began_ms);
        state.lend_tx(tx);
        let outcome = state.occasion.during(occasion, || self.answer(occasion, allowance));
        let failed = matches!(
            &outcome,
            Err(Failure::Load(..)) | Err(Failure::Script(ScriptError { kind: ErrorKind::Memory, .. }))
        );
        let is_reusable = !failed
            && !state.budget.was_exceeded()
            && !state.budget.was_refused()
            && !self.interpreter.has_pending_jobs()
            && state.tables.borrow().len() <= Self::MAX_TABLES;
        state.past.borrow_mut().forget();
        Ran {
            tx: state.take_tx().expect("the transaction is lent by this function only"),
            outcome,
            console: state.console.take(),
            keep_writes: state.outcome.keep_writes.take(),
            claims: state.outcome.claims.take(),
            is_reusable,
            logged_ms: state.logs_metrics.get().then(|| (allowance.elapsed)().saturating_sub(began_ms)),
        }
    }

    fn answer(
        &mut self,
        occasion: &Occasion<'_>,
        allowance: &Allowance,
    ) -> Result<coco_app::Response, Failure> {
        let definition = occasion.endpoint.definition.as_ref().expect("it was looked at when it was found");
        if occasion.historical.is_none() {
            return self.call(occasion, definition, allowance);
        }
        self.arm(allowance, allowance.limits.no_lower_than_default());
        // The module may look at it, too, when it is evaluated.
        self.history(Tools::show_history)?;
        let answered = self.call(occasion, definition, allowance);
        self.history(Tools::hide_history)?;
        answered
    }

    fn history(&self, change: fn(&Tools, &Ctx<'_>) -> rquickjs::Result<()>) -> Result<(), Failure> {
        let budget = &self.interpreter.state().budget;
        self.interpreter.with(|ctx| {
            change(&self.tools, ctx).map_err(|error| {
                Failure::Script(ScriptError::caught(ctx, &error, ErrorKind::Exception, budget))
            })
        })
    }

    fn call(
        &mut self,
        occasion: &Occasion<'_>,
        definition: &Definition,
        allowance: &Allowance,
    ) -> Result<coco_app::Response, Failure> {
        let namespace = self.namespace(&definition.module, allowance)?;
        self.arm(allowance, allowance.limits);
        if self.interpreter.state().budget.is_exhausted() {
            return Err(Failure::Script(ScriptError::no_memory()));
        }
        if self.interpreter.state().budget.is_over() {
            return Err(Failure::Script(ScriptError::timeout()));
        }
        let Self { tools, interpreter, .. } = self;
        let state = interpreter.state();
        let outcome = interpreter.with(|ctx| {
            let function = exported(ctx, namespace, &definition.module, &definition.function)?;
            let caught = |error: rquickjs::Error| {
                Failure::Script(ScriptError::caught(ctx, &error, ErrorKind::Exception, &state.budget))
            };
            let request = tools.request(ctx, occasion).map_err(caught)?;
            state.request.replace(Some(Persistent::save(ctx, request.clone())));
            let returned = function.call((request,)).map_err(caught);
            let answered = returned.and_then(|returned| response::read(ctx, &returned, tools, state));
            state.request.take();
            answered
        });
        if state.budget.was_exceeded() {
            return Err(match outcome {
                Err(Failure::Script(error)) => Failure::Script(error),
                _ => Failure::Script(ScriptError::timeout()),
            });
        }
        outcome
    }

    /// Looks for the function of an endpoint, and does not call it. What its module does to the transaction when it is
    /// evaluated is dropped.
    pub(super) fn find_function(
        &mut self,
        definition: &Definition,
        tx: Tx,
        allowance: &Allowance,
    ) -> Result<(), Failure> {
        self.interpreter.state().lend_tx(tx);
        let namespace = self.namespace(&definition.module, allowance);
        let found = namespace.and_then(|namespace| {
            let Definition { module, function, .. } = definition;
            self.interpreter.with(|ctx| exported(ctx, namespace, module, function).map(drop))
        });
        self.interpreter.state().take_tx();
        found
    }

    fn arm(&self, allowance: &Allowance, limits: Limits) {
        self.interpreter.state().rearm(allowance.deadline(limits), limits);
        self.interpreter.bound_stack(limits);
    }

    /// What a module exports. It is evaluated at its first use, within the default limits at least, so that those of a call
    /// are of its function.
    fn namespace(
        &mut self,
        module: &str,
        allowance: &Allowance,
    ) -> Result<Persistent<Object<'static>>, Failure> {
        if let Some((_, known)) = self.namespaces.iter().find(|(name, _)| name == module) {
            return Ok(known.clone());
        }
        if !self.bundle.modules.contains_key(module) {
            return Err(Failure::Load(format!("Module '{module}' could not be loaded"), None));
        }
        self.arm(allowance, allowance.limits.no_lower_than_default());
        let state = self.interpreter.state();
        let namespace = self.interpreter.with(|ctx| {
            imported(ctx, module, &self.bundle.compiled)
                .map_err(|error| ScriptError::caught(ctx, &error, ErrorKind::Load, &state.budget))
                .map(|namespace| Persistent::save(ctx, namespace))
        });
        let namespace = namespace.map_err(|error| {
            if error.kind == ErrorKind::Timeout {
                return Failure::Script(error);
            }
            Failure::Load(format!("Failed to execute {module}: {error}"), Some(error))
        })?;
        self.namespaces.push((module.to_owned(), namespace.clone()));
        Ok(namespace)
    }
}

/// Evaluates a module as if another one had imported it, so that it is the same one for all.
fn imported<'js>(ctx: &Ctx<'js>, module: &str, compiled: &Compiled) -> rquickjs::Result<Object<'js>> {
    let name = serde_json::Value::from(module);
    let entry = format!("import * as namespace from {name}; export {{ namespace }};");
    // Scripts cannot import it: the names of modules that they may import begin with a slash.
    let (entry, promise) = compiled.declare(ctx, &format!("import of {module}"), &entry)?.eval()?;
    match promise.state() {
        PromiseState::Resolved => entry.namespace()?.get("namespace"),
        PromiseState::Rejected => {
            Err(promise.result::<Value<'js>>().and_then(Result::err).unwrap_or(rquickjs::Error::Exception))
        }
        PromiseState::Pending => {
            let message = "await at the top level of a module is not supported";
            Err(rquickjs::Exception::throw_type(ctx, message))
        }
    }
}

fn exported<'js>(
    ctx: &Ctx<'js>,
    namespace: Persistent<Object<'static>>,
    module: &str,
    name: &str,
) -> Result<Function<'js>, Failure> {
    let load = |message: String| Failure::Load(message, None);
    let namespace = namespace.restore(ctx).map_err(|error| load(error.to_string()))?;
    let value = namespace.get(name).unwrap_or_else(|_| {
        // A variable that was never set.
        ctx.catch();
        realm::undefined(ctx)
    });
    if value.is_undefined() {
        return Err(load(format!("Failed to find export '{name}' in module '{module}'")));
    }
    value
        .into_function()
        .ok_or_else(|| load(format!("Export '{name}' of module '{module}' is not a function")))
}
