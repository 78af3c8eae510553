//! Names of the bytes of a signature entry, and those that cannot be checked.

use coco_wire::{
    domain::{KeyOrder, visit_public},
    entry::Entry,
};

/// Fields of the last signature entry that may change unnoticed, and why. Each is checked as soon as another signature
/// follows: its tree holds the digest of this entry.
pub(crate) const UNCHECKED: &[(&str, &str)] = &[
    ("flags", "whether the file ends here is not signed, and the end of an open file is not known"),
    ("tag", "takes the ledger secret, which an auditor does not have"),
    ("commit evidence", "the digest of a nonce made from the ledger secret, which is not signed"),
    ("max conflict version", "zero today, but CCF 1.x set it to what only its writer knows"),
];

/// Name of the field at byte `at` of the entry that `bytes` begin with.
pub(crate) fn field_at(bytes: &[u8], at: usize) -> &'static str {
    let (entry, _) = Entry::decode_first(bytes).expect("a sound entry");
    let length = entry.bytes().len();
    let header = [
        ("version", 1),
        ("flags", 1),
        ("size", 6),
        ("tag", 16),
        ("IV", 12),
        ("length of public domain", 8),
        ("type", 1),
        ("seqno", 8),
        ("claims", 32),
        ("commit evidence", 32),
        ("max conflict version", 8),
    ];
    let mut end = 0;
    for (name, len) in header {
        end += len;
        if at < end {
            return name;
        }
    }
    if at >= length { "behind the entry" } else { table_at(&entry, at) }
}

/// The table whose value, or frame, is at byte `at`.
fn table_at(entry: &Entry<'_>, at: usize) -> &'static str {
    let start = entry.bytes().as_ptr() as usize;
    let mut found = "frame of the tables";
    let visited = visit_public(entry.public_domain(), KeyOrder::Ascending, |change| {
        let Some(value) = change.value else { return };
        let from = value.as_ptr() as usize - start;
        if (from..from + value.len()).contains(&at) {
            found = match change.table {
                "public:ccf.internal.signatures" => "signature of the node",
                "public:ccf.internal.cose_signatures" => "signature of the service",
                "public:ccf.internal.tree" => "tree",
                _ => "another table",
            };
        }
    });
    visited.expect("a sound entry");
    found
}
