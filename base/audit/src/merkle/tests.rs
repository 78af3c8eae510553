//! The tree against its definition.

use super::*;
use coco_crypto::hash::sha256;

fn leaves(count: usize) -> Vec<Digest> {
    let leaf = |index: usize| sha256(&index.to_le_bytes());
    std::iter::once(Digest::ZERO).chain((1..count).map(leaf)).collect()
}

fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256_pair(&root(left), &root(right))
        }
    }
}

#[test]
fn roots_are_those_of_the_definition() {
    let leaves = leaves(70);
    let mut tree = Frontier::new();
    for count in 1..leaves.len() {
        assert_eq!(tree.root(), Some(root(&leaves[..count])));
        tree.append(leaves[count]);
    }
}

#[test]
fn any_flushed_tree_has_the_same_root() {
    let leaves = leaves(23);
    for flushed in 0..leaves.len() {
        let mut roots = Vec::new();
        let mut end = flushed;
        for level in 0..5 {
            if flushed >> level & 1 == 1 {
                roots.push(root(&leaves[end - (1 << level)..end]));
                end -= 1 << level;
            }
        }
        let serialised = SerialisedTree::new(flushed as u64, roots, leaves[flushed..].to_vec()).unwrap();
        assert_eq!(Frontier::of_serialised(&serialised).root(), Some(root(&leaves)), "{flushed} flushed");
        let mut tree = Frontier::new();
        leaves[1..].iter().for_each(|leaf| tree.append(*leaf));
        assert!(tree.is_that_of(&serialised), "{flushed} flushed");
        tree.append(Digest::ZERO);
        assert!(!tree.is_that_of(&serialised), "{flushed} flushed");
    }
}

#[test]
fn huge_counts_are_no_tree() {
    for flushed in [u64::MAX, u64::MAX - 1, 1 << 63] {
        let roots = vec![Digest::ZERO; flushed.count_ones() as usize];
        let serialised = SerialisedTree::new(flushed, roots, vec![Digest::ZERO]).unwrap();
        assert!(!Frontier::new().is_that_of(&serialised));
    }
    let none = SerialisedTree::new(0, Vec::new(), Vec::new()).unwrap();
    assert!(!Frontier::new().is_that_of(&none));
}
