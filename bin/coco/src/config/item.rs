//! Reads JSON into checked types and says where something is wrong.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    str::FromStr,
    sync::LazyLock,
};

use serde_json::{Map, Value};

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Keys from the root joined by dots, with `[n]` for elements of arrays; empty for the root.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the configuration" } else { &self.path };
        write!(f, "{path}: {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What can be wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The key does not exist; perhaps another one was meant.
    #[error("unknown key{}", did_you_mean(.0.as_deref()))]
    UnknownKey(Option<String>),
    /// A key must be there; perhaps it is there under a wrong name.
    #[error("missing{}", there_is(.0.as_deref()))]
    Missing(Option<String>),
    /// Another JSON type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What fits.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// Not one of the words allowed.
    #[error("`{found}` is not one of {expected}")]
    Choice {
        /// The words allowed, joined by commas.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A text of the right type that does not have the right form.
    #[error("`{found}`: {reason}")]
    Form {
        /// What is there.
        found: String,
        /// What it should be.
        reason: String,
    },
    /// A value that contradicts another one.
    #[error("{0}")]
    Conflict(String),
}

fn did_you_mean(key: Option<&str>) -> String {
    key.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}

fn there_is(key: Option<&str>) -> String {
    key.map(|key| format!("; `{key}` is there, is it misspelt?")).unwrap_or_default()
}

/// A type that a JSON value can be read into.
pub(crate) trait Parse: Sized {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError>;
}

/// A JSON value and its place.
pub(crate) struct Item<'a> {
    pub(crate) value: &'a Value,
    path: String,
    environment: Environment<'a>,
}

impl<'a> Item<'a> {
    pub(crate) fn root(value: &'a Value, environment: Environment<'a>) -> Self {
        Self { value, path: String::new(), environment }
    }

    /// Reads an object with `read` and refuses what `read` did not ask for.
    pub(crate) fn section<T>(
        &self,
        read: impl FnOnce(&mut Fields<'a, '_>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let Value::Object(map) = self.value else { return Err(self.expected("an object")) };
        let mut fields = Fields { item: self, map, asked: Vec::new() };
        let section = read(&mut fields)?;
        fields.finish()?;
        Ok(section)
    }

    /// All members of an object whose keys are names.
    pub(crate) fn members<T: Parse>(&self) -> Result<Vec<(String, T)>, ConfigError> {
        let Value::Object(map) = self.value else { return Err(self.expected("an object")) };
        map.iter().map(|(key, value)| Ok((key.clone(), T::parse(&self.at(key, value))?))).collect()
    }

    pub(crate) fn text(&self) -> Result<&'a str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// Reads a text by its `FromStr`.
    pub(crate) fn form<T>(&self) -> Result<T, ConfigError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text()?;
        text.parse().map_err(|error: T::Err| self.wrong_form(text, &error))
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(Problem::Choice { expected: words.join(", "), found: text.to_owned() })
        })
    }

    /// The text, with a variable of the environment in place of `$NAME`.
    pub(crate) fn variable(&self, text: &str) -> String {
        text.strip_prefix('$').and_then(self.environment).unwrap_or_else(|| text.to_owned())
    }

    pub(crate) fn wrong(&self, problem: Problem) -> ConfigError {
        ConfigError { path: self.path.clone(), problem }
    }

    pub(crate) fn wrong_form(&self, found: &str, reason: &dyn fmt::Display) -> ConfigError {
        self.wrong(Problem::Form { found: found.to_owned(), reason: reason.to_string() })
    }

    fn expected(&self, expected: &'static str) -> ConfigError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.wrong(Problem::Type { expected, found })
    }

    fn at(&self, key: &str, value: &'a Value) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { value, path, environment: self.environment }
    }

    fn natural(&self, max: u64) -> Result<u64, ConfigError> {
        let number = self.value.as_u64().ok_or_else(|| self.expected("a natural number"))?;
        if number > max {
            return Err(self.wrong_form(&number.to_string(), &format_args!("at most {max}")));
        }
        Ok(number)
    }
}

/// The members of an object, read one by one.
pub(crate) struct Fields<'a, 'i> {
    item: &'i Item<'a>,
    map: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a, '_> {
    /// The value of a key, if it is there.
    pub(crate) fn item(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        self.map.get(key).map(|value| self.item.at(key, value))
    }

