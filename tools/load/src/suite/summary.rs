//! Medians over the rounds, ratios to the ceiling, and the goals reached.

use std::fmt;

use serde::Serialize;

use super::cases::{Case, Goal, Measure};
use super::{Contender, Kind};
use crate::report::Report;

/// What the suite found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Cores of the machine.
    pub cores: usize,
    /// One entry for each case that ran.
    pub cases: Vec<CaseSummary>,
}

/// What one case found.
#[derive(Clone, Debug, Serialize)]
pub struct CaseSummary {
    /// The case's name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// Medians of each contender.
    pub contenders: Vec<Medians>,
    /// The goals of the case.
    pub goals: Vec<GoalSummary>,
}

/// A contender's medians over the rounds of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Medians {
    /// The contender's name.
    pub name: String,
    /// Rounds measured.
    pub rounds: usize,
    /// Good answers a second; of batches, messages a second.
    pub per_second: f64,
    /// The slowest and the fastest round.
    pub range: (f64, f64),
    /// Answers a second divided by the ceiling's, if it ran.
    pub of_ceiling: Option<f64>,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
    /// The server's CPU time for each request, of batches for each message, in microseconds, if its process is known.
    pub server_cpu_us: Option<f64>,
    /// The generator's CPU time for each request, of batches for each message, in microseconds.
    pub client_cpu_us: f64,
    /// Every round.
    pub reports: Vec<Report>,
}

/// A goal and what was reached.
#[derive(Clone, Debug, Serialize)]
pub struct GoalSummary {
    /// The figure's name.
    pub measure: String,
    /// What the service reached; none if it could not be told.
    pub value: Option<f64>,
    /// What it must reach.
    pub must: f64,
    /// What it should reach.
    pub aim: f64,
    /// Whether the must is reached; an unknown value reaches nothing.
    pub met: bool,
    /// Whether the aim is reached.
    pub aimed: bool,
}

impl Summary {
    pub(super) fn new(cases: &[&Case], contenders: &[Contender], found: &[Vec<Vec<Report>>]) -> Self {
        let mut summaries: Vec<CaseSummary> = Vec::new();
        for (case, found) in cases.iter().zip(found) {
            let mut medians: Vec<Medians> = contenders
                .iter()
                .zip(found)
                .filter(|(_, reports)| !reports.is_empty())
                .map(|(contender, reports)| Medians::new(&contender.name, reports))
                .collect();
            if let Some(ceiling) = medians.iter().find(|one| one.name == CEILING).map(|one| one.per_second) {
                for one in &mut medians {
                    one.of_ceiling = (ceiling > 0.0).then(|| one.per_second / ceiling);
                }
            }
            summaries.push(CaseSummary {
                name: case.name,
                about: case.about,
                contenders: medians,
                goals: vec![],
            });
        }
        let service = contenders.iter().find(|contender| contender.kind == Kind::Service);
        if let Some(service) = service {
            for (index, case) in cases.iter().enumerate() {
                summaries[index].goals =
                    case.goals.iter().map(|goal| judge(goal, index, &service.name, &summaries)).collect();
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores, cases: summaries }
    }

    /// True if every goal that must be met is.
    #[must_use]
    pub fn met(&self) -> bool {
        self.cases.iter().flat_map(|case| &case.goals).all(|goal| goal.met)
    }
}

/// The contender that ratios refer to.
pub(super) const CEILING: &str = "ceiling";

impl Medians {
    fn new(name: &str, reports: &[Report]) -> Self {
        let of = |figure: fn(&Report) -> f64| median(reports.iter().map(figure).collect());
        let speeds = || reports.iter().map(|report| report.per_second);
        let known: Vec<f64> = reports.iter().filter_map(|report| report.server_cpu_us).collect();
        Self {
            name: name.to_owned(),
            rounds: reports.len(),
            per_second: of(|report| report.per_second),
            range: (speeds().fold(f64::INFINITY, f64::min), speeds().fold(0.0, f64::max)),
            of_ceiling: None,
            p50_ms: of(|report| report.latency_us.p50) / 1e3,
            p99_ms: of(|report| report.latency_us.p99) / 1e3,
            server_cpu_us: (!known.is_empty()).then(|| median(known)),
            client_cpu_us: of(|report| report.client_cpu_us),
            reports: reports.to_vec(),
        }
    }
}

fn judge(goal: &Goal, index: usize, service: &str, cases: &[CaseSummary]) -> GoalSummary {
    let of = |case: &CaseSummary| case.contenders.iter().find(|one| one.name == service).cloned();
    let here = of(&cases[index]);
    let value = here.and_then(|here| match goal.measure {
        Measure::OfCeiling => here.of_ceiling,
        Measure::OfCase(name) => {
            let there = cases.iter().find(|case| case.name == name).and_then(of)?;
            Some(here.of_ceiling? / there.of_ceiling?)
        }
        Measure::PerSecond => Some(here.per_second),
        Measure::ServerMicros => here.server_cpu_us,
        Measure::MedianMillis => Some(here.p50_ms),
    });
    let reached = |bound: f64| value.is_some_and(|value| goal.measure.reaches(value, bound));
    GoalSummary {
        measure: goal.measure.name(),
        value,
        must: goal.must,
        aim: goal.aim,
        met: reached(goal.must),
        aimed: reached(goal.aim),
    }
}

/// The middle value; of an even number of values, the mean of the middle two.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:16} {:10} {:>9} {:>19} {:>10} {:>8} {:>8} {:>9} {:>9}",
            "case", "service", "per s", "range", "of ceiling", "p50 ms", "p99 ms", "server µs", "client µs"
        )?;
        for case in &self.cases {
            for one in &case.contenders {
                let optional =
                    |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
                let range = format!("{:.0}..{:.0}", one.range.0, one.range.1);
                writeln!(
                    out,
                    "{:16} {:10} {:>9.0} {:>19} {:>10} {:>8.3} {:>8.3} {:>9} {:>9.2}",
                    case.name,
                    one.name,
                    one.per_second,
                    range,
                    optional(one.of_ceiling),
                    one.p50_ms,
                    one.p99_ms,
                    optional(one.server_cpu_us),
                    one.client_cpu_us
                )?;
            }
        }
        writeln!(out, "\n{:16} {:12} {:>10} {:>8} {:>8}  verdict", "goal", "figure", "value", "must", "aim")?;
        for case in &self.cases {
            for goal in &case.goals {
                let value = goal.value.map_or("unknown".to_owned(), |value| format!("{value:.3}"));
                let verdict = match goal {
                    GoalSummary { value: None, .. } => "UNKNOWN",
                    GoalSummary { aimed: true, .. } => "reaches the aim",
                    GoalSummary { met: true, .. } => "met",
                    GoalSummary { .. } => "MISSED",
                };
                writeln!(
                    out,
                    "{:16} {:12} {value:>10} {:>8} {:>8}  {verdict}",
                    case.name, goal.measure, goal.must, goal.aim
                )?;
            }
        }
        write!(out, "{} cores", self.cores)
    }
}
