//! Checks of a constitution before it comes into force.

use crate::{
    error::{ErrorKind, ScriptError},
    interpreter::{Capabilities, Interpreter, Script},
    limits::Limits,
};

/// Why a text cannot be the constitution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConstitution {
    /// There is none.
    #[error("constitution is empty")]
    Empty,
    /// It does not run, or lacks one of its functions.
    #[error("{NAME} does not export a function named {function}: {error}")]
    Function {
        /// The function looked for.
        function: &'static str,
        /// What was found instead.
        error: ScriptError,
    },
    /// A function takes another number of arguments than the service passes.
    #[error("{NAME} exports function {function} with {found} {}, expected {expected}", arguments(*found))]
    Arguments {
        /// The function.
        function: &'static str,
        /// How many it takes.
        found: usize,
        /// How many it should take.
        expected: &'static str,
    },
}

const NAME: &str = "proposed constitution";

/// What the service calls: name, least and most arguments, and how to say so.
const FUNCTIONS: [(&str, usize, usize, &str); 3] = [
    ("validate", 1, 1, "1 arg (input)"),
    ("resolve", 3, 4, "between 3 and 4 args (proposal, proposerId, votes[, proposalId])"),
    ("apply", 2, 2, "2 args (proposal, proposerId)"),
];

/// Stack of the check itself, which may run within another script.
const STACK_BYTES: usize = 256 << 10;

/// Evaluates a constitution in a realm of its own that sees nothing of the ledger, and looks at the
/// functions it exports (CCF `ccf.gov.validateConstitution`). What it prints is dropped: it is not in force.
///
/// # Errors
/// See [`InvalidConstitution`].
pub fn validate(
    source: &str,
    limits: Limits,
    capabilities: &Capabilities,
) -> Result<(), InvalidConstitution> {
    if source.is_empty() {
        return Err(InvalidConstitution::Empty);
    }
    let failed = |function| move |error| InvalidConstitution::Function { function, error };
    let limits = Limits { stack_bytes: limits.stack_bytes.min(STACK_BYTES), ..limits };
    let script = Script { name: NAME, source };
    let lengths = Interpreter::isolated(limits, capabilities)
        .and_then(|interpreter| interpreter.function_lengths(script, &FUNCTIONS.map(|(name, ..)| name)))
        .map_err(|error| failed(FUNCTIONS[0].0)(unusable(error)))?;
    for ((function, least, most, expected), found) in FUNCTIONS.into_iter().zip(lengths) {
        let missing = || {
            let text = format!("Failed to find export '{function}' in module '{NAME}'");
            ScriptError::new(ErrorKind::Load, text)
        };
        let found = found.ok_or_else(|| failed(function)(missing()))?;
        if !(least..=most).contains(&found) {
            return Err(InvalidConstitution::Arguments { function, found, expected });
        }
    }
    Ok(())
}

/// Says whether it is no JavaScript, or fails when it is evaluated.
fn unusable(error: ScriptError) -> ScriptError {
    let failed = if error.message.starts_with("SyntaxError") { "compile" } else { "execute" };
    ScriptError { message: format!("Failed to {failed} {NAME}: {}", error.message), ..error }
}

fn arguments(count: usize) -> &'static str {
    if count == 1 { "arg" } else { "args" }
}
