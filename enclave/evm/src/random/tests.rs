//! Calls for random bytes, bare and by contracts.

use alloy_primitives::TxKind;

use super::*;
use crate::{
    Outcome,
    tests::{Chain, Key, call, deploying},
};

fn source(seed: u8) -> Source {
    Source { seed: B256::repeat_byte(seed), asked: 0 }
}

/// `abi.encode(len, personalization)`.
fn input(len: u64, personalization: &[u8]) -> Vec<u8> {
    let mut input = Vec::new();
    for word in [len, 64, personalization.len() as u64] {
        input.extend(U256::from(word).to_be_bytes::<32>());
    }
    input.extend(personalization);
    input.resize(input.len().next_multiple_of(32), 0);
    input
}

fn answer(source: &mut Source, input: &[u8], gas: u64) -> Option<(u64, Vec<u8>)> {
    let output = source.answer(input, gas, 0);
    output.is_success().then(|| (output.gas_used, output.bytes.to_vec()))
}

#[test]
fn gas_is_as_documented() {
    let cases: [(u64, &[u8], u64); 6] = [
        (0, b"", 10_000),
        (1, b"", 10_240),
        (32, b"", 10_240),
        (33, b"p", 10_540),
        (64, &[7; 33], 10_600),
        (1024, b"", 17_680),
    ];
    for (len, personalization, gas) in cases {
        let input = input(len, personalization);
        let (used, bytes) = answer(&mut source(1), &input, gas).unwrap();
        assert_eq!((used, bytes.len() as u64), (gas, len));
        assert_eq!(answer(&mut source(1), &input, gas - 1), None);
    }
}

#[test]
fn whatever_differs_gives_other_bytes() {
    let mut found = std::collections::BTreeSet::new();
    for seed in 1..4 {
        for personalization in [&b""[..], b"a", b"b", b"a\0"] {
            let mut source = source(seed);
            for _ in 0..3 {
                let (_, bytes) = answer(&mut source, &input(64, personalization), 100_000).unwrap();
                assert!(found.insert(bytes[..32].to_vec()) && found.insert(bytes[32..].to_vec()));
            }
        }
    }
    // The same again is the same again.
    let twice = [(); 2].map(|()| answer(&mut source(1), &input(100, b"x"), 100_000));
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn hostile_input_is_refused() {
    let word = |word: U256| word.to_be_bytes::<32>();
    let proper = input(32, b"abc");
    let with = |at: usize, value: U256| {
        let mut input = proper.clone();
        input[at..at + 32].copy_from_slice(&word(value));
        input
    };
    let cases = [
        Vec::new(),
        proper[..95].to_vec(),
        with(0, U256::from(1025)),
        with(0, U256::MAX),
        with(32, U256::MAX),
        with(32, U256::from(u64::MAX - 31)),
        with(32, U256::from(128)),
        with(64, U256::from(33)),
        with(64, U256::from(u64::MAX)),
    ];
    for case in cases {
        assert_eq!(answer(&mut source(1), &case, 1_000_000), None, "{case:?}");
    }
    assert!(answer(&mut source(1), &proper, 1_000_000).is_some());
}

/// Asks twice for 32 bytes and returns both.
fn asking() -> Vec<u8> {
    // Words in memory: 32, 64 and 0.
    let mut code = vec![0x60, 32, 0x60, 0, 0x52, 0x60, 64, 0x60, 32, 0x52];
    for at in [0x80, 0xa0] {
        code.extend([0x60, 32, 0x60, at, 0x60, 96, 0x60, 0, 0x73]);
        code.extend(ADDRESS);
        code.extend([0x5a, 0xfa, 0x50]); // a static call
    }
    code.extend([0x60, 64, 0x60, 0x80, 0xf3]);
    code
}

#[test]
fn contracts_have_bytes_of_their_transaction() {
    let mut chain = Chain::new(SpecId::OSAKA);
    let key = Key::new(1);
    chain.execute(&key.send(call(0, TxKind::Create, 0, &deploying(&asking())))).unwrap();
    let contract = TxKind::Call(key.address().create(0));
    let mut ask = |nonce, seed: Option<u8>| {
        let (rules, block) = (chain.rules, chain.block());
        let block = crate::Block { seed: seed.map(B256::repeat_byte), ..block };
        let sent = key.send(call(nonce, contract, 0, &[]));
        let found = chain.write(|world, tx| world.execute(tx, &rules, &block, &sent)).unwrap();
        let Outcome::Called(bytes) = found.outcome else { panic!("{found:?}") };
        bytes
    };
    let (one, other, again) = (ask(1, Some(1)), ask(2, Some(2)), ask(3, Some(1)));
    assert_ne!(one[..32], one[32..]);
    assert_ne!(one, other);
    assert_eq!(one, again);
    assert_eq!(one[..], {
        let mut source = source(1);
        [(); 2].map(|()| answer(&mut source, &input(32, b""), 20_000).unwrap().1).concat()
    });
    // Ethereum has no such contract: calling nobody succeeds and gives nothing.
    assert_eq!(ask(4, None)[..], [0; 64]);
}
