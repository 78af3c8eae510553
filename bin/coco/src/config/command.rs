//! Section `command`: how the node comes to be part of a service.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use coco_crypto::x509::Name;

use super::{
    address::Address,
    certificate::{ONE_DAY, common_name},
    item::{ConfigError, Fields, Item, Parse, Problem},
    units::Size,
};

/// Section `command`.
#[derive(Clone, Debug)]
pub struct Command {
    /// Certificate of the service: written by `Start` and `Recover`, read by `Join`.
    pub service_certificate_file: PathBuf,
    /// What the node does.
    pub kind: CommandKind,
}

/// What a node does first.
#[derive(Clone, Debug)]
pub enum CommandKind {
    /// Creates a service.
    Start(Start),
    /// Joins a service.
    Join(Join),
    /// Creates a service from the ledger of one that is lost.
    Recover(Recover),
}

impl CommandKind {
    /// As it is written in a configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "Start",
            Self::Join(_) => "Join",
            Self::Recover(_) => "Recover",
        }
    }
}

/// Section `command.start`.
#[derive(Clone, Debug)]
pub struct Start {
    /// The first members.
    pub members: Vec<Member>,
    /// Scripts that together are the constitution; joined by line breaks.
    pub constitution_files: Vec<PathBuf>,
    /// What members may change later.
    pub service_configuration: ServiceConfiguration,
    /// Validity of the service's first certificate, in days.
    pub initial_service_certificate_validity_days: NonZeroU32,
    /// Subject of the service's certificate.
    pub service_subject_name: Name,
    /// What signatures of the ledger say of themselves.
    pub cose_signatures: CoseSignatures,
}

/// An entry of `command.start.members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// PEM certificate.
    pub certificate_file: PathBuf,
    /// PEM key that recovery shares are encrypted to.
    pub encryption_public_key_file: Option<PathBuf>,
    /// Anything, in JSON.
    pub data_json_file: Option<PathBuf>,
    /// Part in a recovery, of a member with an encryption key; by default a participant.
    pub recovery_role: Option<RecoveryRole>,
}

/// What a member can do in a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryRole {
    /// Nothing.
    NonParticipant,
    /// Has one of the shares.
    Participant,
    /// Can recover alone.
    Owner,
}

/// Section `command.start.service_configuration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceConfiguration {
    /// Shares that a recovery needs. A configured 0 has been replaced by the number of participants, or
    /// by 1 when there are owners only.
    pub recovery_threshold: u32,
    /// Longest validity of a node's certificate, in days; none means 365.
    pub maximum_node_certificate_validity_days: Option<NonZeroU32>,
    /// Longest validity of the service's certificate, in days; none means 365.
    pub maximum_service_certificate_validity_days: Option<NonZeroU32>,
    /// Number of proposals remembered against replay; none means 100.
    pub recent_cose_proposals_window_size: Option<NonZeroU32>,
}

/// Section `command.start.cose_signatures`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoseSignatures {
    /// CWT claim `iss`.
    pub issuer: String,
    /// CWT claim `sub`.
    pub subject: String,
}

/// Section `command.join`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// A node of the service.
    pub target_rpc_address: Address,
    /// Time between two requests to join.
    pub retry_timeout: Duration,
    /// Whether to follow the target to the primary.
    pub follow_redirect: bool,
    /// Whether to begin from a snapshot of the target; none: from the local one or from the first entry.
    pub fetch_recent_snapshot: Option<FetchSnapshot>,
    /// Transparent statement (SCITT) about the node's host data.
    pub host_data_transparent_statement_path: Option<PathBuf>,
}

/// How hard to try to fetch a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSnapshot {
    /// Most attempts.
    pub max_attempts: NonZeroU32,
    /// Time between two attempts.
    pub retry_interval: Duration,
    /// Largest snapshot accepted.
    pub max_size: Size,
}

/// Section `command.recover`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recover {
    /// Validity of the new service's first certificate, in days.
    pub initial_service_certificate_validity_days: NonZeroU32,
    /// Certificate of the lost service.
    pub previous_service_identity_file: PathBuf,
    /// Where a node of the lost service sealed its ledger secrets.
    pub previous_sealed_ledger_secret_location: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Start,
    Join,
    Recover,
}

impl Parse for Command {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let service_certificate_file =
                fields.or("service_certificate_file", PathBuf::from("service_cert.pem"))?;
            let kind = fields.required("type")?;
            let start = section(fields, "start", kind == Kind::Start)?;
            let join = section::<JoinSection>(fields, "join", kind == Kind::Join)?;
            let recover = section::<RecoverSection>(fields, "recover", kind == Kind::Recover)?;
            let kind = match kind {
                Kind::Start => CommandKind::Start(with_threshold(fields, needed(start))?),
                Kind::Join => match needed(join).complete() {
                    Some(join) => CommandKind::Join(join),
                    None => return Err(missing(fields, "join.target_rpc_address")),
                },
                Kind::Recover => match needed(recover).complete() {
                    Some(recover) => CommandKind::Recover(recover),
                    None => return Err(missing(fields, "recover.previous_service_identity_file")),
                },
            };
            Ok(Self { service_certificate_file, kind })
        })
    }
}

/// Sections of other commands may be there: they are checked and have no effect.
fn section<T: Parse>(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    needed: bool,
) -> Result<Option<T>, ConfigError> {
    if needed { fields.required(key).map(Some) } else { fields.optional(key) }
}

fn needed<T>(section: Option<T>) -> T {
    section.expect("the section of the command is required")
}

fn missing(fields: &Fields<'_, '_>, key: &str) -> ConfigError {
    fields.wrong_at(key, Problem::Missing(None))
}

