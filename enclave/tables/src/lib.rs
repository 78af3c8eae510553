//! The service's own replicated state, one file per table group.
//!
//! Names, keys and values are those of CCF: a reader of the ledger must not be able to tell the
//! difference. Values are JSON, compact, with sorted keys; as CCF's do, an optional field that has
//! its default value is left out. Keys are raw text; the only row of a singleton has a key of 8 zero
//! bytes. Governance scripts write some of these tables themselves, in their own order of fields, so
//! that any row may turn out to be [`Malformed`](coco_kv::Malformed).
//!
//! Sources: CCF `include/ccf/service/tables`, `src/service/tables`, `doc/audit/builtin_maps.rst`.
//! Modules in reading order.

pub mod value;

pub mod members;
pub mod users;

pub mod nodes;
pub mod platforms;

pub mod intel;

pub mod azure;
pub mod nitro;
pub mod windows;

pub mod service;

pub mod proposals;
pub mod scripts;

pub mod jwt;

pub mod secrets;
pub mod signatures;

pub mod access;

pub use access::{Access, Context, ReservedName};

use coco_kv::Table;
use value::JsonText;

/// Handles of all tables. Build it once and keep it.
#[derive(Default)]
pub struct Tables {
    /// Members and what they acknowledged.
    pub members: members::Members,
    /// Users.
    pub users: users::Users,
    /// Nodes.
    pub nodes: nodes::Nodes,
    /// What may run a node.
    pub platforms: platforms::Platforms,
    /// What may run a node on machines of Intel's.
    pub intel: intel::Intel,
    /// What may run a node on confidential machines of Azure.
    pub azure: azure::Azure,
    /// What may run a node in enclaves of AWS.
    pub nitro: nitro::Nitro,
    /// What may run a node in enclaves of Windows.
    pub windows: windows::Windows,
    /// The service itself.
    pub service: service::Service,
    /// Proposals and governance requests.
    pub proposals: proposals::Proposals,
    /// Constitution, modules and endpoints.
    pub scripts: scripts::Scripts,
    /// Issuers of tokens and their keys.
    pub jwt: jwt::Jwt,
    /// Bundles of certificate authorities.
    pub ca_bundles: CaBundles,
    /// Ledger secrets and their shares.
    pub secrets: secrets::Secrets,
    /// Signatures over the ledger.
    pub signatures: signatures::Signatures,
}

/// Bundles of certificate authorities.
pub struct CaBundles(
    /// `tls.ca_cert_bundles`: PEM certificates by the name of the bundle. Written by `set_ca_cert_bundle` and
    /// `remove_ca_cert_bundle`.
    pub Table<String, JsonText>,
);

impl Default for CaBundles {
    fn default() -> Self {
        Self(Table::new("public:ccf.gov.tls.ca_cert_bundles"))
    }
}

#[cfg(test)]
mod tests;
