//! What an action is: its name, and its arguments as they stand on the command line.

use super::actions::ACTIONS;

/// An action that members can propose.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) arguments: &'static [Argument],
}

/// An argument of an action.
#[derive(Debug)]
pub(super) struct Argument {
    /// Its name in the proposal.
    pub(super) key: &'static str,
    /// What the option is also called; its first name is the key with dashes.
    pub(super) also: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) otherwise: Otherwise,
}

/// How the words of an argument become its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, or a file's with `@`.
    Text,
    /// An integer.
    Number,
    /// `true` or `false`.
    Flag,
    /// JSON, or a file's with `@`.
    Json,
    /// A file of PEM.
    Pem,
    /// Files of a constitution, in order, or a folder of one.
    Constitution,
    /// A folder or file of a JavaScript application.
    Application,
    /// 64 hexadecimal digits, or a file with the certificate whose SHA-256 they are.
    Id,
    /// A time in one of the forms that governance takes.
    Time,
}

/// What an argument is that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// Missing.
    Missing,
    /// Not in the proposal.
    LeftOut,
    /// The present time.
    Now,
    /// The certificate by which the service is known.
    ServiceCertificate,
}

/// An argument that must be given.
pub(super) const fn need(key: &'static str, kind: Kind) -> Argument {
    Argument { key, also: None, kind, otherwise: Otherwise::Missing }
}

/// An argument that may be left out.
pub(super) const fn may(key: &'static str, kind: Kind) -> Argument {
    Argument { key, also: None, kind, otherwise: Otherwise::LeftOut }
}

impl Argument {
    /// With a second name of its option.
    pub(super) const fn also(self, name: &'static str) -> Self {
        Self { also: Some(name), ..self }
    }

    /// With a value where none is given.
    pub(super) const fn or(self, otherwise: Otherwise) -> Self {
        Self { otherwise, ..self }
    }

    /// The first name of its option, without dashes in front.
    pub(super) fn option(&self) -> String {
        self.key.replace('_', "-")
    }

    fn is_called(&self, option: &str) -> bool {
        self.also == Some(option) || self.option() == option
    }
}

impl Kind {
    /// What stands for a value in help.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT|@FILE",
            Self::Number => "N",
            Self::Flag => "true|false",
            Self::Json => "JSON|@FILE",
            Self::Pem => "FILE.pem",
            Self::Constitution => "FILE|FOLDER",
            Self::Application => "FOLDER|FILE",
            Self::Id => "ID|CERT.pem",
            Self::Time => "TIME",
        }
    }
}

impl Action {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// The argument of an option.
    pub(super) fn argument(&self, option: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.is_called(option))
    }

    /// The action on a line, with its options.
    pub(super) fn usage(&self) -> String {
        let option = |argument: &Argument| {
            let name = argument.also.map_or_else(|| argument.option(), str::to_owned);
            let words = format!("--{name} {}", argument.kind.placeholder());
            if argument.otherwise == Otherwise::Missing { words } else { format!("[{words}]") }
        };
        let words = self.arguments.iter().map(option);
        [self.name.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }
}
