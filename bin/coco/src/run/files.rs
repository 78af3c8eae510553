//! Files that a configuration names: read for the first transaction, written for others to find the node.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use coco_crypto::{Certificate, x509::InvalidCertificate};
use coco_host::process::read_input;
use coco_node::{
    Genesis,
    genesis::{InvalidMember, NewMember},
};
use coco_tables::{
    members::RecoveryRole,
    nodes::{
        Authority, Endorsement, HttpConfiguration, Interface, NodeNetwork, Redirection, RedirectionKind,
        Redirections,
    },
    service::ServiceConfig,
};
use serde_json::{Value, json};

use super::sessions::{self, Listening};
use crate::config::{
    NodeConfig,
    command::{self, Member, Start},
    network::{self, AcceptedEndpoints, AppProtocol, Network, RedirectionTarget, Role, RpcInterface},
};

/// Largest file read, in bytes.
const MAX_LEN: u64 = 16 << 20;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not text.
    #[error("{}: not UTF-8 text", .0.display())]
    Text(PathBuf),
    /// It is not JSON.
    #[error("{}: {error}", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
    /// It is no certificate.
    #[error("{}: {error}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: InvalidCertificate,
    },
    /// It describes no member.
    #[error("{}: {error}", .path.display())]
    Member {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        error: InvalidMember,
    },
}

/// What the first transaction is made of.
pub(super) fn genesis(
    config: &NodeConfig,
    start: &Start,
    network: &NodeNetwork,
    security_policy: Option<String>,
) -> Result<Genesis, FileError> {
    let constitution =
        start.constitution_files.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?.join("\n");
    let limits = &start.service_configuration;
    let days = |days: Option<std::num::NonZeroU32>| days.map(|days| u64::from(days.get()));
    Ok(Genesis {
        members: start.members.iter().map(member).collect::<Result<_, _>>()?,
        constitution,
        service_data: data(config.service_data_json_file.as_deref())?,
        configuration: ServiceConfig {
            recovery_threshold: u64::from(limits.recovery_threshold),
            maximum_node_certificate_validity_days: days(limits.maximum_node_certificate_validity_days),
            maximum_service_certificate_validity_days: days(limits.maximum_service_certificate_validity_days),
            recent_cose_proposals_window_size: days(limits.recent_cose_proposals_window_size),
            ..ServiceConfig::default()
        },
        network: network.clone(),
        node_data: data(config.node_data_json_file.as_deref())?,
        security_policy,
    })
}

fn member(member: &Member) -> Result<NewMember, FileError> {
    let key = member.encryption_public_key_file.as_deref().map(text).transpose()?;
    let role = member.recovery_role.map(|role| match role {
        command::RecoveryRole::NonParticipant => RecoveryRole::NonParticipant,
        command::RecoveryRole::Participant => RecoveryRole::Participant,
        command::RecoveryRole::Owner => RecoveryRole::Owner,
    });
    let path = &member.certificate_file;
    let data = data(member.data_json_file.as_deref())?;
    NewMember::new(text(path)?, key, data, role)
        .map_err(|error| FileError::Member { path: path.clone(), error })
}

fn text(path: &Path) -> Result<String, FileError> {
    let bytes =
        read_input(path, MAX_LEN).map_err(|error| FileError::Read { path: path.to_path_buf(), error })?;
    String::from_utf8(bytes).map_err(|_| FileError::Text(path.to_path_buf()))
}

/// The service's certificate, which its first node wrote.
pub(super) fn certificate(path: &Path) -> Result<Certificate, FileError> {
    let invalid = |error| FileError::Certificate { path: path.to_path_buf(), error };
    Certificate::from_pem(&text(path)?).map_err(invalid)
}

/// What an operator noted in a file; null without one.
pub(super) fn data(path: Option<&Path>) -> Result<Value, FileError> {
    let Some(path) = path else { return Ok(Value::Null) };
    serde_json::from_str(&text(path)?).map_err(|error| FileError::Json { path: path.to_path_buf(), error })
}

