//! RPC interfaces: bound by the host, served by the enclave.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use coco_boundary::InterfaceName;
use coco_crypto::x509::{DnsName, SubjectAltName};
use coco_host::{
    net::{self, BindError},
    peers::PeerNetwork,
};
use coco_http::{
    AppProtocol, CertificateSlots, Interface, InterfaceMetrics, InterfaceSettings, Limits, SessionCaps,
    SessionCount, Timeouts, Transport,
};
use coco_node::{
    Offered,
    admin::{InterfaceReport, SessionMetrics, SessionReport},
    redirect::Redirections,
};
use tokio::sync::watch;

use crate::config::{
    Address, NodeConfig,
    network::{
        AcceptedEndpoints, AppProtocol as Protocol, Authority, Network, OperatorFeature, RpcInterface,
    },
};

/// Bound addresses.
pub(super) struct Listening {
    /// For clients.
    pub(super) rpc: Vec<net::Interface>,
    /// Port for other nodes.
    pub(super) node_port: u16,
}

impl Listening {
    /// Binds all interfaces; the one for other nodes is the host's.
    pub(super) fn bind(network: &Network) -> Result<(Self, PeerNetwork), BindError> {
        let rpc = network.rpc_interfaces.iter().map(|(name, interface)| {
            net::Interface::bind(name.clone(), &interface.addresses.bind_address.to_string())
        });
        let rpc = rpc.collect::<Result<_, _>>()?;
        let peers = PeerNetwork::bind(&network.node_to_node_interface.bind_address.to_string())?;
        Ok((Self { rpc, node_port: peers.address().port() }, peers))
    }

    /// Port that an interface listens on.
    pub(super) fn port(&self, name: &InterfaceName) -> u16 {
        self.rpc.iter().find(|bound| bound.name() == name).map_or(0, |bound| bound.address().port())
    }
}

/// The address that others are told, with the port that was found.
pub(super) fn published(configured: &crate::config::network::Interface, port: u16) -> Address {
    with_port(configured.published_address.as_ref().unwrap_or(&configured.bind_address), port)
}

/// The address with the port that was found, if none was asked for.
pub(super) fn with_port(address: &Address, port: u16) -> Address {
    let mut address = address.clone();
    if address.port == 0 {
        address.port = port;
    }
    address
}

/// Alternative names of the node's certificate: the hosts of its published RPC addresses.
pub(super) fn alt_names(network: &Network, listening: &Listening) -> Vec<SubjectAltName> {
    let hosts: BTreeSet<String> = network
        .rpc_interfaces
        .iter()
        .map(|(name, interface)| published(&interface.addresses, listening.port(name)).host().to_owned())
        .collect();
    let name = |host: String| match host.parse::<IpAddr>() {
        Ok(ip) => Some(SubjectAltName::Ip(ip)),
        Err(_) => DnsName::new(&host).ok().map(SubjectAltName::Dns),
    };
    hosts.into_iter().filter_map(name).collect()
}

/// Patterns of the paths that interfaces offer, of those that do not offer all.
pub(super) fn offered(network: &Network) -> BTreeMap<InterfaceName, Offered> {
    let offered = |(name, interface): &(InterfaceName, RpcInterface)| {
        let paths = match (&interface.accepted_endpoints, interface.authority) {
            (AcceptedEndpoints::Matching(patterns), _) => Some(patterns.clone()),
            (AcceptedEndpoints::All, Authority::Unsecured) => Some(Vec::new()),
            (AcceptedEndpoints::All, Authority::Node | Authority::Service) => None,
        };
        let has = |feature| interface.operator_features.contains(&feature);
        let snapshots = has(OperatorFeature::SnapshotRead);
        let chunks = has(OperatorFeature::LedgerChunkRead);
        let creation = has(OperatorFeature::SnapshotCreate);
        (name.clone(), Offered { paths, snapshots, chunks, creation })
    };
    network.rpc_interfaces.iter().map(offered).collect()
}

/// Where interfaces redirect to, of those that do.
pub(super) fn redirections(network: &Network) -> BTreeMap<InterfaceName, Redirections> {
    let of = |(name, interface): &(InterfaceName, RpcInterface)| {
        Some((name.clone(), interface.redirections.clone()?))
    };
    network.rpc_interfaces.iter().filter_map(of).collect()
}

