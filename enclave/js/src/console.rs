//! What a script prints.

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleLevel {
    /// `console.log` and `console.info`.
    Info,
    /// `console.warn` and `console.error`.
    Fail,
}

/// One call of a `console` method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// Severity.
    pub level: ConsoleLevel,
    /// At most 4 KiB; may hold anything the script has read.
    pub text: String,
}

/// What one execution printed: the first 256 lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// Lines in order.
    pub lines: Vec<ConsoleLine>,
    /// How many lines more there were.
    pub dropped: u64,
}

impl Console {
    const MAX_LINES: usize = 256;
    const MAX_LINE_BYTES: usize = 4096;

    pub(crate) fn print(&mut self, level: ConsoleLevel, text: &str) {
        if self.lines.len() == Self::MAX_LINES {
            self.dropped += 1;
            return;
        }
        let text = text[..text.floor_char_boundary(Self::MAX_LINE_BYTES)].to_owned();
        self.lines.push(ConsoleLine { level, text });
    }
}
