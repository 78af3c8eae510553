//! Reads the words of `spec/words.tla`, as `coco-sim` writes them.

use thiserror::Error;

/// Deepest nesting that any word has.
const MAX_DEPTH: usize = 6;

/// What is not one of the words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a word of the specification: {0}")]
pub struct Malformed(pub String);

/// A value of TLA+, as far as steps have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    /// A set or a sequence.
    Many(Vec<Value>),
    /// An operator with its arguments.
    Word(String, Vec<Value>),
}

impl Value {
    /// Reads a whole text.
    pub(super) fn read(text: &str) -> Result<Self, Malformed> {
        let mut reader = Reader { rest: text, depth: 0 };
        let value = reader.value();
        match value {
            Some(value) if reader.rest.is_empty() => Ok(value),
            _ => Err(Malformed(text.to_owned())),
        }
    }

    /// A number that fits.
    pub(super) fn number<T: TryFrom<u64>>(&self) -> Option<T> {
        if let Self::Number(number) = self { T::try_from(*number).ok() } else { None }
    }

    /// A sequence, or a set in the order in which it is written.
    pub(super) fn many(&self) -> Option<&[Self]> {
        if let Self::Many(values) = self { Some(values) } else { None }
    }

    /// Two numbers.
    pub(super) fn pair(&self) -> Option<(usize, u16)> {
        let [first, second] = self.many()? else { return None };
        Some((first.number()?, second.number()?))
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = match self.rest.chars().next()? {
            '"' => {
                let (text, rest) = self.rest[1..].split_once('"')?;
                self.rest = rest;
                Value::Text(text.to_owned())
            }
            '{' => Value::Many(self.list("{", "}")?),
            '<' => Value::Many(self.list("<<", ">>")?),
            '0'..='9' => Value::Number(self.name().parse().ok()?),
            _ => {
                let name = self.name().to_owned();
                if name.is_empty() {
                    return None;
                }
                Value::Word(name, self.list("(", ")")?)
            }
        };
        self.depth -= 1;
        Some(value)
    }

    fn list(&mut self, open: &str, close: &str) -> Option<Vec<Value>> {
        self.rest = self.rest.strip_prefix(open)?;
        let mut values = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Some(values);
            }
            if !values.is_empty() {
                self.rest = self.rest.strip_prefix(", ")?;
            }
            values.push(self.value()?);
        }
    }

    fn name(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }
}

#[cfg(test)]
mod tests;
