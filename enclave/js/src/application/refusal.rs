//! What the caller is told of a failure, as CCF tells it (`src/js/registry.cpp`), and what is printed of it.

use coco_app::{ErrorCode, Reject};
use coco_tables::scripts::RuntimeOptions;
use serde_json::json;

use super::{machine::Failure, printed::Printed};
use crate::error::{ErrorKind, ScriptError};

/// Refuses a call that failed. Its exception is printed and told as the members want.
pub(super) fn refuse(failure: Failure, options: &RuntimeOptions, printed: &mut Printed) -> Reject {
    let (message, exception) = match failure {
        Failure::Load(message, exception) => {
            note(&message, exception.as_ref(), options, printed);
            return Reject::internal(message);
        }
        Failure::Script(error) if error.kind == ErrorKind::Timeout => {
            // What the engine throws to end a script.
            let message = "InternalError: interrupted".to_owned();
            ("Operation took too long to complete.", Some(ScriptError { message, ..error }))
        }
        Failure::Script(error) => ("Exception thrown while executing.", Some(in_words_of_ccf(error))),
        Failure::Result(message, error) => (message, error),
    };
    note(message, exception.as_ref(), options, printed);
    let details = exception.filter(|_| options.return_exception_details).map(|exception| {
        let mut detail = json!({ "code": ErrorCode::JSException, "message": exception.message });
        if let Some(trace) = exception.trace {
            detail["trace"] = without_columns(&trace).into();
        }
        detail
    });
    Reject { details: details.into_iter().collect(), ..Reject::internal(message) }
}

/// Adds an exception to what a call printed, if the members want these logged.
fn note(message: &str, exception: Option<&ScriptError>, options: &RuntimeOptions, printed: &mut Printed) {
    if let Some(exception) = exception.filter(|_| options.log_exception_details) {
        let trace = exception.trace.as_deref().unwrap_or("<no trace>");
        printed.exception(&format!("{message} {}: {trace}", exception.message));
    }
}

/// Later versions of the engine than CCF's have another name for the end of the stack.
fn in_words_of_ccf(error: ScriptError) -> ScriptError {
    if error.message == "RangeError: Maximum call stack size exceeded" {
        return ScriptError { message: "InternalError: stack overflow".to_owned(), ..error };
    }
    error
}

/// They also tell columns in their traces: `at f (/app.js:1:29)`. CCF's clients compare these.
fn without_columns(trace: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let shorten = |line: &str| {
        let (call, end) = line.rsplit_once(')')?;
        let (place, column) = call.rsplit_once(':')?;
        let (_, row) = place.rsplit_once(':')?;
        (is_number(column) && is_number(row)).then(|| format!("{place}){end}"))
    };
    trace.split_inclusive('\n').map(|line| shorten(line).unwrap_or_else(|| line.to_owned())).collect()
}

#[cfg(test)]
mod tests;
