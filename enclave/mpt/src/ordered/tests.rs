//! Roots of lists, held against another library.

use alloy_trie::root::ordered_trie_root_encoded;

use super::*;
use crate::EMPTY_ROOT;

#[test]
fn lists_have_the_roots_that_others_give_them() {
    // Encodings of the index change their length at 128 and 256, and that of zero is not in order.
    for (len, size) in [0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300, 600]
        .into_iter()
        .zip([1, 40, 400].into_iter().cycle())
    {
        let items: Vec<Vec<u8>> = (0..len).map(|index: u32| index.to_be_bytes().repeat(size)).collect();
        assert_eq!(ordered_root(&items), ordered_trie_root_encoded(&items), "{len} items");
    }
    assert_eq!(ordered_root([[0; 0]; 0]), EMPTY_ROOT);
}

#[test]
fn the_order_counts() {
    assert_ne!(ordered_root(["one", "two"]), ordered_root(["two", "one"]));
}
