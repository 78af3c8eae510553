//! From the words of an action to what is proposed.

use std::{collections::BTreeMap, path::Path};

use coco_client::governance::now;
use coco_crypto::{
    Certificate,
    x509::{InvalidTime, UnixTime},
};
use coco_wire::Digest;
use serde_json::{Map, Value, json};

use super::{
    action::{Action, Argument, Kind, Otherwise},
    words::{Draft, Given},
};
use crate::{
    bundle::{self, InvalidBundle},
    connection::{ServiceError, certificate},
    input::{Unreadable, read_text},
};

/// Parts of a constitution in a folder, in order; the last ones of some samples come from elsewhere.
const CONSTITUTION: [&str; 4] = ["actions.js", "validate.js", "resolve.js", "apply.js"];

/// Arguments of which no action can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidArgument {
    #[error("{action}: --{option} is missing; it is: {usage}")]
    Missing { action: String, option: String, usage: String },
    #[error("{action}: {key} is given twice")]
    Twice { action: String, key: String },
    #[error("--{option} {value}: not an integer")]
    Number { option: String, value: String },
    #[error("--{option} {value}: neither true nor false")]
    Flag { option: String, value: String },
    #[error("{name} {value}: not JSON: {error}")]
    Json { name: String, value: String, error: serde_json::Error },
    #[error("--{option} {value}: {error}")]
    Time { option: String, value: String, error: InvalidTime },
    #[error("--{option} {value}: neither 64 hexadecimal digits nor a certificate: {error}")]
    Id { option: String, value: String, error: Unreadable },
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error(transparent)]
    Bundle(#[from] InvalidBundle),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The certificate of the service, when an argument wants it.
pub(super) type ServiceCertificate<'a> = &'a dyn Fn() -> Result<Certificate, ServiceError>;

/// A proposal of these actions.
pub(super) fn proposal(drafts: &[Draft], service: ServiceCertificate<'_>) -> Result<Value, InvalidArgument> {
    let actions = drafts.iter().map(|draft| draft.build(service)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "actions": actions }))
}

impl Draft {
    fn build(&self, service: ServiceCertificate<'_>) -> Result<Value, InvalidArgument> {
        let mut arguments = Map::new();
        let mut scripts: BTreeMap<&str, String> = BTreeMap::new();
        for given in &self.given {
            let (key, value) = match given {
                Given::Option(argument, word) if argument.kind == Kind::Constitution => {
                    // Parts of one text, each with an option of its own.
                    let text = scripts.entry(argument.key).or_default();
                    text.push_str(&constitution(Path::new(word))?);
                    arguments.insert(argument.key.to_owned(), text.clone().into());
                    continue;
                }
                Given::Option(argument, word) => (argument.key, argument.read(word)?),
                Given::Text(key, word) => (key.as_str(), text(word)?.into()),
                Given::Json(key, word) => (key.as_str(), json_value(&format!("{key}:="), word)?),
            };
            if arguments.insert(key.to_owned(), value).is_some() {
                return Err(InvalidArgument::Twice { action: self.name.clone(), key: key.to_owned() });
            }
        }
        for argument in self.action.map_or(&[][..], |action| action.arguments) {
            if !arguments.contains_key(argument.key)
                && let Some(value) = self.otherwise(argument, service)?
            {
                arguments.insert(argument.key.to_owned(), value);
            }
        }
        // Actions without arguments want none at all, not even an empty object, where CCF's constitution is in force.
        if arguments.is_empty() {
            return Ok(json!({ "name": self.name }));
        }
        Ok(json!({ "name": self.name, "args": arguments }))
    }

    fn otherwise(
        &self,
        argument: &Argument,
        service: ServiceCertificate<'_>,
    ) -> Result<Option<Value>, InvalidArgument> {
        match argument.otherwise {
            Otherwise::LeftOut => Ok(None),
            Otherwise::Now => Ok(Some(now().to_string().into())),
            Otherwise::ServiceCertificate => Ok(Some(service()?.to_pem().into())),
            Otherwise::Missing => Err(InvalidArgument::Missing {
                action: self.name.clone(),
                option: argument.also.map_or_else(|| argument.option(), str::to_owned),
                usage: self.action.map(Action::usage).unwrap_or_default(),
            }),
        }
    }
}

impl Argument {
    fn read(&self, word: &str) -> Result<Value, InvalidArgument> {
        let (option, value) = (|| self.option(), || word.to_owned());
        match self.kind {
            Kind::Text => Ok(text(word)?.into()),
            Kind::Number => word
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| InvalidArgument::Number { option: option(), value: value() }),
            Kind::Flag => word
                .parse::<bool>()
                .map(Value::from)
                .map_err(|_| InvalidArgument::Flag { option: option(), value: value() }),
            Kind::Json => json_value(&format!("--{}", self.option()), word),
            Kind::Pem => Ok(read_text(Path::new(word))?.into()),
            Kind::Constitution => Ok(constitution(Path::new(word))?.into()),
            Kind::Application => Ok(bundle::read(Path::new(word))?),
            Kind::Id => {
                if let Ok(id) = word.parse::<Digest>() {
                    return Ok(id.to_string().into());
                }
                let invalid = |error| InvalidArgument::Id { option: option(), value: value(), error };
                let certificate = certificate(Path::new(word)).map_err(invalid)?;
                Ok(certificate.fingerprint().to_string().into())
            }
            Kind::Time => match word.parse::<UnixTime>() {
                Ok(_) => Ok(word.into()),
                Err(error) => Err(InvalidArgument::Time { option: option(), value: value(), error }),
            },
        }
    }
}

/// The text of a constitution: of a file, or of the parts in a folder.
pub(super) fn constitution(path: &Path) -> Result<String, Unreadable> {
    if !path.is_dir() {
        return read_text(path);
    }
    CONSTITUTION.iter().map(|part| read_text(&path.join(part))).collect()
}

fn text(word: &str) -> Result<String, Unreadable> {
    match word.strip_prefix('@') {
        Some(path) => read_text(Path::new(path)),
        None => Ok(word.to_owned()),
    }
}

fn json_value(name: &str, word: &str) -> Result<Value, InvalidArgument> {
    let text = text(word)?;
    serde_json::from_str(&text).map_err(|error| InvalidArgument::Json {
        name: name.to_owned(),
        value: word.to_owned(),
        error,
    })
}
