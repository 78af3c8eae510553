//! Actions as words of the command line: `NAME --option VALUE key=text key:=JSON key=@FILE NAME …`.

use std::slice;

use super::action::{Action, Argument};

/// What stands on the command line.
#[derive(Debug)]
pub(super) enum Words {
    /// Actions, and the options of the command itself that stood between them.
    Actions { drafts: Vec<Draft>, own: Vec<String> },
    /// A wish to know the options of an action.
    Help(&'static Action),
}

/// An action and the words of its arguments.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) action: Option<&'static Action>,
    pub(super) given: Vec<Given>,
}

/// An argument as given.
#[derive(Debug)]
pub(super) enum Given {
    /// By an option.
    Option(&'static Argument, String),
    /// `key=text`, or `key=@FILE`
    Text(String, String),
    /// `key:=JSON`, or `key:=@FILE`
    Json(String, String),
}

/// Words that make no actions.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidWords {
    #[error("`{0}` stands in front of the name of an action")]
    NoAction(String),
    #[error("`{0}` is neither the name of an action nor key=text, key:=JSON or key=@FILE")]
    Neither(String),
    #[error("{action} has no option --{option}; it is: {usage}")]
    NoOption { action: String, option: String, usage: String },
    #[error(
        "{action} is not among the actions with options: give its arguments as key=text, key:=JSON or key=@FILE"
    )]
    NoOptions { action: String },
    #[error("--{0}: a value is needed")]
    NoValue(String),
}

/// Splits words into actions. An option that the action does not have is one of the command, `command`, if that has it.
pub(super) fn split(words: &[String], command: &clap::Command) -> Result<Words, InvalidWords> {
    let (mut drafts, mut own): (Vec<Draft>, Vec<String>) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--").or((word == "-h").then_some("help")) else {
            match assignment(word) {
                Some(given) => {
                    let draft = drafts.last_mut().ok_or_else(|| InvalidWords::NoAction(word.clone()))?;
                    draft.given.push(given);
                }
                None => drafts.push(Draft::named(word)?),
            }
            continue;
        };
        let (option, inline) = match option.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (option, None),
        };
        let draft = drafts.last_mut().ok_or_else(|| InvalidWords::NoAction(word.clone()))?;
        if let Some(argument) = draft.action.and_then(|action| action.argument(option)) {
            let value = value(option, inline, &mut words)?;
            draft.given.push(Given::Option(argument, value));
        } else if let Some(takes_value) = option_of(command, option) {
            own.push(format!("--{option}"));
            if takes_value {
                own.push(value(option, inline, &mut words)?);
            }
        } else if option == "help"
            && let Some(action) = draft.action
        {
            return Ok(Words::Help(action));
        } else {
            return Err(draft.without(option));
        }
    }
    Ok(Words::Actions { drafts, own })
}

impl Draft {
    fn named(word: &str) -> Result<Self, InvalidWords> {
        let is_name = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if word.is_empty() || !is_name {
            return Err(InvalidWords::Neither(word.to_owned()));
        }
        Ok(Self { name: word.to_owned(), action: Action::find(word), given: Vec::new() })
    }

    fn without(&self, option: &str) -> InvalidWords {
        let action = self.name.clone();
        match self.action {
            Some(known) => InvalidWords::NoOption { action, option: option.to_owned(), usage: known.usage() },
            None => InvalidWords::NoOptions { action },
        }
    }
}

fn assignment(word: &str) -> Option<Given> {
    let (key, value) = word.split_once('=')?;
    let (key, is_json) = match key.strip_suffix(':') {
        Some(key) => (key, true),
        None => (key, false),
    };
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let make = if is_json { Given::Json } else { Given::Text };
    is_key.then(|| make(key.to_owned(), value.to_owned()))
}

fn value(
    option: &str,
    inline: Option<String>,
    words: &mut slice::Iter<'_, String>,
) -> Result<String, InvalidWords> {
    let value = inline.or_else(|| words.next().cloned());
    value.ok_or_else(|| InvalidWords::NoValue(option.to_owned()))
}

/// Whether an option of a command takes a value; none if it has no such option.
fn option_of(command: &clap::Command, name: &str) -> Option<bool> {
    let option = command.get_arguments().find(|argument| argument.get_long() == Some(name))?;
    Some(option.get_action().takes_values())
}
