//! Confidential virtual machines of Azure that may run a node, beyond what tables of SEV-SNP say of their hardware. CCF has
//! no such tables.

use coco_kv::{JsonValue, Singleton, Table};
use serde::{Deserialize, Serialize};

use crate::value::{Registers, is_default};

/// Tables of what confidential machines of Azure must show. Numbers in hexadecimal have lower-case digits.
pub struct Azure {
    /// `public:coco.gov.nodes.azure.registers`: values that a PCR of the machine's TPM may have, by its number (0 to 23); one
    /// without a row may have any, but without a row for one of 0 to 7 nobody is admitted: nothing else says what the machine
    /// runs. Written by the first transaction, `add_azure_register` and `remove_azure_register`.
    pub registers: Table<String, Registers>,
    /// `public:coco.gov.nodes.azure.demands`: how machines must have been started, by what the paravisor says. Written by the
    /// first transaction, `set_azure_demands` and `remove_azure_demands`.
    pub demands: Singleton<AzureDemands>,
}

impl Default for Azure {
    fn default() -> Self {
        Self {
            registers: Table::new("public:coco.gov.nodes.azure.registers"),
            demands: Singleton::new("public:coco.gov.nodes.azure.demands"),
        }
    }
}

/// How machines must have been started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureDemands {
    /// The firmware starts only what somebody signed whom it knows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub secure_boot: bool,
    /// The host has no console of the machine.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_console: bool,
}

impl JsonValue for AzureDemands {}
