//! What a run found, as JSON and as text.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cpu::Usage;
use crate::histogram::Histogram;
use crate::plan::Plan;
use crate::recorder::Recorder;

/// What a run found. Times are in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// `HOST:PORT` of the service.
    pub service: String,
    /// What one request did.
    pub mode: String,
    /// `http/1.1` or `h2`.
    pub protocol: String,
    /// Connections used.
    pub connections: usize,
    /// Requests in flight on a connection, at most.
    pub in_flight: usize,
    /// Requests a second that were asked for; none in a closed loop.
    pub rate: Option<f64>,
    /// Number of keys.
    pub keys: u64,
    /// Bytes of a message.
    pub value: usize,
    /// Messages in a write.
    pub batch: usize,
    /// Seed of keys and messages.
    pub seed: u64,
    /// Length of the measured window.
    pub seconds: f64,
    /// Good answers within the window.
    pub requests: u64,
    /// Good answers a second; of batches, messages a second.
    pub per_second: f64,
    /// From intended start to answer.
    pub latency_us: Times,
    /// From intended start to sending: how late the generator itself was.
    pub send_lag_us: Times,
    /// What went wrong.
    pub failures: Failures,
    /// The server's CPU time for each request, of batches for each message; none if its process is not known.
    pub server_cpu_us: Option<f64>,
    /// The generator's CPU time for each request, of batches for each message.
    pub client_cpu_us: f64,
    /// Percent of the machine's CPU used by neither the server nor the generator.
    pub foreign_cpu_percent: f64,
    /// True if that is more than the plan allows: the figures must not be used.
    pub refused: bool,
}

/// Quantiles of a set of durations, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// The least.
    pub min: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// Nine of ten are not longer.
    pub p90: f64,
    /// 99 of 100 are not longer.
    pub p99: f64,
    /// 999 of 1,000 are not longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Requests that had no good answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Failures {
    /// Answers that were not 2xx, or were 202, by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests never answered.
    pub unanswered: u64,
    /// Connections that ended early.
    pub connections: u64,
    /// Why the first of them did.
    pub first_error: Option<String>,
}

impl Report {
    pub(crate) fn new(service: &str, plan: &Plan, window: Duration, found: &Recorder, cpu: Usage) -> Self {
        let done = found.completed * plan.batch as u64;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / (done.max(1)) as f64;
        Self {
            service: service.to_owned(),
            mode: plan.mode.name().to_owned(),
            protocol: plan.protocol.name().to_owned(),
            connections: plan.connections,
            in_flight: plan.protocol.in_flight(),
            rate: plan.rate,
            keys: plan.keys,
            value: plan.value,
            batch: plan.batch,
            seed: plan.seed,
            seconds: window.as_secs_f64(),
            requests: found.completed,
            per_second: done as f64 / window.as_secs_f64(),
            latency_us: Times::new(&found.latency),
            send_lag_us: Times::new(&found.lag),
            failures: Failures {
                statuses: found.refused.clone(),
                unanswered: found.unanswered(),
                connections: found.broken,
                first_error: found.first_error.clone(),
            },
            server_cpu_us: (!cpu.server.is_zero()).then(|| each(cpu.server)),
            client_cpu_us: each(cpu.own),
            foreign_cpu_percent: cpu.foreign_percent,
            refused: cpu.foreign_percent > plan.max_foreign,
        }
    }
}

impl Times {
    fn new(histogram: &Histogram) -> Self {
        Self {
            min: histogram.least(),
            mean: histogram.mean(),
            p50: histogram.quantile(0.5),
            p90: histogram.quantile(0.9),
            p99: histogram.quantile(0.99),
            p999: histogram.quantile(0.999),
            max: histogram.most(),
        }
    }
}

impl Failures {
    /// True if every request had a good answer.
    #[must_use]
    pub fn none(&self) -> bool {
        self.statuses.is_empty() && self.unanswered == 0 && self.connections == 0
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.none() {
            return write!(out, "none");
        }
        for (status, count) in &self.statuses {
            write!(out, "status {status}: {count}; ")?;
        }
        write!(out, "unanswered: {}; connections lost: {}", self.unanswered, self.connections)?;
        if let Some(error) = &self.first_error {
            write!(out, " ({error})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, p50, p90, p99, p999, max, .. } = self;
        write!(
            out,
            "p50 {p50:.0} µs, p90 {p90:.0}, p99 {p99:.0}, p99.9 {p999:.0}, max {max:.0}, mean {mean:.0}"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loop_kind = self.rate.map_or("closed loop".to_owned(), |rate| format!("open loop at {rate}/s"));
        writeln!(
            out,
            "{} on {}: {} × {} in flight, {}, {loop_kind}, {:.1} s",
            self.mode, self.service, self.connections, self.in_flight, self.protocol, self.seconds
        )?;
        match self.batch {
            1 => writeln!(out, "  answers     {} = {:.0}/s", self.requests, self.per_second)?,
            batch => writeln!(
                out,
                "  answers     {} of {batch} messages each = {:.0} messages/s",
                self.requests, self.per_second
            )?,
        }
        writeln!(out, "  latency     {}", self.latency_us)?;
        if self.rate.is_some() {
            writeln!(out, "  send lag    {}", self.send_lag_us)?;
        }
        writeln!(out, "  failures    {}", self.failures)?;
        let server = self.server_cpu_us.map_or("unknown".to_owned(), |us| format!("{us:.2} µs"));
        let each = if self.batch == 1 { "CPU each   " } else { "CPU/message" };
        writeln!(out, "  {each} server {server}, generator {:.2} µs", self.client_cpu_us)?;
        write!(out, "  foreign CPU {:.1} %", self.foreign_cpu_percent)?;
        if self.refused {
            write!(out, ": too much, the run is refused")?;
        }
        Ok(())
    }
}
