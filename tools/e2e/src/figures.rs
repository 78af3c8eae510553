//! Figures that were measured several times, and what they are held against.

use std::fmt::{self, Display, Write};

/// A figure, measured once a round.
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// Its unit.
    pub unit: &'static str,
    /// What was found.
    pub samples: Vec<f64>,
    /// What its median is held against; nothing if it is told for information.
    pub goal: Option<Goal>,
}

/// A floor or a ceiling.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Higher is better.
    AtLeast {
        /// What must be reached.
        must: f64,
        /// What should be reached.
        aim: f64,
    },
    /// Lower is better.
    AtMost {
        /// What must be reached.
        must: f64,
        /// What should be reached.
        aim: f64,
    },
}

/// Figures in the order in which they are told.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

impl Goal {
    fn verdict(self, value: f64) -> &'static str {
        match self {
            Self::AtLeast { aim, .. } if value >= aim => "aim reached",
            Self::AtMost { aim, .. } if value <= aim => "aim reached",
            _ if self.is_met(value) => "ok",
            _ => "MISSED",
        }
    }

    /// Whether a value is what it must be; one that is no number is not.
    #[must_use]
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast { must, .. } => value >= must,
            Self::AtMost { must, .. } => value <= must,
        }
    }
}

impl Figure {
    /// The middle sample, or the mean of the middle two; no number without samples.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.samples)
    }

    /// Whether it is what it must be.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.goal.is_none_or(|goal| goal.is_met(self.median()))
    }
}

/// The middle value, or the mean of the middle two; no number without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

impl Figures {
    /// Adds what a round found; `goal` is that of the figure.
    pub fn add(&mut self, what: &str, unit: &'static str, goal: Option<Goal>, found: f64) {
        match self.0.iter_mut().find(|figure| figure.what == what) {
            Some(figure) => figure.samples.push(found),
            None => self.0.push(Figure { what: what.to_owned(), unit, samples: vec![found], goal }),
        }
    }

    /// Names of the figures that are not what they must be.
    #[must_use]
    pub fn missed(&self) -> Vec<&str> {
        let missed = self.0.iter().filter(|figure| !figure.is_met());
        missed.map(|figure| figure.what.as_str()).collect()
    }
}

impl Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let median = self.median();
        let number = |value: f64| match value.abs() {
            100.0.. => format!("{value:.0}"),
            _ => format!("{value:.3}"),
        };
        let mut text = format!("{:44} {:8} {:>9}", self.what, self.unit, number(median));
        let (least, most) = self
            .samples
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| (least.min(*it), most.max(*it)));
        write!(text, " {:>19}", format!("[{} .. {}]", number(least), number(most)))?;
        if let Some(goal) = self.goal {
            let (sign, must, aim) = match goal {
                Goal::AtLeast { must, aim } => ('≥', must, aim),
                Goal::AtMost { must, aim } => ('≤', must, aim),
            };
            write!(text, "  {sign} {must:>6} {aim:>6}  {}", goal.verdict(median))?;
        }
        out.write_str(text.trim_end())
    }
}

impl Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:44} {:8} {:>9} {:>19}    {:>6} {:>6}",
            "figure", "unit", "median", "[least .. most]", "must", "aim"
        )?;
        for figure in &self.0 {
            writeln!(out, "{figure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
