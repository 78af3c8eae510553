//! Section `network`: where the node listens, and what each RPC interface offers.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use coco_boundary::InterfaceName;
pub use coco_node::redirect::{RedirectionTarget, Redirections, Role};
use regex::Regex;

use super::{
    address::Address,
    item::{ConfigError, Item, Parse, Problem},
    units::Size,
};

/// Section `network`.
#[derive(Clone, Debug)]
pub struct Network {
    /// Where other nodes reach this one.
    pub node_to_node_interface: Interface,
    /// Where clients reach this node, by name; at least one.
    pub rpc_interfaces: Vec<(InterfaceName, RpcInterface)>,
}

/// Where an interface listens, and under which address it is known to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Where it listens; port 0 takes a free one.
    pub bind_address: Address,
    /// Where others find it; none means where it listens. Port 0 stands for that of `bind_address`.
    pub published_address: Option<Address>,
}

/// An entry of `network.rpc_interfaces`.
#[derive(Clone, Debug)]
pub struct RpcInterface {
    /// Its addresses.
    pub addresses: Interface,
    /// What it speaks.
    pub app_protocol: AppProtocol,
    /// Sessions beyond this many are answered by an error.
    pub max_open_sessions_soft: u64,
    /// Sessions beyond this many are dropped; not below the soft limit.
    pub max_open_sessions_hard: u64,
    /// Limits of requests.
    pub http: HttpLimits,
    /// Who vouches for its certificate.
    pub authority: Authority,
    /// Which paths it serves.
    pub accepted_endpoints: AcceptedEndpoints,
    /// How long a forwarded request may take.
    pub forwarding_timeout: Duration,
    /// Where requests for other nodes are redirected to; without, they are forwarded.
    pub redirections: Option<Redirections>,
    /// Endpoints for operators that it serves.
    pub operator_features: Vec<OperatorFeature>,
}

/// Protocol of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Who vouches for the certificate of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The node itself: self-signed.
    Node,
    /// The service.
    Service,
    /// Nobody: no TLS. Serves only what `accepted_endpoints` names.
    Unsecured,
}

/// Section `http_configuration` of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Of a body.
    pub max_body_size: Size,
    /// Of the name, and of the value, of a header field.
    pub max_header_size: Size,
    /// Number of header fields.
    pub max_headers_count: u32,
    /// HTTP/2: streams of a session at a time.
    pub max_concurrent_streams_count: NonZeroU32,
    /// HTTP/2: flow-control window of a stream.
    pub initial_window_size: Size,
    /// HTTP/2: a frame, 16 KB to 16 MB.
    pub max_frame_size: Size,
}

/// Which paths an interface serves.
#[derive(Clone, Debug)]
pub enum AcceptedEndpoints {
    /// Every path.
    All,
    /// Paths that one of these expressions matches from begin to end.
    Matching(Vec<Regex>),
}

impl AcceptedEndpoints {
    /// Whether the interface serves this full path, such as `/app/log/private`.
    #[must_use]
    pub fn accepts(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Matching(expressions) => expressions.iter().any(|expression| expression.is_match(path)),
        }
    }
}

/// A group of endpoints that an interface serves only when told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorFeature {
    /// Downloads of snapshots.
    SnapshotRead,
    /// Downloads of the ledger.
    LedgerChunkRead,
    /// Making a snapshot now.
    SnapshotCreate,
}

impl Parse for Network {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let node_to_node_interface = fields.required("node_to_node_interface")?;
            let rpc_interfaces = fields.required::<RpcInterfaces>("rpc_interfaces")?.0;
            Ok(Self { node_to_node_interface, rpc_interfaces })
        })
    }
}

struct RpcInterfaces(Vec<(InterfaceName, RpcInterface)>);

impl Parse for RpcInterfaces {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let interfaces = item.members()?;
        if interfaces.is_empty() {
            return Err(item.wrong(Problem::Conflict("at least one interface is needed".to_owned())));
        }
        Ok(Self(interfaces.into_iter().map(|(name, it)| (InterfaceName::new(&name), it)).collect()))
    }
}

impl Parse for Interface {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                bind_address: fields.required("bind_address")?,
                published_address: fields.blank("published_address")?,
            })
        })
    }
}

