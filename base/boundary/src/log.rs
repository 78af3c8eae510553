//! Log records on their way to the host.

use std::{fmt, panic::Location, sync::Arc};

/// Handle through which one part of the node logs; cheap to clone.
///
/// ```
/// # let log = coco_boundary::Log::discard();
/// # let seqno = 5;
/// log.info(format_args!("Signed {seqno}"));
/// ```
///
/// A record carries the place of the call. The host reads every record: no keys, no plaintext,
/// no user input.
#[derive(Clone)]
pub struct Log {
    sink: Arc<dyn LogSink>,
    tag: &'static str,
}

impl Log {
    /// Logs to `sink` without a tag.
    #[must_use]
    pub fn new(sink: Arc<dyn LogSink>) -> Self {
        Self { sink, tag: "" }
    }

    /// Logs nowhere.
    #[must_use]
    pub fn discard() -> Self {
        Self::new(Arc::new(Discard))
    }

    /// The same with a tag, such as `app`.
    #[must_use]
    pub fn tagged(&self, tag: &'static str) -> Self {
        Self { sink: Arc::clone(&self.sink), tag }
    }

    /// Whether records of this level are kept: to be asked before costly preparation.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        self.sink.enabled(level)
    }

    /// Every step.
    #[track_caller]
    pub fn trace(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Trace, message);
    }

    /// For developers.
    #[track_caller]
    pub fn debug(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Debug, message);
    }

    /// For operators.
    #[track_caller]
    pub fn info(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Info, message);
    }

    /// Something went wrong and the node goes on.
    #[track_caller]
    pub fn fail(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Fail, message);
    }

    /// The node cannot go on.
    #[track_caller]
    pub fn fatal(&self, message: fmt::Arguments<'_>) {
        self.log(Level::Fatal, message);
    }

    /// One record of a level known only at run time.
    #[track_caller]
    pub fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        if self.sink.enabled(level) {
            let place = Location::caller();
            self.sink.record(&Record {
                level,
                tag: self.tag,
                file: place.file(),
                line: place.line(),
                message,
            });
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// Takes log records, from any thread.
pub trait LogSink: Send + Sync {
    /// Whether records of this level are kept; must be cheap.
    fn enabled(&self, level: Level) -> bool;

    /// Keeps one record.
    fn record(&self, record: &Record<'_>);
}

/// One line of the log.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// How grave it is.
    pub level: Level,
    /// Part of the node, or empty.
    pub tag: &'static str,
    /// Source file.
    pub file: &'static str,
    /// Line in it.
    pub line: u32,
    /// What happened.
    pub message: fmt::Arguments<'a>,
}

/// How grave a record is; the names are CCF's (`include/ccf/ds/logger_level.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Every step.
    Trace,
    /// For developers.
    Debug,
    /// For operators.
    Info,
    /// Something went wrong and the node goes on.
    Fail,
    /// The node cannot go on.
    Fatal,
}

impl Level {
    /// All, from the least grave.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Fail, Self::Fatal];

    /// As it is written in configuration and log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Fail => "fail",
            Self::Fatal => "fatal",
        }
    }
}

struct Discard;

impl LogSink for Discard {
    fn enabled(&self, _: Level) -> bool {
        false
    }

    fn record(&self, _: &Record<'_>) {}
}

#[cfg(test)]
mod tests;