/// How long requests that are forwarded may take, in milliseconds.
pub(super) fn forwarding_timeouts(network: &Network) -> BTreeMap<InterfaceName, u64> {
    let of = |(name, interface): &(InterfaceName, RpcInterface)| {
        let ms = interface.forwarding_timeout.as_millis();
        (name.clone(), u64::try_from(ms).unwrap_or(u64::MAX))
    };
    network.rpc_interfaces.iter().map(of).collect()
}

/// The enclave's side of all interfaces.
pub(super) struct Interfaces {
    all: Vec<Arc<Interface>>,
    node: Arc<SessionCount>,
}

pub(super) fn interfaces(
    config: &NodeConfig,
    slots: &CertificateSlots,
    stop: &watch::Receiver<bool>,
) -> Interfaces {
    let node = Arc::new(SessionCount::default());
    let make = |(name, interface): &(InterfaceName, RpcInterface)| {
        let settings = settings(name, interface, config);
        let slot = match interface.authority {
            Authority::Node => &slots.node,
            Authority::Service | Authority::Unsecured => &slots.service,
        };
        Arc::new(Interface::new(settings, Arc::clone(slot), Arc::clone(&node), stop.clone()))
    };
    Interfaces { all: config.network.rpc_interfaces.iter().map(make).collect(), node: Arc::clone(&node) }
}

impl Interfaces {
    pub(super) fn all(&self) -> Vec<Arc<Interface>> {
        self.all.clone()
    }

    pub(super) fn metrics(&self) -> Metrics {
        let of = |interface: &Arc<Interface>| {
            let settings = &interface.settings;
            (settings.name.clone(), settings.caps, Arc::clone(&interface.metrics))
        };
        Metrics { interfaces: self.all.iter().map(of).collect(), node: Arc::clone(&self.node) }
    }
}

/// Counts for `/node/metrics`.
pub(super) struct Metrics {
    interfaces: Vec<(InterfaceName, SessionCaps, Arc<InterfaceMetrics>)>,
    node: Arc<SessionCount>,
}

impl SessionMetrics for Metrics {
    fn report(&self) -> SessionReport {
        let of = |(name, caps, metrics): &(InterfaceName, SessionCaps, Arc<InterfaceMetrics>)| {
            let errors = metrics.errors();
            InterfaceReport {
                name: name.clone(),
                active: metrics.sessions.active(),
                peak: metrics.sessions.peak(),
                soft_cap: caps.soft,
                hard_cap: caps.hard,
                parsing: errors.parsing,
                request_payload_too_large: errors.request_payload_too_large,
                request_header_too_large: errors.request_header_too_large,
            }
        };
        SessionReport {
            active: self.node.active(),
            peak: self.node.peak(),
            interfaces: self.interfaces.iter().map(of).collect(),
        }
    }
}

fn settings(name: &InterfaceName, interface: &RpcInterface, config: &NodeConfig) -> InterfaceSettings {
    let bytes = |size: crate::config::Size| usize::try_from(size.0).unwrap_or(usize::MAX);
    let bytes32 = |size: crate::config::Size| u32::try_from(size.0).unwrap_or(u32::MAX);
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let http = &interface.http;
    InterfaceSettings {
        name: name.clone(),
        transport: match interface.authority {
            Authority::Unsecured => Transport::Plain,
            Authority::Node | Authority::Service => Transport::Tls,
        },
        protocol: match interface.app_protocol {
            Protocol::Http1 => AppProtocol::Http1,
            Protocol::Http2 => AppProtocol::Http2,
        },
        limits: Limits {
            max_body_size: bytes(http.max_body_size),
            max_header_size: bytes(http.max_header_size),
            max_headers_count: usize::try_from(http.max_headers_count).unwrap_or(usize::MAX),
            max_concurrent_streams: http.max_concurrent_streams_count.get(),
            initial_window_size: bytes32(http.initial_window_size),
            max_frame_size: bytes32(http.max_frame_size),
        },
        caps: SessionCaps {
            soft: count(interface.max_open_sessions_soft),
            hard: count(interface.max_open_sessions_hard),
        },
        timeouts: Timeouts { idle: config.idle_connection_timeout, ..Timeouts::default() },
    }
}
