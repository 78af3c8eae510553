//! Nodes of the service.

mod appraisal;
mod diversity;
mod membership;

use std::collections::BTreeMap;

use coco_kv::{JsonValue, Malformed, Reader, Singleton, Table};
use coco_wire::{Digest, Seqno, text::Base64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::is_default;

pub use appraisal::{Appraisal, Eviction, Lease, Reason, Renewal, changes_rules};
pub use diversity::{Concentrated, Diversity, Kind};
pub use membership::{changes, leaving, mark_retired_committed, removable, trusted};

/// Name of `nodes.info`.
pub const INFO: &str = "public:ccf.gov.nodes.info";
/// Name of `nodes.endorsed_certificates`.
pub const ENDORSED_CERTIFICATES: &str = "public:ccf.gov.nodes.endorsed_certificates";
/// Name of `public:coco.gov.nodes.appraisals`.
pub const APPRAISALS: &str = "public:coco.gov.nodes.appraisals";

/// Tables of nodes, by the digest of their public key (DER of SubjectPublicKeyInfo).
pub struct Nodes {
    /// `nodes.info`: addresses, evidence and standing of a node. Written by the first transaction, the primary when a
    /// node asks to join or has left, `transition_node_to_trusted`, `remove_node`, `set_node_data`, and operators who
    /// remove a retired node.
    pub info: Table<Digest, NodeInfo>,
    /// `nodes.endorsed_certificates`: PEM certificate signed by the service. Written by the first transaction, the
    /// primary when a node joins, `transition_node_to_trusted`, `set_node_certificate_validity`,
    /// `set_all_nodes_certificate_validity`, and operators who remove a retired node.
    pub endorsed_certificates: Table<Digest, String>,
    /// `public:coco.gov.nodes.appraisals`: when evidence of a node was judged last, and that evidence if it is not what it
    /// joined with. Written by the first transaction, the primary when a node asks to join, renews its lease or has to
    /// leave, `remove_node`, and operators who remove a retired node.
    pub appraisals: Table<Digest, Appraisal>,
    /// `public:coco.gov.nodes.lease`: how long evidence counts; without it, for ever. Written by `set_node_lease` and
    /// `remove_node_lease`.
    pub lease: Singleton<Lease>,
    /// `public:coco.gov.nodes.diversity`: who must run fewer nodes than a majority; without it, nobody. Written by
    /// `set_node_diversity` and `remove_node_diversity`.
    pub diversity: Singleton<Diversity>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            info: Table::new(INFO),
            endorsed_certificates: Table::new(ENDORSED_CERTIFICATES),
            appraisals: Table::new(APPRAISALS),
            lease: Singleton::new("public:coco.gov.nodes.lease"),
            diversity: Singleton::new("public:coco.gov.nodes.diversity"),
        }
    }
}

impl Nodes {
    /// Whether the nodes that decide together are as diverse as the members demand.
    ///
    /// # Errors
    /// If they are not, or a row cannot be read.
    pub fn check_diversity(&self, state: &impl Reader) -> Result<(), NotDiverse> {
        let Some(rule) = self.diversity.get(state)? else { return Ok(()) };
        let nodes: Result<Vec<_>, _> = self.info.iter(state).map(|row| row.map(|(_, node)| node)).collect();
        let nodes = nodes?;
        Ok(rule.check(nodes.iter().filter(|node| node.status == NodeStatus::Trusted))?)
    }
}

