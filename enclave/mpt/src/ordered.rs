//! Roots of lists.

use alloy_primitives::B256;

use crate::{Key, Trie};

/// The root of a list such as the encoded transactions of a block or their receipts: its trie has each item, which is not
/// empty, by the RLP of its index.
#[must_use]
pub fn ordered_root(items: impl IntoIterator<Item = impl AsRef<[u8]>>) -> B256 {
    let mut trie = Trie::default();
    for (index, item) in items.into_iter().enumerate() {
        let key = Key::new(&alloy_rlp::encode(index)).expect("RLP of an index has at most 9 bytes");
        trie.insert(&key, item.as_ref());
    }
    trie.root()
}

#[cfg(test)]
mod tests;
