//! How much a test does: little in the gate, all of it in `cargo xtask long`.

use std::{env, ops::Range};

/// Where a long run continues.
const FROM: &str = "COCO_FROM";
/// Set when all is to be done.
const FULL: &str = "COCO_FULL";

/// Whether all is to be done.
#[must_use]
pub fn is_full() -> bool {
    env::var_os(FULL).is_some()
}

/// `small` in the gate, `full` in a long run.
#[must_use]
pub fn of<T>(small: T, full: T) -> T {
    if is_full() { full } else { small }
}

/// Rounds to run: so many in all, from the one that the environment names or the first.
///
/// # Panics
/// If the environment names no number.
#[must_use]
pub fn rounds(small: u64, full: u64) -> Range<u64> {
    from()..of(small, full)
}

/// Seed or round that a run continues from; 0 without.
///
/// # Panics
/// If the environment names no number.
#[must_use]
pub fn from() -> u64 {
    let from = env::var(FROM).ok();
    from.map_or(0, |text| text.parse().unwrap_or_else(|_| panic!("{FROM} wants a number, not {text}")))
}
