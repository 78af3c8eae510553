//! What is said of evidence: each fact with a name for programs and words for people.

use std::{
    fmt::Display,
    io::{self, Write},
};

use coco_crypto::x509::UnixTime;
use coco_wire::text::encode_hex;
use serde_json::{Map, Value, json};

/// What one structure says.
pub(super) struct Facts {
    /// Its name for programs.
    key: &'static str,
    title: String,
    rows: Vec<Fact>,
}

struct Fact {
    name: &'static str,
    value: Value,
    text: String,
    meaning: &'static str,
}

impl Facts {
    pub(super) fn new(key: &'static str, title: impl Into<String>) -> Self {
        Self { key, title: title.into(), rows: Vec::new() }
    }

    /// Anything, as programs and as people read it.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        value: Value,
        text: impl Into<String>,
        meaning: &'static str,
    ) {
        self.rows.push(Fact { name, value, text: text.into(), meaning });
    }

    pub(super) fn bytes(&mut self, name: &'static str, bytes: &[u8], meaning: &'static str) {
        self.add(name, json!(encode_hex(bytes)), hex(bytes), meaning);
    }

    pub(super) fn text(&mut self, name: &'static str, text: impl Display, meaning: &'static str) {
        let text = text.to_string();
        self.add(name, json!(text), printable(&text), meaning);
    }

    pub(super) fn number(&mut self, name: &'static str, number: impl Into<u64>, meaning: &'static str) {
        let number = number.into();
        self.add(name, json!(number), number.to_string(), meaning);
    }

    /// A fact that has one meaning where it is so, and another where it is not.
    pub(super) fn flag(&mut self, name: &'static str, holds: bool, [yes, no]: [&'static str; 2]) {
        let (text, meaning) = if holds { ("yes", yes) } else { ("no", no) };
        self.add(name, json!(holds), text, meaning);
    }

    /// The name under which programs find this in what has several.
    pub(super) fn key(&self) -> &'static str {
        self.key
    }

    pub(super) fn to_json(&self) -> Value {
        let fields = self.rows.iter().map(|fact| (fact.name.to_owned(), fact.value.clone()));
        Value::Object(fields.collect::<Map<_, _>>())
    }

    /// Names in a column, what they mean below each value.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.rows.iter().map(|fact| fact.name.len()).max().unwrap_or_default();
        writeln!(out, "{}", self.title)?;
        for fact in &self.rows {
            let mut name = fact.name.replace('_', " ");
            let meaning = Some(fact.meaning).filter(|meaning| !meaning.is_empty());
            let meaning = meaning.map(|meaning| format!("  {meaning}"));
            for line in fact.text.lines().chain(meaning.as_deref()) {
                writeln!(out, "{}", format!("  {name:width$}  {line}").trim_end())?;
                name.clear();
            }
        }
        Ok(())
    }
}

/// Hexadecimal digits; of zeros only how many.
pub(super) fn hex(bytes: &[u8]) -> String {
    match bytes.iter().any(|byte| *byte != 0) {
        true => encode_hex(bytes),
        false if bytes.is_empty() => "none".to_owned(),
        false => format!("zeros ({} bytes)", bytes.len()),
    }
}

/// A date as people read it.
pub(super) fn date(time: UnixTime) -> String {
    let digits = time.to_string();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-{} {}:{}:{} UTC",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    )
}

/// Text from outside, without anything that a terminal would take for a command.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
