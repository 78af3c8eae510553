//! Sections `attestation` and `sealing_recovery`: what the node takes from its platform.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::item::{ConfigError, Item, Parse, Problem};

/// Section `attestation`. Variables of the environment, written `$NAME` as a whole element of a path or
/// as host or port of a URL, have been replaced; an unknown one is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attestation {
    /// AMD SEV-SNP: security policy, base64.
    pub snp_security_policy_file: Option<PathBuf>,
    /// AMD SEV-SNP: endorsements of the utility VM, COSE_Sign1 in base64.
    pub snp_uvm_endorsements_file: Option<PathBuf>,
    /// AMD SEV-SNP: endorsements of the processor, base64.
    pub snp_endorsements_file: Option<PathBuf>,
    /// AMD SEV-SNP: where endorsements of the processor are fetched, the first that answers.
    pub snp_endorsements_servers: Vec<EndorsementsServer>,
}

/// An entry of `attestation.snp_endorsements_servers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndorsementsServer {
    /// What it speaks.
    pub kind: EndorsementsServerKind,
    /// Where it is, without scheme.
    pub url: String,
    /// Attempts after the first.
    pub max_retries_count: u32,
}

/// Kind of a server of endorsements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndorsementsServerKind {
    /// Azure's cache.
    Azure,
    /// AMD's own.
    Amd,
    /// Azure's on the machine itself.
    Thim,
}

/// Section `sealing_recovery`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingRecovery {
    /// This node.
    pub location: Location,
    /// How nodes that recover agree on one ledger; none if each decides alone.
    pub recovery_decision_protocol: Option<RecoveryDecision>,
}

/// Section `sealing_recovery.recovery_decision_protocol`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryDecision {
    /// Nodes of the lost service.
    pub expected_locations: Vec<Location>,
    /// Time between two messages.
    pub message_retry_timeout: Duration,
    /// Time after which nodes that are silent are left out; zero: never.
    pub failover_timeout: Duration,
}

/// A place where a node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

impl Parse for Attestation {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                snp_security_policy_file: fields
                    .blank::<Expanded>("snp_security_policy_file")?
                    .map(|it| it.0),
                snp_uvm_endorsements_file: fields
                    .blank::<Expanded>("snp_uvm_endorsements_file")?
                    .map(|it| it.0),
                snp_endorsements_file: fields.blank::<Expanded>("snp_endorsements_file")?.map(|it| it.0),
                snp_endorsements_servers: fields.or("snp_endorsements_servers", Vec::new())?,
            })
        })
    }
}

/// A path with variables (`expand_envvars_in_path` in CCF's `src/host/env.cpp`).
struct Expanded(PathBuf);

impl Parse for Expanded {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let expand = |element: &std::ffi::OsStr| item.variable(&element.to_string_lossy());
        Ok(Self(Path::new(item.text()?).iter().map(expand).collect()))
    }
}

impl Parse for EndorsementsServer {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let kind = fields.or("type", EndorsementsServerKind::Azure)?;
            let url = fields.optional::<ExpandedUrl>("url")?;
            let default = match kind {
                EndorsementsServerKind::Azure => "global.acccache.azure.net:443",
                EndorsementsServerKind::Amd => "kdsintf.amd.com:443",
                EndorsementsServerKind::Thim => "169.254.169.254:80",
            };
            Ok(Self {
                kind,
                url: url.map_or_else(|| default.to_owned(), |url| url.0),
                max_retries_count: fields.or("max_retries_count", 10)?,
            })
        })
    }
}

/// `host` or `host:port`, each of which may be a variable.
struct ExpandedUrl(String);

impl Parse for ExpandedUrl {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let text = item.text()?;
        Ok(Self(match text.split_once(':') {
            Some((host, port)) => format!("{}:{}", item.variable(host), item.variable(port)),
            None => item.variable(text),
        }))
    }
}

impl Parse for EndorsementsServerKind {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Azure", Self::Azure), ("AMD", Self::Amd), ("THIM", Self::Thim)])
    }
}

impl Parse for SealingRecovery {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                location: fields.required("location")?,
                recovery_decision_protocol: fields.optional("recovery_decision_protocol")?,
            })
        })
    }
}

impl Parse for RecoveryDecision {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let expected_locations: Vec<Location> = fields.required("expected_locations")?;
            if expected_locations.is_empty() {
                let why = "at least one location is needed".to_owned();
                return Err(fields.wrong_at("expected_locations", Problem::Conflict(why)));
            }
            Ok(Self {
                expected_locations,
                message_retry_timeout: fields.or("message_retry_timeout", Duration::from_millis(100))?,
                failover_timeout: fields.or("failover_timeout", Duration::from_secs(2))?,
            })
        })
    }
}

impl Parse for Location {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self { name: fields.required("name")?, address: fields.required("address")? })
        })
    }
}
