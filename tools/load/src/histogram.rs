//! A log-linear histogram of durations: constant memory, under 1 % relative error.

use std::time::Duration;

/// Buckets in each power of two: the width of a bucket is at most 1/128 of its value.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Values from here on, about 18 minutes in nanoseconds, share the last bucket.
const LARGEST: u64 = 1 << 40;
/// 128 for each shift of a value below 2^40, as many again for the values under 128, and the last.
const BUCKETS: usize = (40 - STEP_BITS as usize + 1) * (1 << STEP_BITS) + 1;

/// Durations in nanoseconds, counted in buckets.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    /// Durations recorded.
    pub(crate) count: u64,
    sum: u128,
    least: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into(), count: 0, sum: 0, least: u64::MAX, most: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.count += 1;
        self.sum += u128::from(nanos);
        self.least = self.least.min(nanos);
        self.most = self.most.max(nanos);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }

    /// The value that `share` (0 to 1) of the recorded ones do not exceed, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil()).max(1.0);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted {
                return micros(middle(index).clamp(self.least, self.most));
            }
        }
        0.0
    }

    pub(crate) fn least(&self) -> f64 {
        if self.count == 0 { 0.0 } else { micros(self.least) }
    }

    pub(crate) fn most(&self) -> f64 {
        micros(self.most)
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 / 1_000.0 }
    }
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

/// Values under 128 have a bucket each; above, each power of two is cut into 128.
fn bucket(nanos: u64) -> usize {
    if nanos >= LARGEST {
        return BUCKETS - 1;
    }
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let index = u64::from(shift) * STEPS + (nanos >> shift);
    usize::try_from(index).expect("an index of at most BUCKETS")
}

/// The middle of a bucket's range.
fn middle(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * STEPS {
        return index;
    }
    let shift = index / STEPS - 1;
    let low = (index - shift * STEPS) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests;
