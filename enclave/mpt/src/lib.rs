//! Ethereum's Merkle-Patricia trie (Yellow Paper, appendix D), in memory.
//!
//! A [`Trie`] maps [`Key`]s to bytes that are not empty. What it hashes to ([`Trie::root`]) depends on what is in it, not on
//! how it came to be. A clone is a version: it costs one reference and shares all nodes, and a change copies those on the
//! way to it which another version still has. Each node remembers its hash, so that a root costs the hashes of what has
//! changed. Modules in reading order.

mod key;
mod node;
mod ordered;
mod trie;

pub use key::{Key, TooLong};
pub use ordered::ordered_root;
pub use trie::{EMPTY_ROOT, Trie};
