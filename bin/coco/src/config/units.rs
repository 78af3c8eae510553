//! Sizes and durations written as a number with a unit.

use std::{str::FromStr, time::Duration};

use super::item::{ConfigError, Item, Parse};

/// A number of bytes.
///
/// Written as a natural number with a unit of `B`, `KB`, `MB`, `GB`, `TB` or `PB`, in any case, each 1024
/// times the one before; without a unit, bytes. Source: CCF `include/ccf/ds/unit_strings.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// This many KB.
    #[must_use]
    pub const fn kb(number: u64) -> Self {
        Self(number << 10)
    }

    /// This many MB.
    #[must_use]
    pub const fn mb(number: u64) -> Self {
        Self(number << 20)
    }

    /// This many GB.
    #[must_use]
    pub const fn gb(number: u64) -> Self {
        Self(number << 30)
    }
}

/// Text that is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a size such as 64KB or 5MB (units: B, KB, MB, GB, TB, PB)")]
pub struct InvalidSize;

/// Text that is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a duration such as 100ms or 30min (units: us, ms, s, min, h)")]
pub struct InvalidDuration;

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        const UNITS: [(&str, u64); 7] = [
            ("", 1),
            ("B", 1),
            ("KB", 1 << 10),
            ("MB", 1 << 20),
            ("GB", 1 << 30),
            ("TB", 1 << 40),
            ("PB", 1 << 50),
        ];
        number_with_unit(text, &UNITS).map(Self).ok_or(InvalidSize)
    }
}

impl Parse for Size {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.form()
    }
}

/// Reads a duration: a natural number with a unit of `us`, `ms`, `s`, `min` or `h`, in any case; without
/// a unit, microseconds. Source: CCF `include/ccf/ds/unit_strings.h`.
///
/// # Errors
/// On any other text, or one too long for 64 bits of microseconds.
pub fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    const UNITS: [(&str, u64); 6] =
        [("", 1), ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("min", 60_000_000), ("h", 3_600_000_000)];
    number_with_unit(text, &UNITS).map(Duration::from_micros).ok_or(InvalidDuration)
}

impl Parse for Duration {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let text = item.text()?;
        duration(text).map_err(|error| item.wrong_form(text, &error))
    }
}

/// A duration that is not zero.
pub(crate) fn interval(item: &Item<'_>) -> Result<Duration, ConfigError> {
    let interval = Duration::parse(item)?;
    if interval.is_zero() {
        return Err(item.wrong_form(item.text()?, &"must be longer than zero"));
    }
    Ok(interval)
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests;