/// The nodes are not as diverse as the members demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDiverse {
    /// One has a majority.
    #[error(transparent)]
    Concentrated(#[from] Concentrated),
    /// A row is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What is known of a node. Source: CCF `include/ccf/service/node_info.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Addresses.
    #[serde(flatten)]
    pub network: NodeNetwork,
    /// Attestation shown when it joined.
    pub quote_info: QuoteInfo,
    /// PEM RSA key that ledger secrets are encrypted to.
    pub encryption_pub_key: String,
    /// Part in consensus.
    pub status: NodeStatus,
    /// Version of the ledger secret in force when the node was trusted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ledger_secret_seqno: Option<Seqno>,
    /// Hexadecimal measurement of the code.
    #[serde(default, skip_serializing_if = "is_default")]
    pub code_digest: Option<String>,
    /// PEM request that the endorsed certificate answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificate_signing_request: Option<String>,
    /// PEM key of the node's identity.
    #[serde(default, skip_serializing_if = "is_default")]
    pub public_key: Option<String>,
    /// Whatever the operator noted; null if nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub node_data: Value,
    /// PEM certificate; only from CCF 1.x.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cert: Option<String>,
    /// Whether its retirement is committed, so that it may be stopped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retired_committed: bool,
}

impl JsonValue for NodeInfo {}

impl NodeInfo {
    /// Whether it left for good. If the row is committed, it may be deleted.
    #[must_use]
    pub fn is_removable(&self) -> bool {
        self.status == NodeStatus::Retired && self.retired_committed
    }
}

/// Part of a node in consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeStatus {
    /// Asked to join; awaits a proposal.
    Pending,
    /// Takes part.
    Trusted,
    /// Removed.
    Retired,
}

/// An attestation. Source: CCF `include/ccf/ds/quote_info.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteInfo {
    /// Kind of hardware.
    pub format: QuoteFormat,
    /// Evidence.
    pub quote: Base64,
    /// Certificates that the evidence needs; of Intel's machines, the JSON of collateral; of enclaves of Windows, certificates
    /// of the TPM's key or the key.
    pub endorsements: Base64,
    /// Endorsement of the utility VM (SEV-SNP only).
    #[serde(default, skip_serializing_if = "is_default")]
    pub uvm_endorsements: Option<Base64>,
    /// Hexadecimal version of the trusted computing base that is endorsed (SEV-SNP only).
    #[serde(default, skip_serializing_if = "is_default")]
    pub endorsed_tcb: Option<String>,
}

/// Kind of attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuoteFormat {
    /// Intel SGX by Open Enclave; only from old nodes.
    #[serde(rename = "OE_SGX_v1")]
    OeSgxV1,
    /// No hardware: development.
    #[serde(rename = "Insecure_Virtual")]
    InsecureVirtual,
    /// AMD SEV-SNP.
    #[serde(rename = "AMD_SEV_SNP_v1")]
    AmdSevSnpV1,
    /// Intel SGX: a quote, and collateral. Not CCF's.
    #[serde(rename = "Intel_SGX_DCAP_v1")]
    IntelSgxDcapV1,
    /// Intel TDX: a quote, and collateral. Not CCF's.
    #[serde(rename = "Intel_TDX_v1")]
    IntelTdxV1,
    /// Enclaves of Windows: a report, and what a TPM says of the boot. Not CCF's.
    #[serde(rename = "Windows_VBS_v1")]
    WindowsVbsV1,
    /// Confidential machines of Azure on AMD SEV-SNP: a report, and what the machine's TPM says. Not CCF's.
    #[serde(rename = "Azure_CVM_SNP_v1")]
    AzureCvmSnpV1,
    /// AWS Nitro Enclaves: a document. Not CCF's.
    #[serde(rename = "AWS_Nitro_v1")]
    AwsNitroV1,
}

