//! What an execution came to, in a form that can be compared and counted.

use std::fmt::{self, Debug, Write};

/// Numbers above all have the same size.
const LARGE: u64 = 1 << 16;

/// The outcome of an execution: two that differ in the sizes of numbers only are two, so that it shows how far an input
/// got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome(u64);

impl Outcome {
    /// Of something accepted: `shape` says what it is like, such as how many parts it has.
    pub(crate) fn accepted(shape: u64) -> Self {
        let mut hash = Hash::new();
        hash.number(shape);
        Self(hash.state)
    }

    /// Of something refused, by the names and numbers of the reason.
    pub(crate) fn refused(reason: &impl Debug) -> Self {
        let mut hash = Hash::new();
        hash.byte(b'!');
        write!(hash, "{reason:?}").expect("a hash takes everything");
        hash.end_number();
        Self(hash.state)
    }
}

/// FNV-1a of a text in which numbers are replaced by their sizes, and quoted text by nothing.
struct Hash {
    state: u64,
    number: Option<u64>,
    quoted: bool,
}

impl Hash {
    fn new() -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325, number: None, quoted: false }
    }

    fn byte(&mut self, byte: u8) {
        self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn number(&mut self, number: u64) {
        let size = if number < LARGE { u64::BITS - number.leading_zeros() } else { u64::BITS };
        self.byte(u8::try_from(size).expect("at most 64"));
    }

    fn end_number(&mut self) {
        if let Some(number) = self.number.take() {
            self.number(number);
        }
    }
}

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'"' => self.quoted = !self.quoted,
                _ if self.quoted => {}
                b'0'..=b'9' => {
                    let number = self.number.unwrap_or(0).saturating_mul(10);
                    self.number = Some(number.saturating_add(u64::from(byte - b'0')));
                }
                _ => {
                    self.end_number();
                    self.byte(byte);
                }
            }
        }
        Ok(())
    }
}

/// The name of a refusal without what it holds: `Log(Truncated(3))` is `Log::Truncated`.
pub(crate) fn name(reason: &impl Debug) -> String {
    let text = format!("{reason:?}");
    let head = text.split(['{', '"', ',', ')', '[']).next().unwrap_or_default();
    let parts: Vec<&str> = head
        .split('(')
        .map(str::trim)
        .filter(|part| part.starts_with(|first: char| first.is_ascii_alphabetic()))
        .collect();
    parts.join("::")
}

/// The variants of a public enumeration, if only of its crate, out of a source that rustfmt has formatted: what a campaign should reach.
#[must_use]
pub fn variants<'a>(source: &'a str, enumeration: &str) -> Vec<&'a str> {
    let head = format!(" enum {enumeration} {{");
    source
        .lines()
        .skip_while(|line| !line.starts_with("pub") || !line.ends_with(&head))
        .skip(1)
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split([',', '(', ' ']).next())
        .collect()
}
