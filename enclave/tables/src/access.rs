//! Which tables a script may use.

use coco_wire::{Domain, TableName};

/// Where a script runs. Source: CCF `include/ccf/js/tx_access.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Endpoint of the application that may write.
    Application,
    /// Endpoint of the application that only reads.
    ApplicationReadOnly,
    /// Ballot, or the constitution's `validate` or `resolve`.
    GovernanceReadOnly,
    /// The constitution's `apply`.
    Governance,
}

/// What a script may do with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anything.
    ReadWrite,
    /// Read.
    ReadOnly,
    /// Write.
    WriteOnly,
    /// Nothing.
    Illegal,
}

/// A name that begins with `ccf.` but belongs to neither governance nor the service: there is no
/// such table for any script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table names that begin with ccf. are reserved")]
pub struct ReservedName;

/// Who a table belongs to.
enum Owner {
    Service,
    Governance,
    Application,
}

impl Access {
    /// Access to `table` from a script that runs in `context`.
    ///
    /// Source: CCF `src/js/permissions_checks.h`, `doc/audit/read_write_restrictions.rst`.
    ///
    /// # Errors
    /// If the name is reserved.
    pub fn of(context: Context, table: &TableName) -> Result<Self, ReservedName> {
        let owner = Owner::of(table.as_str())?;
        Ok(match (table.domain(), owner, context) {
            (_, Owner::Application, Context::Application) => Self::ReadWrite,
            (_, Owner::Application, Context::ApplicationReadOnly) => Self::ReadOnly,
            (Domain::Private, _, _) => Self::Illegal,
            (Domain::Public, Owner::Service, _) => Self::ReadOnly,
            (Domain::Public, Owner::Governance, Context::Governance) => Self::ReadWrite,
            (Domain::Public, Owner::Governance, _) => Self::ReadOnly,
            (Domain::Public, Owner::Application, Context::Governance) => Self::WriteOnly,
            (Domain::Public, Owner::Application, Context::GovernanceReadOnly) => Self::Illegal,
        })
    }

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.can_read() && other.can_read(), self.can_write() && other.can_write()) {
            (true, true) => Self::ReadWrite,
            (true, false) => Self::ReadOnly,
            (false, true) => Self::WriteOnly,
            (false, false) => Self::Illegal,
        }
    }

    /// Whether reading is allowed.
    #[must_use]
    pub fn can_read(self) -> bool {
        matches!(self, Self::ReadWrite | Self::ReadOnly)
    }

    /// Whether writing is allowed.
    #[must_use]
    pub fn can_write(self) -> bool {
        matches!(self, Self::ReadWrite | Self::WriteOnly)
    }
}

impl Owner {
    /// Source: CCF `src/kv/kv_types.h`, `parse_map_name`. Tables that CCF does not have are ours by names that begin with
    /// `coco.`: those that begin with `ccf.` are for what it documents.
    fn of(table: &str) -> Result<Self, ReservedName> {
        match table.strip_prefix("public:").unwrap_or(table) {
            name if begins(name, ["ccf.internal.", "coco.internal."]) => Ok(Self::Service),
            name if begins(name, ["ccf.gov.", "coco.gov."]) => Ok(Self::Governance),
            name if name.starts_with("ccf.") => Err(ReservedName),
            _ => Ok(Self::Application),
        }
    }
}

fn begins(name: &str, with: [&str; 2]) -> bool {
    with.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests;
