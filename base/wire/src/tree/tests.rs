//! Serialised trees.

use proptest::prelude::*;

use super::*;

fn digests(count: usize) -> Vec<Digest> {
    (0..count).map(|at| Digest([u8::try_from(at).unwrap(); 32])).collect()
}

#[test]
fn parts_must_fit() {
    assert_eq!(SerialisedTree::new(3, digests(1), digests(1)), Err(TreeError::FlushedRoots(1)));
    assert_eq!(SerialisedTree::new(1, digests(1), digests(0)), Err(TreeError::NoLeaves));
    let huge = [u64::MAX.to_be_bytes(), u64::MAX.to_be_bytes()].concat();
    assert_eq!(SerialisedTree::decode(&huge), Err(TreeError::Len(16)));
}

proptest! {
    #[test]
    fn trees_round_trip(flushed: u64, leaves in 1usize..20) {
        let tree = SerialisedTree::new(flushed, digests(flushed.count_ones() as usize), digests(leaves));
        let tree = tree.unwrap();
        let bytes = tree.encode();
        prop_assert_eq!(SerialisedTree::decode(&bytes), Ok(tree));
        for end in 0..bytes.len() {
            prop_assert_eq!(SerialisedTree::decode(&bytes[..end]), Err(TreeError::Len(end)));
        }
        let longer = [&bytes[..], &[0; 32]].concat();
        prop_assert_eq!(SerialisedTree::decode(&longer), Err(TreeError::Len(longer.len())));
    }

    #[test]
    fn accepted_bytes_are_canonical(bytes: Vec<u8>) {
        if let Ok(tree) = SerialisedTree::decode(&bytes) {
            prop_assert_eq!(tree.encode(), bytes);
        }
    }
}
