//! Code, hosts and hardware that may run a node.

use std::collections::BTreeMap;

use coco_kv::{JsonValue, Table};
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
