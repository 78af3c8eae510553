//! Roots, versions and proofs, held against published vectors, another library and the definition in the Yellow Paper.

use std::collections::BTreeMap;

use alloy_primitives::{b256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, proof::verify_proof};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::TooLong;

mod definition;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn key(bytes: &[u8]) -> Key {
    Key::new(bytes).unwrap()
}

fn trie<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Trie {
    let mut trie = Trie::default();
    pairs.into_iter().for_each(|(name, value)| trie.insert(&key(name), value));
    trie
}

/// Checks that the trie has what the map has, and the root that follows from it.
fn check(trie: &Trie, map: &Map) {
    assert_eq!(trie.root(), definition::root(map), "{map:x?}");
    for (name, value) in map {
        assert_eq!(trie.get(&key(name)), Some(&value[..]), "{name:x?} in {map:x?}");
    }
}

/// The root by the other library, which knows no key that continues another.
fn elsewhere(map: &Map) -> B256 {
    let mut builder = HashBuilder::default();
    map.iter().for_each(|(name, value)| builder.add_leaf(Nibbles::unpack(name), value));
    builder.root()
}

/// Checks by the other library that the trie proves of a key what the map says.
fn proves(trie: &Trie, map: &Map, name: &[u8]) {
    let (proof, value) = (trie.prove(&key(name)), map.get(name));
    if let [root] = &proof[..]
        && root.len() < 32
    {
        // The other library knows no root that would stand in a parent.
        assert_eq!(keccak256(root), trie.root());
        return;
    }
    let verified = verify_proof(trie.root(), Nibbles::unpack(name), value.cloned(), &proof);
    assert!(verified.is_ok(), "{verified:?}: {name:x?} in {map:x?} by {proof:?}");
    let other = value.map_or(Some(vec![1]), |_| None);
    assert!(
        verify_proof(trie.root(), Nibbles::unpack(name), other, &proof).is_err(),
        "{name:x?} in {map:x?}"
    );
    // No node too few, and none that stands in its parent.
    let inner = proof.get(1..).unwrap_or_default();
    assert!(inner.iter().all(|node| node.len() >= 32), "{name:x?} in {map:x?} by {proof:?}");
}

