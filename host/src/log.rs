//! The log on standard output, in CCF's text or JSON form.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use coco_boundary::{Level, LogSink, Record};

/// Writes records of a level and above, each as one line.
///
/// The forms are those of CCF's `include/ccf/ds/logger.h`. A standard output that cannot be
/// written is ignored: the node's work does not depend on being watched.
#[derive(Clone, Copy, Debug)]
pub struct StdoutLog {
    from: Level,
    format: LogFormat,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Columns for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl StdoutLog {
    /// Keeps records from this level on.
    #[must_use]
    pub fn new(from: Level, format: LogFormat) -> Self {
        Self { from, format }
    }
}

impl LogSink for StdoutLog {
    fn enabled(&self, level: Level) -> bool {
        level >= self.from
    }

    fn record(&self, record: &Record<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = match self.format {
            LogFormat::Text => text(record, now, thread_number()),
            LogFormat::Json => json(record, now, thread_number()),
        };
        // Nothing can be done about a reader that went away.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// Width of level, tag and place together.
const PREAMBLE: usize = 45;

fn text(record: &Record<'_>, now: Duration, thread: u16) -> String {
    let Record { level, tag, file, line, message } = record;
    let mut preamble = format!("[{:<5}]", level.name());
    if !tag.is_empty() {
        let _ = write!(preamble, "[{tag}]");
    }
    preamble.push(' ');
    preamble.truncate(PREAMBLE);
    let place = format!("{file}:{line} ");
    let room = PREAMBLE - preamble.len();
    // Of a long path the end says most. Paths of this workspace are ASCII.
    preamble.push_str(place.get(place.len().saturating_sub(room)..).unwrap_or_default());
    let mut out = String::with_capacity(128);
    push_timestamp(&mut out, now);
    let _ = write!(out, "        {thread:<3} {preamble:<PREAMBLE$}| ");
    push_one_line(&mut out, &message.to_string());
    out.push('\n');
    out
}

fn json(record: &Record<'_>, now: Duration, thread: u16) -> String {
    let Record { level, tag, file, line, message } = record;
    let mut out = String::with_capacity(192);
    out.push_str("{\"h_ts\":\"");
    push_timestamp(&mut out, now);
    let message = serde_json::Value::String(message.to_string());
    let _ = writeln!(
        out,
        "\",\"thread_id\":\"{thread}\",\"level\":\"{}\",\"tag\":\"{tag}\",\"file\":\"{file}\",\"number\":\"{line}\",\"msg\":{message}}}",
        level.name(),
    );
    out
}

/// A record is one line: a line break inside it could forge another.
fn push_one_line(out: &mut String, message: &str) {
    for c in message.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
}

/// `2019-07-19T18:53:25.690267Z`.
fn push_timestamp(out: &mut String, since_epoch: Duration) {
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let micros = since_epoch.subsec_micros();
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
}

/// Year, month and day of a number of days since 1970-01-01: shifts the year's begin to March, so
/// that the leap day is the last of a year, and the era's to a year divisible by 400.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Small number of the calling thread, in the order of their first log lines.
fn thread_number() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    thread_local!(static NUMBER: u16 = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests;