/// Replaces a threshold of 0 and refuses one that can never be reached
/// (`validate_and_adjust_recovery_threshold` in CCF's `src/host/run.cpp`).
fn with_threshold(fields: &Fields<'_, '_>, mut start: Start) -> Result<Start, ConfigError> {
    let with_role = |role| {
        let recovers = |member: &&Member| member.encryption_public_key_file.is_some();
        let has_role = |member: &&Member| member.recovery_role.unwrap_or(RecoveryRole::Participant) == role;
        let count = start.members.iter().filter(recovers).filter(has_role).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let (participants, owners) = (with_role(RecoveryRole::Participant), with_role(RecoveryRole::Owner));
    let most = if participants == 0 && owners > 0 { 1 } else { participants };
    let threshold = &mut start.service_configuration.recovery_threshold;
    if *threshold > most {
        let why = format!("{threshold} shares are needed, but at most {most} can be given to the members");
        let at = "start.service_configuration.recovery_threshold";
        return Err(fields.wrong_at(at, Problem::Conflict(why)));
    }
    if *threshold == 0 {
        *threshold = most;
    }
    Ok(start)
}

impl Parse for Kind {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Start", Self::Start), ("Join", Self::Join), ("Recover", Self::Recover)])
    }
}

impl Parse for Start {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                members: fields.required("members")?,
                constitution_files: fields.required("constitution_files")?,
                service_configuration: fields.or(
                    "service_configuration",
                    ServiceConfiguration {
                        recovery_threshold: 0,
                        maximum_node_certificate_validity_days: None,
                        maximum_service_certificate_validity_days: None,
                        recent_cose_proposals_window_size: None,
                    },
                )?,
                initial_service_certificate_validity_days: fields
                    .or("initial_service_certificate_validity_days", ONE_DAY)?,
                service_subject_name: fields.or("service_subject_name", common_name("CCF Service"))?,
                cose_signatures: fields.or("cose_signatures", CoseSignatures::default())?,
            })
        })
    }
}

impl Parse for Member {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                certificate_file: fields.required("certificate_file")?,
                encryption_public_key_file: fields.blank("encryption_public_key_file")?,
                data_json_file: fields.blank("data_json_file")?,
                recovery_role: fields.nullable("recovery_role")?,
            })
        })
    }
}

impl Parse for RecoveryRole {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[
            ("NonParticipant", Self::NonParticipant),
            ("Participant", Self::Participant),
            ("Owner", Self::Owner),
        ])
    }
}

impl Parse for ServiceConfiguration {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                recovery_threshold: fields.required("recovery_threshold")?,
                maximum_node_certificate_validity_days: fields
                    .optional("maximum_node_certificate_validity_days")?,
                maximum_service_certificate_validity_days: fields
                    .optional("maximum_service_certificate_validity_days")?,
                recent_cose_proposals_window_size: fields.optional("recent_cose_proposals_window_size")?,
            })
        })
    }
}

impl Parse for CoseSignatures {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self { issuer: fields.required("issuer")?, subject: fields.required("subject")? })
        })
    }
}

/// [`Join`] of which the address may be empty as long as nobody joins.
struct JoinSection {
    target_rpc_address: Option<Address>,
    retry_timeout: Duration,
    follow_redirect: bool,
    fetch_recent_snapshot: Option<FetchSnapshot>,
    host_data_transparent_statement_path: Option<PathBuf>,
}

impl JoinSection {
    fn complete(self) -> Option<Join> {
        Some(Join {
            target_rpc_address: self.target_rpc_address?,
            retry_timeout: self.retry_timeout,
            follow_redirect: self.follow_redirect,
            fetch_recent_snapshot: self.fetch_recent_snapshot,
            host_data_transparent_statement_path: self.host_data_transparent_statement_path,
        })
    }
}

impl Parse for JoinSection {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        const ONE_SECOND: Duration = Duration::from_secs(1);
        item.section(|fields| {
            let fetch = fields.or("fetch_recent_snapshot", true)?;
            let how = FetchSnapshot {
                max_attempts: fields
                    .or("fetch_snapshot_max_attempts", const { NonZeroU32::new(3).expect("not zero") })?,
                retry_interval: fields.or("fetch_snapshot_retry_interval", ONE_SECOND)?,
                max_size: fields.or("fetch_snapshot_max_size", Size::gb(10))?,
            };
            Ok(Self {
                target_rpc_address: fields.blank("target_rpc_address")?,
                retry_timeout: fields.or("retry_timeout", ONE_SECOND)?,
                follow_redirect: fields.or("follow_redirect", true)?,
                fetch_recent_snapshot: fetch.then_some(how),
                host_data_transparent_statement_path: fields
                    .nullable("host_data_transparent_statement_path")?,
            })
        })
    }
}

/// [`Recover`] of which the identity may be empty as long as nobody recovers.
struct RecoverSection {
    initial_service_certificate_validity_days: NonZeroU32,
    previous_service_identity_file: Option<PathBuf>,
    previous_sealed_ledger_secret_location: Option<PathBuf>,
}

impl RecoverSection {
    fn complete(self) -> Option<Recover> {
        Some(Recover {
            initial_service_certificate_validity_days: self.initial_service_certificate_validity_days,
            previous_service_identity_file: self.previous_service_identity_file?,
            previous_sealed_ledger_secret_location: self.previous_sealed_ledger_secret_location,
        })
    }
}

impl Parse for RecoverSection {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                initial_service_certificate_validity_days: fields
                    .or("initial_service_certificate_validity_days", ONE_DAY)?,
                previous_service_identity_file: fields.blank("previous_service_identity_file")?,
                previous_sealed_ledger_secret_location: fields
                    .optional("previous_sealed_ledger_secret_location")?,
            })
        })
    }
}
