use coco_crypto::hash::sha256;
use coco_wire::{Digest, Seqno, receipt::PathStep, tree::SerialisedTree};
use proptest::prelude::*;

use super::{InvalidTree, Tree, root_from};

fn leaf(seqno: u64) -> Digest {
    if seqno == 0 { Digest::ZERO } else { sha256(&seqno.to_le_bytes()) }
}

fn join(left: Digest, right: Digest) -> Digest {
    sha256(&[left.0, right.0].concat())
}

/// Level by level over all leaves, with the path of one leaf.
fn naive(leaves: &[Digest], of: usize) -> (Digest, Vec<PathStep>) {
    let (mut level, mut at, mut path) = (leaves.to_vec(), of, Vec::new());
    while level.len() > 1 {
        if at % 2 == 1 {
            path.push(PathStep::Left(level[at - 1]));
        } else if at + 1 < level.len() {
            path.push(PathStep::Right(level[at + 1]));
        }
        at /= 2;
        level = level.chunks(2).map(|pair| if let [l, r] = pair { join(*l, *r) } else { pair[0] }).collect();
    }
    (level[0], path)
}

fn check(tree: &Tree, leaves: &[Digest], begin: u64) {
    assert_eq!(tree.begin(), Seqno(begin));
    assert_eq!(tree.last(), Seqno(leaves.len() as u64 - 1));
    let (root, _) = naive(leaves, 0);
    assert_eq!(tree.root(), root);
    for (at, leaf) in leaves.iter().enumerate() {
        let seqno = Seqno(at as u64);
        if seqno.0 < begin {
            assert_eq!((tree.path(seqno), tree.leaf(seqno)), (None, None));
            continue;
        }
        let path = tree.path(seqno).expect("covered");
        assert_eq!(path, naive(leaves, at).1);
        assert_eq!(root_from(*leaf, &path), root);
        assert_eq!(tree.leaf(seqno), Some(*leaf));
    }
    assert_eq!(tree.path(tree.last().next()), None);
}

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Retract(prop::sample::Index),
    Flush(prop::sample::Index),
    Restore(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..20u8).prop_map(Step::Append),
        2 => any::<prop::sample::Index>().prop_map(Step::Retract),
        1 => any::<prop::sample::Index>().prop_map(Step::Flush),
        1 => any::<prop::sample::Index>().prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #[test]
    fn equals_the_naive_tree(steps in steps()) {
        let (mut tree, mut leaves, mut begin, mut fresh) = (Tree::default(), vec![Digest::ZERO], 0, 1);
        for step in steps {
            let kept = leaves.len() - begin;
            match step {
                Step::Append(count) => for _ in 0..count {
                    tree.append(leaf(fresh));
                    leaves.push(leaf(fresh));
                    fresh += 1;
                },
                Step::Retract(at) => {
                    let last = begin + at.index(kept);
                    tree.retract(Seqno(last as u64));
                    leaves.truncate(last + 1);
                }
                Step::Flush(at) => {
                    begin += at.index(kept);
                    tree.flush(Seqno(begin as u64));
                }
                Step::Restore(at) => {
                    begin += at.index(kept);
                    let serialised = tree.serialise(Seqno(begin as u64));
                    tree = Tree::restore(&serialised).unwrap();
                    prop_assert_eq!(tree.serialise(Seqno::ZERO), serialised);
                }
            }
            check(&tree, &leaves, begin as u64);
        }
    }
}

#[test]
fn every_size_and_begin() {
    for size in 1..40u64 {
        let leaves: Vec<_> = (0..size).map(leaf).collect();
        let mut full = Tree::default();
        leaves[1..].iter().for_each(|leaf| full.append(*leaf));
        for begin in 0..size {
            let mut flushed = full.clone();
            flushed.flush(Seqno(begin));
            check(&flushed, &leaves, begin);
            let restored = Tree::restore(&full.serialise(Seqno(begin))).unwrap();
            check(&restored, &leaves, begin);
            assert_eq!(restored.serialise(Seqno(begin)), flushed.serialise(Seqno(begin)));
        }
    }
}

#[test]
fn forgetting_bounds_memory() {
    let mut tree = Tree::default();
    for seqno in 1..10_000 {
        tree.append(leaf(seqno));
        tree.flush(Seqno(seqno - seqno % 100));
    }
    let nodes: usize = tree.levels.iter().map(|level| level.nodes.len()).sum();
    assert!(nodes < 300, "{nodes} nodes kept");
}

#[test]
fn refuses_impossible_counts() {
    let cases = [(0, 0, Err(InvalidTree)), (1 << 62, 1, Ok(Seqno(1 << 62))), (1 << 63, 1, Err(InvalidTree))];
    for (flushed, leaves, expected) in cases {
        let roots = vec![Digest::ZERO; usize::from(flushed > 0)];
        let serialised = SerialisedTree::new(flushed, roots, vec![leaf(7); leaves]).unwrap();
        assert_eq!(Tree::restore(&serialised).map(|tree| tree.last()), expected, "{flushed} flushed");
    }
}

#[test]
#[should_panic(expected = "flushed")]
fn never_retracts_behind_what_is_flushed() {
    let mut tree = Tree::default();
    (1..10).for_each(|seqno| tree.append(leaf(seqno)));
    tree.flush(Seqno(5));
    tree.retract(Seqno(4));
}
