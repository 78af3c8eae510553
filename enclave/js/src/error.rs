//! How an execution fails.

use rquickjs::{Coerced, Ctx, Value};

use crate::{budget::Budget, realm};

/// Why a script has no result. It is shown to members or users: the text is the script's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The exception as text, as a script would print it: `TypeError: not a function`.
    pub message: String,
    /// Where it was thrown: one line a call, the innermost first.
    pub trace: Option<String>,
}

/// Kinds of failures of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A module is not JavaScript, is missing, throws while it is evaluated or lacks the function.
    Load,
    /// The function threw.
    Exception,
    /// Its time was over.
    Timeout,
    /// It wanted more memory than it may have.
    Memory,
    /// What it returned cannot be expressed in JSON.
    Result,
}

impl ScriptError {
    /// What CCF tells the members when the time was over.
    const TIMEOUT: &str = "Operation took too long to complete.";

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), trace: None }
    }

    pub(crate) fn timeout() -> Self {
        Self::new(ErrorKind::Timeout, Self::TIMEOUT)
    }

    /// The engine could not be set up within its memory.
    pub(crate) fn no_memory() -> Self {
        Self::new(ErrorKind::Memory, "InternalError: out of memory")
    }

    /// Takes the pending exception out of the engine.
    pub(crate) fn caught(ctx: &Ctx<'_>, error: &rquickjs::Error, kind: ErrorKind, budget: &Budget) -> Self {
        let mut caught = match error {
            rquickjs::Error::Exception => Self::thrown(ctx, &ctx.catch(), kind),
            rquickjs::Error::Allocation => Self::no_memory(),
            other => Self::new(kind, other.to_string()),
        };
        if budget.was_exceeded() {
            caught = Self { trace: caught.trace, ..Self::timeout() };
        } else if budget.was_refused() && caught.message == "null" {
            // Nothing was left for the error either.
            caught = Self { trace: caught.trace, ..Self::no_memory() };
        } else if budget.was_refused() && caught.message.ends_with("out of memory") {
            caught.kind = ErrorKind::Memory;
        }
        caught
    }

    pub(crate) fn thrown<'js>(ctx: &Ctx<'js>, exception: &Value<'js>, kind: ErrorKind) -> Self {
        let message = match exception.as_object() {
            Some(_) if !exception.is_error() => realm::to_json(ctx, exception).ok().flatten(),
            _ => exception.get::<Coerced<String>>().ok().map(|text| text.0),
        };
        let trace = exception
            .as_object()
            .filter(|_| exception.is_error())
            .and_then(|error| error.get::<_, Option<Coerced<String>>>("stack").ok().flatten());
        // Converting to text may run code of the script, and that may throw again.
        ctx.catch();
        Self { kind, message: message.unwrap_or_default(), trace: trace.map(|text| text.0) }
    }
}