/// Vectors of the tests that Ethereum's clients share (ethereum/tests, `TrieTests/trietest.json`), in an order that works
/// against the structure.
#[test]
fn published_roots() {
    type Pairs = &'static [(&'static [u8], &'static [u8])];
    let cases: [(Pairs, B256); 9] = [
        (&[], EMPTY_ROOT),
        (
            &[(b"A", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
            b256!("d23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab"),
        ),
        (
            &[(b"doe", b"reindeer"), (b"dog", b"puppy"), (b"dogglesworth", b"cat")],
            b256!("8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3"),
        ),
        (
            &[(b"do", b"verb"), (b"horse", b"stallion"), (b"doge", b"coin"), (b"dog", b"puppy")],
            b256!("5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"),
        ),
        (
            &[(b"foo", b"bar"), (b"food", b"bass")],
            b256!("17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"),
        ),
        (
            &[(b"be", b"e"), (b"dog", b"puppy"), (b"bed", b"d")],
            b256!("3f67c7a47520f79faa29255d2d3c084a7a6df0453116ed7232ff10277a8be68b"),
        ),
        (
            &[(b"test", b"test"), (b"te", b"testy")],
            b256!("8452568af70d8d140f58d941338542f645fcca50094b20f3c3d8c3df49337928"),
        ),
        (
            &[(&[0x00, 0x45], &[1, 0x23, 0x45, 0x67, 0x89]), (&[0x45, 0], &[0x98, 0x76, 0x54, 0x32, 0x10])],
            b256!("285505fcabe84badc8aa310e2aae17eddc7d120aabec8a476902c8184b3a3503"),
        ),
        (
            &[
                (b"do", b"verb"),
                (b"ether", b"wookiedoo"),
                (b"horse", b"stallion"),
                (b"shaman", b"horse"),
                (b"doge", b"coin"),
                (b"ether", b""),
                (b"dog", b"puppy"),
                (b"shaman", b""),
            ],
            b256!("5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"),
        ),
    ];
    for (pairs, root) in cases {
        assert_eq!(trie(pairs.iter().copied()).root(), root, "{pairs:?}");
    }
}

#[test]
fn keys_have_a_longest() {
    for len in [0, 1, 31, 32] {
        let name = vec![0xab; len];
        let one = trie([(&name[..], &b"value"[..])]);
        check(&one, &Map::from([(name, b"value".to_vec())]));
    }
    for len in [33, 64, 1000] {
        assert_eq!(Key::new(&vec![0; len]).err(), Some(TooLong(len)));
    }
}

/// Every set of these keys, and from it the removal of every one: forks, extensions and values in branches come and go.
#[test]
fn removal_leaves_no_trace() {
    let names: [&[u8]; 9] = [
        &[],
        &[0x11],
        &[0x11, 0x11],
        &[0x11, 0x12],
        &[0x11, 0x21],
        &[0x12],
        &[0x21],
        &[0x11, 0x11, 0x11],
        &[0x11, 0x11, 0x13],
    ];
    let longs = [1, 40];
    for (set, len) in (0..1_usize << names.len()).flat_map(|set| longs.map(|len| (set, len))) {
        let chosen = (0..).zip(names).filter(|(at, _)| set >> at & 1 == 1);
        let map: Map = chosen.map(|(at, name)| (name.to_vec(), vec![at + 1; len])).collect();
        let full = trie(map.iter().map(|(name, value)| (&name[..], &value[..])));
        check(&full, &map);
        for name in names {
            let (mut fewer, mut without) = (full.clone(), map.clone());
            fewer.remove(&key(name));
            without.remove(name);
            check(&fewer, &without);
            assert_eq!(fewer.get(&key(name)), None);
        }
    }
}

/// Nothing is copied or hashed for what is there already, or is not there.
#[test]
fn what_changes_nothing_keeps_the_nodes() {
    let pairs: [(&[u8], &[u8]); 3] = [(b"do", b"verb"), (b"doge", b"coin"), (b"dog", b"puppy")];
    let before = trie(pairs);
    let mut after = before.clone();
    after.insert(&key(b"dog"), b"puppy");
    after.remove(&key(b"d"));
    after.insert(&key(b"dogs"), b"");
    let (Some(one), Some(other)) = (&before.root, &after.root) else { panic!("empty") };
    assert!(Arc::ptr_eq(one, other));
}

#[test]
fn a_trie_shows_its_root() {
    assert_eq!(format!("{:?}", Trie::default()), format!("Trie({EMPTY_ROOT:?})"));
}

#[test]
fn nodes_of_a_proof_lead_from_the_root_to_the_value() {
    let pairs: [(&[u8], &[u8]); 4] =
        [(b"do", &[1; 40]), (b"dog", &[2; 40]), (b"doge", &[3; 40]), (b"horse", &[4; 40])];
    let trie = trie(pairs);
    // Below the root's extension and branch: an extension with a branch that has "do", the same for "dog", and leaves.
    for (name, len) in [
        ("do", 4),
        ("dog", 6),
        ("doge", 7),
        ("dogs", 6),
        ("horse", 3),
        ("house", 3),
        ("d", 3),
        ("e", 2),
        ("v", 1),
    ] {
        let proof = trie.prove(&key(name.as_bytes()));
        assert_eq!(keccak256(&proof[0]), trie.root(), "{name}");
        for pair in proof.windows(2) {
            let hash = keccak256(&pair[1]);
            assert!(pair[0].windows(32).any(|part| part == hash), "{name}: {proof:?}");
        }
        if let Some((_, value)) = pairs.iter().find(|pair| pair.0 == name.as_bytes()) {
            assert!(proof.last().unwrap().ends_with(value), "{name}: {proof:?}");
        }
        assert_eq!(proof.len(), len, "{name}: {proof:?}");
    }
    assert_eq!(Trie::default().prove(&key(b"do")), Vec::<Bytes>::new());
}

/// A root stands in no parent, so that it is in each proof, however short it is.
#[test]
fn short_roots_are_proofs() {
    let leaf: &[(&[u8], &[u8])] = &[(b"do", b"verb")];
    let fork: &[(&[u8], &[u8])] = &[(&[0x10], &[1]), (&[0x20], &[2])];
    for (pairs, name) in [(leaf, &b"do"[..]), (leaf, b"dog"), (fork, &[0x10]), (fork, &[0x30])] {
        let trie = trie(pairs.iter().copied());
        let proof = trie.prove(&key(name));
        assert_eq!(proof.len(), 1, "{pairs:?}: {proof:?}");
        assert!(proof[0].len() < 32, "{pairs:?}: {proof:?}");
        assert_eq!(keccak256(&proof[0]), trie.root(), "{pairs:?}");
    }
}

/// Keys that meet often: of one length, of several, and those of the state.
fn names(kind: u8) -> BoxedStrategy<Vec<u8>> {
    let byte = select(&[0x00_u8, 0x01, 0x10, 0x11, 0x1f][..]);
    match kind {
        0 => vec(byte, 3).boxed(),
        1 => vec(byte, 0..5).boxed(),
        _ => (0..40_u8).prop_map(|number| keccak256([number]).to_vec()).boxed(),
    }
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..3), vec(any::<u8>(), 20..36), vec(any::<u8>(), 50..70)]
}