impl Parse for RpcInterface {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let addresses = Interface {
                bind_address: fields.required("bind_address")?,
                published_address: fields.blank("published_address")?,
            };
            fields.without_effect::<Protocol>("protocol")?;
            let interface = Self {
                addresses,
                app_protocol: fields.or("app_protocol", AppProtocol::Http1)?,
                max_open_sessions_soft: fields.or("max_open_sessions_soft", 1000)?,
                max_open_sessions_hard: fields.or("max_open_sessions_hard", 1010)?,
                http: fields.section("http_configuration")?,
                authority: fields
                    .optional::<Endorsement>("endorsement")?
                    .map_or(Authority::Service, |it| it.0),
                accepted_endpoints: fields.or("accepted_endpoints", AcceptedEndpoints::All)?,
                forwarding_timeout: Duration::from_millis(
                    fields
                        .or("forwarding_timeout_ms", const { NonZeroU64::new(3000).expect("not zero") })?
                        .get(),
                ),
                redirections: fields.optional("redirections")?,
                operator_features: fields.or("enabled_operator_features", Vec::new())?,
            };
            if interface.max_open_sessions_hard < interface.max_open_sessions_soft {
                let why =
                    format!("below max_open_sessions_soft, which is {}", interface.max_open_sessions_soft);
                return Err(fields.wrong_at("max_open_sessions_hard", Problem::Conflict(why)));
            }
            Ok(interface)
        })
    }
}

/// The one transport there is.
struct Protocol;

impl Parse for Protocol {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("tcp", ())]).map(|()| Self)
    }
}

impl Parse for AppProtocol {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("HTTP1", Self::Http1), ("HTTP2", Self::Http2)])
    }
}

struct Endorsement(Authority);

impl Parse for Endorsement {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| fields.required("authority").map(Self))
    }
}

impl Parse for Authority {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Node", Self::Node), ("Service", Self::Service), ("Unsecured", Self::Unsecured)])
    }
}

impl Parse for HttpLimits {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let limits = Self {
                max_body_size: fields.or("max_body_size", Size::mb(1))?,
                max_header_size: fields.or("max_header_size", Size::kb(16))?,
                max_headers_count: fields.or("max_headers_count", 256)?,
                max_concurrent_streams_count: fields
                    .or("max_concurrent_streams_count", const { NonZeroU32::new(100).expect("not zero") })?,
                initial_window_size: fields.or("initial_window_size", Size::kb(64))?,
                max_frame_size: fields.or("max_frame_size", Size::kb(16))?,
            };
            if limits.max_frame_size < Size::kb(16) || limits.max_frame_size > Size::mb(16) {
                let why = "HTTP/2 allows frames of 16KB to 16MB".to_owned();
                return Err(fields.wrong_at("max_frame_size", Problem::Conflict(why)));
            }
            if limits.initial_window_size.0 >= 1 << 31 {
                let why = "HTTP/2 allows windows below 2GB".to_owned();
                return Err(fields.wrong_at("initial_window_size", Problem::Conflict(why)));
            }
            Ok(limits)
        })
    }
}

impl Parse for AcceptedEndpoints {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let expressions: Vec<Expression> = Vec::parse(item)?;
        Ok(Self::Matching(expressions.into_iter().map(|expression| expression.0).collect()))
    }
}

/// A regular expression that must match a whole text.
struct Expression(Regex);

impl Parse for Expression {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let text = item.text()?;
        // Checked by itself first: inside the group it could close that group.
        let expression = Regex::new(text).and_then(|_| Regex::new(&format!("^(?:{text})$")));
        expression.map(Self).map_err(|error| item.wrong_form(text, &error))
    }
}

impl Parse for Redirections {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let by_role = |role| RedirectionTarget::NodeByRole { role, interface: None };
            Ok(Self {
                to_primary: fields.or("to_primary", by_role(Role::Primary))?,
                to_backup: fields.or("to_backup", by_role(Role::Backup))?,
            })
        })
    }
}

impl Parse for RedirectionTarget {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| match fields.required("kind")? {
            TargetKind::NodeByRole => fields.section::<TargetByRole>("target").map(|target| target.0),
            TargetKind::StaticAddress => fields.required::<TargetAddress>("target").map(|target| target.0),
        })
    }
}

#[derive(Clone, Copy)]
enum TargetKind {
    NodeByRole,
    StaticAddress,
}

impl Parse for TargetKind {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("NodeByRole", Self::NodeByRole), ("StaticAddress", Self::StaticAddress)])
    }
}

struct TargetByRole(RedirectionTarget);

impl Parse for TargetByRole {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let role = fields.or("role", Role::Primary)?;
            let interface = fields.optional::<String>("interface")?;
            let interface = interface.map(|name| InterfaceName::new(&name));
            Ok(Self(RedirectionTarget::NodeByRole { role, interface }))
        })
    }
}

struct TargetAddress(RedirectionTarget);

impl Parse for TargetAddress {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            // A port is optional and 443 without, so the text is kept once it is known to be an address.
            let text: String = fields.required("address")?;
            fields.required::<Address>("address")?;
            Ok(Self(RedirectionTarget::StaticAddress(text)))
        })
    }
}

impl Parse for Role {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("primary", Self::Primary), ("backup", Self::Backup)])
    }
}

impl Parse for OperatorFeature {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[
            ("SnapshotRead", Self::SnapshotRead),
            ("LedgerChunkRead", Self::LedgerChunkRead),
            ("SnapshotCreate", Self::SnapshotCreate),
        ])
    }
}
