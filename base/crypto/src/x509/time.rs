//! Points and spans of time as certificates and governance write them.

use std::{fmt, str::FromStr};

use crate::der;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub i64);

/// Text or a span that is not a time of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// None of the accepted forms, or a date that does not exist.
    #[error("not a time of an accepted form")]
    Form,
    /// The end is not after the beginning, or one lies outside the years 1950 to 9999.
    #[error("not a span of time within the years 1950 to 9999")]
    Span,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 1950-01-01T00:00:00Z, the first time that X.509 can write in two-digit years.
const FIRST: i64 = -631_152_000;
/// 9999-12-31T23:59:59Z, the last time that X.509 can write.
const LAST: i64 = 253_402_300_799;

/// A time in the calendar, in UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

impl UnixTime {
    /// DER of Time: UTCTime until 2049, then GeneralizedTime (RFC 5280 section 4.1.2.5).
    pub(crate) fn to_der(self) -> Vec<u8> {
        let text = self.to_string();
        if (1950..2050).contains(&Civil::of(self).year) {
            der::element(der::UTC_TIME, &[&text.as_bytes()[2..]])
        } else {
            der::element(der::GENERALIZED_TIME, &[text.as_bytes()])
        }
    }
}

/// `YYYYMMDDHHMMSSZ`, the form in which CCF shows validity.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, second_of_day } = Civil::of(*self);
        let (hour, minute, second) =
            (second_of_day / HOUR, second_of_day % HOUR / MINUTE, second_of_day % MINUTE);
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
    }
}

/// Reads the forms that CCF accepts in governance (`include/ccf/ds/x509_time_fmt.h`): `YYMMDDHHMMSSZ`,
/// `YYYYMMDDHHMMSSZ`, and `YYYY-MM-DD HH:MM:SS` with a space or `T` between, optionally followed by a
/// fraction, which is dropped, and by `Z` or an offset `+HH:MM`.
impl FromStr for UnixTime {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let compact = |text: &str, year_len: usize| {
            let (date, time) = (text.get(..year_len + 4)?, text.get(year_len + 4..)?);
            let year = match (number(date.get(..year_len)?)?, year_len) {
                (year @ 50.., 2) => 1900 + year,
                (year, 2) => 2000 + year,
                (year, _) => year,
            };
            from_fields(year, &fields(&date[year_len..])?, &fields(time)?)
        };
        let time = match text.strip_suffix('Z') {
            Some(digits) if digits.len() == 12 => compact(digits, 2),
            Some(digits) if digits.len() == 14 => compact(digits, 4),
            _ => extended(text),
        };
        time.ok_or(InvalidTime::Form)
    }
}

/// The time during which a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: UnixTime,
    not_after: UnixTime,
}

impl Validity {
    /// From one time to a later one.
    ///
    /// # Errors
    /// [`InvalidTime::Span`].
    pub fn new(not_before: UnixTime, not_after: UnixTime) -> Result<Self, InvalidTime> {
        let writable = FIRST <= not_before.0 && not_after.0 <= LAST;
        if writable && not_before < not_after {
            Ok(Self { not_before, not_after })
        } else {
            Err(InvalidTime::Span)
        }
    }

    /// `days` days from `not_before`, less the last second because the end is included (CCF
    /// `src/crypto/certs.h`).
    ///
    /// # Errors
    /// [`InvalidTime::Span`].
    pub fn days(not_before: UnixTime, days: u32) -> Result<Self, InvalidTime> {
        let not_after = not_before.0.saturating_add(i64::from(days) * DAY - 1);
        Self::new(not_before, UnixTime(not_after))
    }

    /// The first second.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether `time` lies within.
    #[must_use]
    pub fn contains(&self, time: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    pub(crate) fn to_der(self) -> Vec<u8> {
        der::sequence(&[&self.not_before.to_der(), &self.not_after.to_der()])
    }
}

impl Civil {
    /// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
    fn of(time: UnixTime) -> Self {
        let days = time.0.div_euclid(DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            second_of_day: time.0.rem_euclid(DAY),
        }
    }

    fn to_time(&self) -> UnixTime {
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        UnixTime((era * 146_097 + day_of_era - 719_468) * DAY + self.second_of_day)
    }
}

/// `YYYY-MM-DD HH:MM:SS` and what may follow it.
fn extended(text: &str) -> Option<UnixTime> {
    let (moment, rest) = text.split_at_checked(19)?;
    let bytes = moment.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, expected)| bytes[*at] != *expected) || !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    let pair = |at: usize| number(moment.get(at..at + 2)?);
    let local =
        from_fields(number(moment.get(..4)?)?, &[pair(5)?, pair(8)?], &[pair(11)?, pair(14)?, pair(17)?])?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => rest,
    };
    Some(UnixTime(local.0 - offset(zone)?))
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.strip_prefix(' ').unwrap_or(zone);
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let (sign, digits) = zone.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':')?;
    let seconds = match (hours.len(), minutes.len(), number(hours)?, number(minutes)?) {
        (2, 2, hours @ 0..24, minutes @ 0..60) => hours * HOUR + minutes * MINUTE,
        _ => return None,
    };
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

fn from_fields(year: i64, date: &[i64], time: &[i64]) -> Option<UnixTime> {
    let (&[month, day], &[hour @ 0..24, minute @ 0..60, second @ 0..60]) = (date, time) else {
        return None;
    };
    let civil = Civil { year, month, day, second_of_day: hour * HOUR + minute * MINUTE + second };
    let time = civil.to_time();
    // A date that does not exist comes back as another one.
    let back = Civil::of(time);
    (1..=12).contains(&month).then_some(())?;
    ((back.year, back.month, back.day) == (year, month, day)).then_some(time)
}

/// Pairs of digits.
fn fields(text: &str) -> Option<Vec<i64>> {
    (0..text.len()).step_by(2).map(|at| number(text.get(at..at + 2)?)).collect()
}

fn number(digits: &str) -> Option<i64> {
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
    if decimal { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