/// The interfaces as others are told of them.
pub(super) fn published(network: &Network, listening: &Listening) -> NodeNetwork {
    let addresses = |configured: &network::Interface, port| Interface {
        bind_address: sessions::with_port(&configured.bind_address, port).to_string(),
        published_address: sessions::published(configured, port).to_string(),
        ..Interface::default()
    };
    let rpc = network.rpc_interfaces.iter().map(|(name, interface)| {
        let addresses = addresses(&interface.addresses, listening.port(name));
        (name.to_string(), rpc_interface(interface, addresses))
    });
    NodeNetwork {
        node_to_node_interface: addresses(&network.node_to_node_interface, listening.node_port),
        rpc_interfaces: rpc.collect(),
        will_locally_seal_ledger_secrets: false,
    }
}

fn rpc_interface(interface: &RpcInterface, addresses: Interface) -> Interface {
    let http = &interface.http;
    // Settings that have no effect are not listed.
    let http2 = (interface.app_protocol == AppProtocol::Http2).then_some(http);
    let authority = match interface.authority {
        network::Authority::Node => Authority::Node,
        network::Authority::Service => Authority::Service,
        network::Authority::Unsecured => Authority::Unsecured,
    };
    Interface {
        protocol: "tcp".to_owned(),
        app_protocol: Some(match interface.app_protocol {
            AppProtocol::Http1 => "HTTP1".to_owned(),
            AppProtocol::Http2 => "HTTP2".to_owned(),
        }),
        max_open_sessions_soft: Some(interface.max_open_sessions_soft),
        max_open_sessions_hard: Some(interface.max_open_sessions_hard),
        http_configuration: Some(HttpConfiguration {
            max_body_size: Some(http.max_body_size.0.to_string()),
            max_header_size: Some(http.max_header_size.0.to_string()),
            max_headers_count: Some(http.max_headers_count),
            max_concurrent_streams_count: http2.map(|http| http.max_concurrent_streams_count.get().into()),
            initial_window_size: http2.map(|http| http.initial_window_size.0.to_string()),
            max_frame_size: http2.map(|http| http.max_frame_size.0.to_string()),
        }),
        endorsement: Some(Endorsement { authority }),
        accepted_endpoints: match &interface.accepted_endpoints {
            AcceptedEndpoints::All => None,
            AcceptedEndpoints::Matching(patterns) => {
                Some(patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect())
            }
        },
        forwarding_timeout_ms: u64::try_from(interface.forwarding_timeout.as_millis()).ok(),
        redirections: interface.redirections.as_ref().map(redirections),
        ..addresses
    }
}

fn redirections(configured: &network::Redirections) -> Redirections {
    let described = |target: &RedirectionTarget| match target {
        RedirectionTarget::NodeByRole { role, interface } => {
            let role = match role {
                Role::Primary => "primary",
                Role::Backup => "backup",
            };
            let mut target = json!({ "role": role });
            if let Some(interface) = interface {
                target["interface"] = interface.as_str().into();
            }
            Redirection { kind: RedirectionKind::NodeByRole, target }
        }
        RedirectionTarget::StaticAddress(address) => {
            Redirection { kind: RedirectionKind::StaticAddress, target: json!({ "address": address }) }
        }
    };
    Redirections {
        to_primary: described(&configured.to_primary),
        to_backup: described(&configured.to_backup),
    }
}

/// Content of the file with the address for other nodes.
pub(super) fn node_address(network: &NodeNetwork) -> String {
    json!({ "node_to_node_interface": network.node_to_node_interface.published_address }).to_string()
}

/// Content of the file with the addresses for clients.
pub(super) fn rpc_addresses(network: &NodeNetwork) -> String {
    let addresses: BTreeMap<_, _> =
        network.rpc_interfaces.iter().map(|(name, interface)| (name, &interface.published_address)).collect();
    json!(addresses).to_string()
}
