//! AWS Nitro Enclaves that may run a node. CCF has no such tables.

use coco_kv::{JsonValue, Singleton, Table};
use serde::{Deserialize, Serialize};

use crate::{platforms::CodeStatus, value::Registers};

/// Tables of what documents of Nitro Enclaves must show. Numbers in hexadecimal have lower-case digits.
pub struct Nitro {
    /// `public:coco.gov.nodes.nitro.measurements`: PCR0, the enclave's image (96 hexadecimal digits). Written by the first
    /// transaction, `add_nitro_measurement` and `remove_nitro_measurement`.
    pub measurements: Table<String, CodeStatus>,
    /// `public:coco.gov.nodes.nitro.registers`: values that another register may have, by its number (0 to 31); one without a
    /// row may have any. Written by `add_nitro_register` and `remove_nitro_register`.
    pub registers: Table<String, Registers>,
    /// `public:coco.gov.nodes.nitro.limits`: how old documents may be; without it, 300 seconds. Written by `set_nitro_limits`
    /// and `remove_nitro_limits`.
    pub limits: Singleton<NitroLimits>,
}

impl Default for Nitro {
    fn default() -> Self {
        Self {
            measurements: Table::new("public:coco.gov.nodes.nitro.measurements"),
            registers: Table::new("public:coco.gov.nodes.nitro.registers"),
            limits: Singleton::new("public:coco.gov.nodes.nitro.limits"),
        }
    }
}

/// How old documents may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NitroLimits {
    /// Seconds since the hypervisor made one.
    pub max_age_s: u32,
}

impl JsonValue for NitroLimits {}
