//! What happened to the requests of one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use crate::histogram::Histogram;

/// The recorder of a thread, shared by its connections.
pub(crate) type Shared = Rc<RefCell<Recorder>>;

/// Counts of the requests that belong to the measured window.
///
/// A request belongs to the window by its *intended* start, so a server that stalls cannot hide the requests
/// that were due meanwhile; throughput counts the good answers that arrive within the window.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
    /// Requests due within the window.
    pub(crate) issued: u64,
    /// Those of them that were answered, however.
    pub(crate) answered: u64,
    /// Good answers that arrived within the window.
    pub(crate) completed: u64,
    /// From intended start to answer, good answers only.
    pub(crate) latency: Histogram,
    /// From intended start to the moment the bytes were handed to the system.
    pub(crate) lag: Histogram,
    /// Answers that were not good, by status.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Connections that ended early.
    pub(crate) broken: u64,
    /// Why the first of them did.
    pub(crate) first_error: Option<String>,
}

impl Recorder {
    pub(crate) fn new(from: Instant, until: Instant) -> Self {
        Self {
            from,
            until,
            issued: 0,
            answered: 0,
            completed: 0,
            latency: Histogram::default(),
            lag: Histogram::default(),
            refused: BTreeMap::new(),
            broken: 0,
            first_error: None,
        }
    }

    pub(crate) fn issued(&mut self, intended: Instant) {
        if self.holds(intended) {
            self.issued += 1;
        }
    }

    pub(crate) fn sent(&mut self, intended: Instant, now: Instant) {
        if self.holds(intended) {
            self.lag.record(now.saturating_duration_since(intended));
        }
    }

    pub(crate) fn answered(&mut self, intended: Instant, now: Instant, status: u16) {
        let good = (200..300).contains(&status) && status != 202;
        if good && self.holds(now) {
            self.completed += 1;
        }
        if !self.holds(intended) {
            return;
        }
        self.answered += 1;
        if good {
            self.latency.record(now.saturating_duration_since(intended));
        } else {
            *self.refused.entry(status).or_default() += 1;
        }
    }

    pub(crate) fn broke(&mut self, error: &impl ToString) {
        self.broken += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.issued += other.issued;
        self.answered += other.answered;
        self.completed += other.completed;
        self.latency.merge(&other.latency);
        self.lag.merge(&other.lag);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.broken += other.broken;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// Requests that were due and never answered.
    pub(crate) fn unanswered(&self) -> u64 {
        self.issued - self.answered
    }

    fn holds(&self, time: Instant) -> bool {
        self.from <= time && time < self.until
    }
}

#[cfg(test)]
mod tests;
