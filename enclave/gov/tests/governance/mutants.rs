//! Messages that were signed, and then changed by somebody else.

use coco_app::Method;
use coco_wire::cose::{self, CoseSign1, Headers};

use crate::{
    consortium::text,
    refusals::{Case, World},
};

const MUTANTS: usize = 10_000;
const SEED: u64 = 0x5eed_c05e;

/// Numbers that look random (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// A message and where it was to go.
struct Original {
    target: String,
    message: Vec<u8>,
}

/// Every request that members sign, by both active members.
fn originals(world: &World) -> Vec<Original> {
    let of = |by: usize| {
        world.requests(by).into_iter().map(move |request| {
            let Case { target, message, .. } = world.signed(by, &request, (0, "", String::new()));
            Original { target, message }
        })
    };
    of(0).chain(of(1)).collect()
}

#[test]
fn no_mutant_is_believed() {
    let mut world = World::new();
    let originals = originals(&world);
    let version = world.service.store.version();
    let mut dice = Dice(SEED);
    let (mut tried, mut same) = (0, 0);
    while tried < MUTANTS {
        let original = &originals[dice.below(originals.len())];
        let other = &originals[dice.below(originals.len())].message;
        let mutant = mutate(&mut dice, &original.message, other);
        // Whoever carries a message may change what is not signed.
        if says_the_same(&mutant, &original.message)
            || originals.iter().any(|it| says_the_same(&mutant, &it.message))
        {
            same += 1;
            continue;
        }
        tried += 1;
        let ran = world.service.run(Method::Post, &original.target, mutant.clone());
        let shown = || mutant.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let answer = text(&ran.response);
        assert_eq!(ran.response.status.0, 401, "mutant {tried} of seed {SEED:#x}: {answer}\n{}", shown());
        assert!(ran.executed.is_none());
    }
    println!("{tried} mutants, {same} that said the same");
    assert!(same < MUTANTS / 4, "most mutants differ in what is signed");
    assert_eq!(world.service.store.version(), version);
    for Original { target, message } in originals.iter().filter(|it| it.target.contains(":create")) {
        assert_eq!(world.service.send(Method::Post, target, message.clone()).status.0, 200);
    }
}

fn mutate(dice: &mut Dice, message: &[u8], other: &[u8]) -> Vec<u8> {
    let mut mutant = message.to_vec();
    let at = dice.below(mutant.len());
    let end = (at + 1 + dice.below(8)).min(mutant.len());
    match dice.below(9) {
        0 => mutant[at] ^= 1 << dice.below(8),
        1 => mutant[at] = dice.byte(),
        2 => drop(mutant.drain(at..end)),
        3 => {
            let inserted: Vec<_> = (at..end).map(|_| dice.byte()).collect();
            mutant.splice(at..at, inserted);
        }
        4 => {
            let copied = mutant[at..end].to_vec();
            mutant.splice(at..at, copied);
        }
        5 => {
            let to = dice.below(mutant.len());
            mutant.swap(at, to);
        }
        6 => mutant.truncate(at),
        7 => mutant.splice(at.., other.iter().skip(at).copied()).for_each(drop),
        _ => return recombine(dice, message, other),
    }
    mutant
}

/// A well-formed message of the parts of two.
fn recombine(dice: &mut Dice, one: &[u8], other: &[u8]) -> Vec<u8> {
    let parts = [one, other].map(|message| CoseSign1::decode(message).unwrap());
    let [protected, payload, signature] = [(); 3].map(|()| &parts[dice.below(2)]);
    let mut signature = signature.signature.to_vec();
    if dice.below(4) == 0 {
        let at = dice.below(signature.len());
        signature[at] ^= 1 << dice.below(8);
    }
    cose::encode(protected.protected_bytes, &Headers::empty(), payload.payload, &signature)
}

/// Whether the signed parts and the signature are those of the other message.
fn says_the_same(mutant: &[u8], original: &[u8]) -> bool {
    let parts = |message| {
        let CoseSign1 { protected_bytes, payload, signature, .. } = CoseSign1::decode(message).ok()?;
        Some((protected_bytes, payload, signature))
    };
    parts(mutant).is_some_and(|found| Some(found) == parts(original))
}
