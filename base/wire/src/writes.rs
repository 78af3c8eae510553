//! What one transaction changes: the content of a ledger entry, free of any encoding.

use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

/// Whether a table is readable by anyone who holds the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Written in clear; the name starts with `public:`.
    Public,
    /// Encrypted under the ledger secret.
    Private,
}

impl Domain {
    /// That of the table called `name`: the name alone decides.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.starts_with("public:") { Self::Public } else { Self::Private }
    }
}

/// Full name of a table, with its `public:` prefix if it has one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(Arc<str>);

impl TableName {
    /// Any text is a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Decided by the name alone.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::of(&self.0)
    }
}

impl Borrow<str> for TableName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

macro_rules! shared_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<[u8]>);

        impl $name {
            /// Copies `bytes` once; clones share them.
            #[must_use]
            pub fn new(bytes: &[u8]) -> Self {
                Self(bytes.into())
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self::new(bytes)
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes.into())
            }
        }

        impl Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            /// The length only: contents may be private.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

shared_bytes! {
    /// Key of a table entry.
    Key
}
shared_bytes! {
    /// Value of a table entry.
    Value
}

/// Names of the tables that hold the service's own state begin so: those of CCF, and those that only we have.
const SERVICE: [&str; 3] = ["public:ccf.", "public:coco.gov.", "public:coco.internal."];

/// Changes of one table: the new value of each key, or none where the key is removed.
pub type TableWrites = BTreeMap<Key, Option<Value>>;

/// Changes of one transaction, by table name and key in byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// Sorted by name; few.
    tables: Vec<(TableName, TableWrites)>,
}

impl WriteSet {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|(_, writes)| writes.is_empty())
    }

    /// Tables in the byte order of their names; some may have no writes.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = (&TableName, &TableWrites)> {
        self.tables.iter().map(|(name, writes)| (name, writes))
    }

    /// Whether a table is changed that holds the service's own state.
    #[must_use]
    pub fn concerns_service(&self) -> bool {
        self.tables.iter().any(|(name, _)| SERVICE.iter().any(|prefix| name.as_str().starts_with(prefix)))
    }

    /// Changes of one table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableWrites> {
        let at = self.find(name).ok()?;
        Some(&self.tables[at].1)
    }

    /// Changes of one table, to add to.
    pub fn table_mut(&mut self, name: &TableName) -> &mut TableWrites {
        let at = match self.find(name.as_str()) {
            Ok(at) => at,
            Err(at) => {
                self.tables.insert(at, (name.clone(), TableWrites::new()));
                at
            }
        };
        &mut self.tables[at].1
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.tables.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

#[cfg(test)]
mod tests;