    /// A value that must be there.
    pub(crate) fn required<T: Parse>(&mut self, key: &'static str) -> Result<T, ConfigError> {
        match self.item(key) {
            Some(item) => T::parse(&item),
            None => {
                let similar = self.map.keys().find(|other| are_similar(other, key));
                Err(self.wrong_at(key, Problem::Missing(similar.cloned())))
            }
        }
    }

    /// A value that may be missing.
    pub(crate) fn optional<T: Parse>(&mut self, key: &'static str) -> Result<Option<T>, ConfigError> {
        self.item(key).map(|item| T::parse(&item)).transpose()
    }

    /// A value that may be missing or null.
    pub(crate) fn nullable<T: Parse>(&mut self, key: &'static str) -> Result<Option<T>, ConfigError> {
        self.item(key).filter(|item| !item.value.is_null()).map(|item| T::parse(&item)).transpose()
    }

    /// A value that may be missing, null or an empty text.
    pub(crate) fn blank<T: Parse>(&mut self, key: &'static str) -> Result<Option<T>, ConfigError> {
        let item = self.item(key).filter(|item| !item.value.is_null() && item.value != "");
        item.map(|item| T::parse(&item)).transpose()
    }

    /// A value with a default.
    pub(crate) fn or<T: Parse>(&mut self, key: &'static str, default: T) -> Result<T, ConfigError> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// A section in which everything has a default.
    pub(crate) fn section<T: Parse>(&mut self, key: &'static str) -> Result<T, ConfigError> {
        static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        match self.item(key) {
            Some(item) => T::parse(&item),
            None => T::parse(&self.item.at(key, &EMPTY)),
        }
    }

    /// A value that is checked and has no effect here.
    pub(crate) fn without_effect<T: Parse>(&mut self, key: &'static str) -> Result<(), ConfigError> {
        self.optional::<T>(key).map(drop)
    }

    /// Something wrong at one of the keys.
    pub(crate) fn wrong_at(&self, key: &str, problem: Problem) -> ConfigError {
        self.item.at(key, self.item.value).wrong(problem)
    }

    fn finish(self) -> Result<(), ConfigError> {
        let unknown = self.map.keys().find(|key| !self.asked.contains(&key.as_str()));
        let Some(key) = unknown else { return Ok(()) };
        let similar = self.asked.iter().find(|known| are_similar(known, key));
        Err(self.wrong_at(key, Problem::UnknownKey(similar.map(|known| (*known).to_owned()))))
    }
}

/// Whether one key may be a slip for the other: at most two letters differ (Levenshtein distance).
fn are_similar(one: &str, other: &str) -> bool {
    const MOST: usize = 2;
    const LONGEST: usize = 64;
    if one.len().abs_diff(other.len()) > MOST || one.len().max(other.len()) > LONGEST {
        return false;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()] <= MOST
}

impl Parse for bool {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.value.as_bool().ok_or_else(|| item.expected("true or false"))
    }
}

impl Parse for u32 {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        Ok(u32::try_from(item.natural(u32::MAX.into())?).expect("within the limit"))
    }
}

impl Parse for u64 {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.natural(u64::MAX)
    }
}

impl Parse for NonZeroU32 {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        Self::new(u32::parse(item)?).ok_or_else(|| item.wrong_form("0", &"at least 1"))
    }
}

impl Parse for NonZeroU64 {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        Self::new(u64::parse(item)?).ok_or_else(|| item.wrong_form("0", &"at least 1"))
    }
}

impl Parse for String {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.text().map(str::to_owned)
    }
}

/// A path is never empty.
impl Parse for PathBuf {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Err(item.wrong_form("", &"must name a file or directory")),
            path => Ok(path.into()),
        }
    }
}

impl<T: Parse> Parse for Vec<T> {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let Value::Array(elements) = item.value else { return Err(item.expected("an array")) };
        let parse = |(at, value)| {
            let path = format!("{}[{at}]", item.path);
            T::parse(&Item { value, path, environment: item.environment })
        };
        elements.iter().enumerate().map(parse).collect()
    }
}