/// Addresses of a node. Source: CCF `include/ccf/service/node_info_network.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenNetwork")]
pub struct NodeNetwork {
    /// Where other nodes connect.
    pub node_to_node_interface: Interface,
    /// Where clients connect, by name.
    pub rpc_interfaces: BTreeMap<String, Interface>,
    /// Whether the node seals ledger secrets to its own hardware.
    #[serde(default)]
    pub will_locally_seal_ledger_secrets: bool,
}

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `host:port` listened on.
    pub bind_address: String,
    /// `host:port` told to others; empty if not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub published_address: String,
    /// `tcp`, or empty if not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: String,
    /// `HTTP1` or `HTTP2`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub app_protocol: Option<String>,
    /// More sessions are told to come back later.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_open_sessions_soft: Option<u64>,
    /// More sessions are closed at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_open_sessions_hard: Option<u64>,
    /// Limits of HTTP messages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http_configuration: Option<HttpConfiguration>,
    /// Who signs the interface's certificate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endorsement: Option<Endorsement>,
    /// Regular expressions of the paths served; none serves all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub accepted_endpoints: Option<Vec<String>>,
    /// How long a forwarded request may take, in milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forwarding_timeout_ms: Option<u64>,
    /// Where requests are redirected instead of being forwarded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub redirections: Option<Redirections>,
}

impl Interface {
    /// `host:port` where others reach it.
    #[must_use]
    pub fn address(&self) -> &str {
        if self.published_address.is_empty() { &self.bind_address } else { &self.published_address }
    }
}

/// Limits of HTTP messages; sizes are text such as `1MB` or `1048576`. Source: CCF
/// `include/ccf/http_configuration.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpConfiguration {
    /// Largest body.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_body_size: Option<String>,
    /// Largest single header.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_header_size: Option<String>,
    /// Most headers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_headers_count: Option<u32>,
    /// Most streams of an HTTP/2 connection.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_concurrent_streams_count: Option<u64>,
    /// First flow-control window of HTTP/2.
    #[serde(default, skip_serializing_if = "is_default")]
    pub initial_window_size: Option<String>,
    /// Largest frame of HTTP/2.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_frame_size: Option<String>,
}

/// Who signs the certificate of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// The signer.
    pub authority: Authority,
}

/// Signer of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authority {
    /// The node itself.
    Node,
    /// The service.
    Service,
    /// An ACME server; only from old nodes.
    #[serde(rename = "ACME")]
    Acme,
    /// Nobody: no TLS.
    Unsecured,
}

/// Where requests that this node cannot serve are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirections {
    /// Writes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub to_primary: Redirection,
    /// Reads that should not burden the primary.
    #[serde(default, skip_serializing_if = "is_default")]
    pub to_backup: Redirection,
}

/// How the address of a redirection is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirection {
    /// By what.
    pub kind: RedirectionKind,
    /// Depends on the kind; null if not given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub target: Value,
}

/// What a redirection is found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectionKind {
    /// Address of a node with the right role.
    #[default]
    NodeByRole,
    /// A fixed address.
    StaticAddress,
}

/// JSON form of [`NodeNetwork`]: the addresses once more as CCF 1.x wrote them.
#[derive(Serialize)]
struct WrittenNetwork {
    node_to_node_interface: Interface,
    rpc_interfaces: BTreeMap<String, Interface>,
    #[serde(skip_serializing_if = "is_default")]
    will_locally_seal_ledger_secrets: bool,
    nodehost: String,
    nodeport: String,
    rpchost: String,
    rpcport: String,
    pubhost: String,
    pubport: String,
}

impl From<NodeNetwork> for WrittenNetwork {
    fn from(network: NodeNetwork) -> Self {
        let split = |address: &str| {
            let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
            (host.to_owned(), port.to_owned())
        };
        let first = network.rpc_interfaces.values().next();
        let (nodehost, nodeport) = split(&network.node_to_node_interface.bind_address);
        let (rpchost, rpcport) = split(first.map_or("", |interface| &interface.bind_address));
        let (pubhost, pubport) = split(first.map_or("", |interface| &interface.published_address));
        Self {
            node_to_node_interface: network.node_to_node_interface,
            rpc_interfaces: network.rpc_interfaces,
            will_locally_seal_ledger_secrets: network.will_locally_seal_ledger_secrets,
            nodehost,
            nodeport,
            rpchost,
            rpcport,
            pubhost,
            pubport,
        }
    }
}
