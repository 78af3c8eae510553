//! Machines with Intel SGX and Intel TDX that may run a node. CCF has no such tables.

use std::collections::BTreeMap;

use coco_kv::{JsonValue, Singleton, Table};
use serde::{Deserialize, Serialize};

use crate::{
    platforms::CodeStatus,
    value::{Present, Registers, is_default},
};

/// Tables of what quotes of Intel's machines must show. Numbers in hexadecimal have lower-case digits.
pub struct Intel {
    /// `public:coco.gov.nodes.intel.tcb`: what machines of a kind must be worth, by FMSPC (12 hexadecimal digits). Written by
    /// the first transaction, `set_intel_tcb` and `remove_intel_tcb`.
    pub tcb: Table<String, IntelTcb>,
    /// `public:coco.gov.nodes.tdx.measurements`: MRTD (96 hexadecimal digits). Written by the first transaction,
    /// `add_tdx_measurement` and `remove_tdx_measurement`.
    pub tdx_measurements: Table<String, CodeStatus>,
    /// `public:coco.gov.nodes.tdx.host_data`: a set of MRCONFIGID (96 hexadecimal digits). Written by the first transaction,
    /// `add_tdx_host_data` and `remove_tdx_host_data`.
    pub tdx_host_data: Table<String, Present>,
    /// `public:coco.gov.nodes.tdx.registers`: values that a register may have, by its number (0 to 3). One without a row may
    /// have any, but 1 and 2, which say what runs, must have one. Written by the first transaction, `add_tdx_register` and
    /// `remove_tdx_register`.
    pub tdx_registers: Table<String, Registers>,
    /// `public:coco.gov.nodes.tdx.attributes`: what domains may use beyond what is harmless; without it, nothing. Written by
    /// the first transaction if the first node needs it, `set_tdx_attributes` and `remove_tdx_attributes`.
    pub tdx_attributes: Singleton<TdxAttributes>,
    /// `public:coco.gov.nodes.sgx.measurements`: MRENCLAVE (64 hexadecimal digits). Written by the first transaction,
    /// `add_sgx_measurement` and `remove_sgx_measurement`.
    pub sgx_measurements: Table<String, CodeStatus>,
    /// `public:coco.gov.nodes.sgx.signers`: least security versions by product, by MRSIGNER (64 hexadecimal digits); they
    /// stand for the measurement. Written by `add_sgx_signer` and `remove_sgx_signer`.
    pub sgx_signers: Table<String, Products>,
    /// `public:coco.gov.nodes.sgx.host_data`: a set of CONFIGID (128 hexadecimal digits). Written by the first transaction,
    /// `add_sgx_host_data` and `remove_sgx_host_data`.
    pub sgx_host_data: Table<String, Present>,
}

impl Default for Intel {
    fn default() -> Self {
        Self {
            tcb: Table::new("public:coco.gov.nodes.intel.tcb"),
            tdx_measurements: Table::new("public:coco.gov.nodes.tdx.measurements"),
            tdx_host_data: Table::new("public:coco.gov.nodes.tdx.host_data"),
            tdx_registers: Table::new("public:coco.gov.nodes.tdx.registers"),
            tdx_attributes: Singleton::new("public:coco.gov.nodes.tdx.attributes"),
            sgx_measurements: Table::new("public:coco.gov.nodes.sgx.measurements"),
            sgx_signers: Table::new("public:coco.gov.nodes.sgx.signers"),
            sgx_host_data: Table::new("public:coco.gov.nodes.sgx.host_data"),
        }
    }
}

/// What machines of a kind must be worth by Intel's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntelTcb {
    /// Least `tcbEvaluationDataNumber` of the documents.
    pub minimum_evaluation: u32,
    /// Accepted `tcbStatus` beside `UpToDate`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statuses: Vec<String>,
    /// Accepted `advisoryIDs`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub advisories: Vec<String>,
    /// Most seconds since documents and revocation lists were made, other than the root's list.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_collateral_age_s: Option<u64>,
}

impl JsonValue for IntelTcb {}

/// What domains may use beyond what is harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxAttributes {
    /// Protection keys of supervisors.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pks: bool,
    /// Key Locker.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kl: bool,
    /// Counters of performance.
    #[serde(default, skip_serializing_if = "is_default")]
    pub perfmon: bool,
    /// Provisioning of devices.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tpa: bool,
    /// All extended features that they may use (XFAM): 16 hexadecimal digits; none leaves those that are harmless.
    #[serde(default, skip_serializing_if = "is_default")]
    pub xfam: Option<String>,
}

impl JsonValue for TdxAttributes {}

/// Least security versions of the products of a signer (ISVSVN), by their numbers (ISVPRODID, in decimal).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Products(pub BTreeMap<String, u16>);

impl JsonValue for Products {}
