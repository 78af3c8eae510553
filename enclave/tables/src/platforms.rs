//! Code, hosts and hardware that may run a node.

use std::collections::BTreeMap;

use coco_kv::{JsonValue, Singleton, Table};
use coco_wire::Digest;
use serde::{Deserialize, Serialize};

use crate::value::{JsonText, Present, is_default};

/// Tables of what an attestation must show.
pub struct Platforms {
    /// `nodes.code_ids`: SGX measurement (64 hexadecimal digits). Written by `add_node_code` and `remove_node_code`.
    pub sgx_measurements: Table<String, CodeStatus>,
    /// `nodes.virtual.measurements`: measurement of a virtual platform. Written by the first transaction,
    /// `add_virtual_measurement` and `remove_virtual_measurement`.
    pub virtual_measurements: Table<String, CodeStatus>,
    /// `nodes.virtual.host_data`: a set of digests. Written by the first transaction, `add_virtual_host_data` and
    /// `remove_virtual_host_data`.
    pub virtual_host_data: Table<Digest, Present>,
    /// `nodes.snp.measurements`: SEV-SNP measurement (96 hexadecimal digits). Written by the first transaction,
    /// `add_snp_measurement` and `remove_snp_measurement`.
    pub snp_measurements: Table<String, CodeStatus>,
    /// `nodes.snp.host_data`: digest of a security policy to its text, which may be empty. Written by the
    /// first transaction, `add_snp_host_data` and `remove_snp_host_data`.
    pub snp_host_data: Table<Digest, JsonText>,
    /// `nodes.snp.uvm_endorsements`: by the DID of the issuer. Written by the first transaction,
    /// `add_snp_uvm_endorsement` and `remove_snp_uvm_endorsement`.
    pub snp_uvm_endorsements: Table<String, UvmEndorsements>,
    /// `nodes.snp.tcb_versions`: least version by hexadecimal CPUID. Written by the first transaction,
    /// `set_snp_minimum_tcb_version`, `set_snp_minimum_tcb_version_hex` and `remove_snp_minimum_tcb_version`.
    pub snp_tcb_versions: Table<String, TcbVersion>,
    /// `public:coco.gov.nodes.snp.providers`: name of a cloud provider (CSP_ID) whose key may sign in place of those of its
    /// chips. Written by the first transaction, `add_snp_provider` and `remove_snp_provider`.
    pub snp_providers: Table<String, CodeStatus>,
    /// `public:coco.gov.nodes.snp.chips`: identifier of a chip (128 hexadecimal digits). Counts if
    /// `nodes.snp.demands` says so. Written by `add_snp_chip` and `remove_snp_chip`.
    pub snp_chips: Table<String, CodeStatus>,
    /// `public:coco.gov.nodes.snp.demands`: what else guest and platform must have; without a row, nothing. Written by
    /// `set_snp_demands` and `remove_snp_demands`.
    pub snp_demands: Singleton<SnpDemands>,
}

impl Default for Platforms {
    fn default() -> Self {
        Self {
            sgx_measurements: Table::new("public:ccf.gov.nodes.code_ids"),
            virtual_measurements: Table::new("public:ccf.gov.nodes.virtual.measurements"),
            virtual_host_data: Table::new("public:ccf.gov.nodes.virtual.host_data"),
            snp_measurements: Table::new("public:ccf.gov.nodes.snp.measurements"),
            snp_host_data: Table::new("public:ccf.gov.nodes.snp.host_data"),
            snp_uvm_endorsements: Table::new("public:ccf.gov.nodes.snp.uvm_endorsements"),
            snp_tcb_versions: Table::new("public:ccf.gov.nodes.snp.tcb_versions"),
            snp_providers: Table::new("public:coco.gov.nodes.snp.providers"),
            snp_chips: Table::new("public:coco.gov.nodes.snp.chips"),
            snp_demands: Singleton::new("public:coco.gov.nodes.snp.demands"),
        }
    }
}

/// What a measurement entitles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeStatus {
    /// To join; rows of other code are absent.
    AllowedToJoin,
}

impl JsonValue for CodeStatus {}

/// Accepted endorsements of utility VMs, by feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UvmEndorsements(pub BTreeMap<String, UvmEndorsement>);

impl JsonValue for UvmEndorsements {}

/// An accepted endorsement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UvmEndorsement {
    /// Least security version number, in decimal.
    pub svn: String,
}

/// Version of an SEV-SNP trusted computing base. Source: CCF `TcbVersionPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcbVersion {
    /// All parts in one hexadecimal number.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hexstring: Option<String>,
    /// Microcode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub microcode: Option<u32>,
    /// SNP firmware.
    #[serde(default, skip_serializing_if = "is_default")]
    pub snp: Option<u32>,
    /// Secure processor's operating system.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tee: Option<u32>,
    /// Boot loader.
    #[serde(default, skip_serializing_if = "is_default")]
    pub boot_loader: Option<u32>,
    /// Firmware of the module controller (Turin and later).
    #[serde(default, skip_serializing_if = "is_default")]
    pub fmc: Option<u32>,
}

impl JsonValue for TcbVersion {}

/// What guests of SEV-SNP and their platforms must have beyond what is always required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnpDemands {
    /// Its own key signs for the chip, and `nodes.snp.chips` lists it.
    pub listed_chip: bool,
    /// The policy of the guest rules out that two threads share a core.
    pub no_smt: bool,
    /// The policy of the guest demands a single socket.
    pub single_socket: bool,
    /// The policy of the guest demands that the host does not see the ciphertext of memory.
    pub hidden_ciphertext: bool,
    /// The firmware has found no two addresses for the same memory.
    pub alias_check: bool,
    /// Mitigations that were there at the launch and are there now: a bit for each (AMD publication 56860).
    pub mitigations: u64,
}

impl JsonValue for SnpDemands {}