/// A key gets a value, or none; then the root is asked for or not, and the version kept or not.
type Change = (Vec<u8>, Option<Vec<u8>>, bool, bool);

/// Changes, and the kind of their keys.
fn changes() -> impl Strategy<Value = (u8, Vec<Change>)> {
    (0..3_u8).prop_flat_map(|kind| {
        let change = (names(kind), prop::option::weighted(0.6, values()), any::<bool>(), any::<bool>());
        (Just(kind), vec(change, 0..60))
    })
}

proptest! {
    /// Whatever the order of changes, and whatever is hashed between them: the same as from the contents alone.
    #[test]
    fn a_trie_is_what_is_in_it((kind, changes) in changes()) {
        let (mut trie, mut map) = (Trie::default(), Map::new());
        let mut versions = Vec::new();
        for (name, value, hashed, kept) in changes {
            match value {
                Some(value) if !value.is_empty() => {
                    trie.insert(&key(&name), &value);
                    map.insert(name, value);
                }
                Some(_) => {
                    trie.insert(&key(&name), b"");
                    map.remove(&name);
                }
                None => {
                    trie.remove(&key(&name));
                    map.remove(&name);
                }
            }
            if hashed {
                check(&trie, &map);
            }
            if hashed && kind != 1 {
                prop_assert_eq!(trie.root(), elsewhere(&map));
            }
            if kept {
                versions.push((trie.clone(), map.clone()));
            }
        }
        check(&trie, &map);
        for (trie, map) in versions {
            check(&trie, &map);
        }
    }

    #[test]
    fn proofs_are_verified_elsewhere(fixed in prop::bool::ANY, seeds in vec((any::<u16>(), values()), 0..40)) {
        // Some keys are in the trie, others beside them.
        let name = |seed: u16| if fixed { keccak256([seed.to_be_bytes()[0] % 64]).to_vec() } else { vec![(seed % 5) as u8, (seed % 64) as u8] };
        let mut trie = Trie::default();
        let mut map = Map::new();
        for (seed, value) in seeds.iter().filter(|(seed, value)| seed % 3 != 0 && value.len() > 1) {
            trie.insert(&key(&name(*seed)), value);
            map.insert(name(*seed), value.clone());
        }
        for (seed, _) in seeds {
            proves(&trie, &map, &name(seed));
        }
    }
}
