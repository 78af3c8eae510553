//! Sections `attestation` and `sealing_recovery`: what the node takes from its platform.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use coco_attest::sev_snp::servers::{Server, Service};

use super::{
    item::{ConfigError, Item, Parse, Problem},
    units::Size,
};

/// Attempts to ask a server of endorsements after the first. CCF's code has it so, while its schema says 3.
const MAX_RETRIES: u32 = 10;
/// Largest answer of such a server.
const MAX_ANSWER: Size = Size::mb(100);

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
    /// AMD SEV-SNP: who is asked for endorsements of the processor, one after the other.
    pub snp_endorsements_servers: Vec<Server>,
    /// Intel SGX and Intel TDX: what Intel publishes about the machine, JSON. Not CCF's.
    pub intel_collateral_file: Option<PathBuf>,
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
                intel_collateral_file: fields.blank::<Expanded>("intel_collateral_file")?.map(|it| it.0),
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

impl Parse for Server {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let service = fields.or("type", Service::Azure)?;
            let url = fields.optional::<ServerUrl>("url")?;
            let ServerUrl { host, port } =
                url.unwrap_or_else(|| ServerUrl { host: service.host().to_owned(), port: None });
            let port = port.unwrap_or_else(|| service.port().to_string());
            let max_answer = fields.or("max_client_response_size", MAX_ANSWER)?;
            Ok(Self {
                service,
                address: format!("{host}:{port}"),
                max_retries: fields.or("max_retries_count", MAX_RETRIES)?,
                max_answer: usize::try_from(max_answer.0).unwrap_or(usize::MAX),
            })
        })
    }
}

/// `host` or `host:port`, each of which may be a variable; one that is not set is left as it is, and is no host. An IPv6
/// address stands in brackets.
struct ServerUrl {
    host: String,
    port: Option<String>,
}

impl Parse for ServerUrl {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let text = item.text()?;
        let bracket = text.rfind(']').unwrap_or(0);
        let (host, port) = match text[bracket..].find(':') {
            Some(colon) => (&text[..bracket + colon], Some(&text[bracket + colon + 1..])),
            None => (text, None),
        };
        let (host, port) = (item.variable(host), port.map(|port| item.variable(port)));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[]:$".contains(&byte);
        let number = |port: &String| port.starts_with('$') || port.parse::<u16>().is_ok();
        let sound = !host.is_empty() && host.bytes().all(allowed) && port.as_ref().is_none_or(number);
        match sound {
            true => Ok(Self { host, port }),
            false => Err(item.wrong_form(text, &"not of the form host or host:port, without a scheme")),
        }
    }
}

impl Parse for Service {
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
