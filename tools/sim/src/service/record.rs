//! What happened last in a run.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use coco_boundary::{Level, Log, LogSink, Record};

/// The last lines that are kept.
const MAX_RECORDED: usize = 400;

/// The last lines of logs and events.
#[derive(Default)]
pub(super) struct Recorder(Mutex<VecDeque<String>>);

impl Recorder {
    /// The log of a node.
    pub(super) fn log(recorder: &Arc<Self>, place: usize) -> Log {
        Log::new(Arc::new(Named(Arc::clone(recorder), place)))
    }

    pub(super) fn keep(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line);
        let over = lines.len().saturating_sub(MAX_RECORDED);
        lines.drain(..over);
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

struct Named(Arc<Recorder>, usize);

impl LogSink for Named {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Info
    }

    fn record(&self, record: &Record<'_>) {
        self.0.keep(format!("       node {} logs: {}", self.1, record.message));
    }
}
