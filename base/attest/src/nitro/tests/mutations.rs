//! Documents of a made-up hypervisor with anything in them changed.

use super::{
    super::Requirements,
    enclave::{Enclave, Evidence, NOW, Verify as _},
};
use crate::tests::changes::each_change;

const STRICT: Requirements<'static> = Requirements::STRICT;

#[test]
fn any_change_of_a_document_is_refused() {
    let evidence = Enclave::genuine().sign();
    evidence.verify(NOW, &STRICT).unwrap();
    each_change(&evidence.message, &[0x01, 0x80, 0xff], |change, message| {
        let changed = Evidence { message, ..evidence.clone() };
        assert!(changed.verify(NOW, &STRICT).is_err(), "{change}");
    });
}

#[test]
fn random_changes_are_refused() {
    let evidence = Enclave::genuine().sign();
    let seed = std::env::var("COCO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let mut state = seed;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..20_000 {
        let mut changed = evidence.clone();
        let bytes = &mut changed.message;
        for _ in 0..=draw(4) {
            let (from, to) = (draw(bytes.len()), draw(bytes.len()));
            match draw(4) {
                0 => bytes[from] = u8::try_from(draw(256)).unwrap(),
                1 => bytes.swap(from, to),
                2 => bytes.truncate(from + 1),
                _ => {
                    let length = draw(64).min(bytes.len() - from).min(bytes.len() - to);
                    bytes.copy_within(from..from + length, to);
                }
            }
        }
        let same = changed == evidence;
        assert!(same || changed.verify(NOW, &STRICT).is_err(), "round {round} of seed {seed}");
    }
}
