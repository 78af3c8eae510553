//! What is found, what is counted, and that it is the same again.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    Campaign, Random, Target, Work,
    mutate::Mutator,
    outcome::{Outcome, name},
    plan::Plan,
    variants,
};

/// Why what follows is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Short,
    Magic,
    Length { at: usize },
    Part(Part),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Kind(u8),
}

/// Parts with a length in front, behind a magic number, of which the last must be of a kind: it breaks at the kind 77.
fn read(bytes: &[u8]) -> Result<u64, Refusal> {
    let (magic, mut rest) = bytes.split_at_checked(4).ok_or(Refusal::Short)?;
    if magic != b"MESS" {
        return Err(Refusal::Magic);
    }
    let mut parts = 0;
    while let Some((length, more)) = rest.split_first() {
        let at = bytes.len() - rest.len();
        let (part, more) = more.split_at_checked((*length).into()).ok_or(Refusal::Length { at })?;
        rest = more;
        parts += 1;
        match part {
            [77, ..] if parts == 3 => panic!("a message that breaks it"),
            [kind, ..] if *kind >= 10 && *kind != 77 => return Err(Refusal::Part(Part::Kind(*kind))),
            _ => {}
        }
    }
    Ok(parts)
}

fn target(seeds: &[Vec<u8>]) -> Target<'_> {
    Target::new("message", Work::Parse, seeds).with(&[b"\x01\x4d"])
}

#[test]
fn a_panic_is_found_and_its_input_is_told() {
    let seeds = [b"MESS\x02\x01\x02".to_vec()];
    let mut last = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Campaign::new("fuzz").run(target(&seeds), |input| {
            input.clone_into(&mut last);
            read(input)
        });
    }));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"a message that breaks it"));
    assert!(catch_unwind(|| read(&last)).is_err());
}

#[test]
fn a_run_is_the_same_again() {
    let seeds = [b"MESS\x02\x01\x02\x03\x07\x08\x09".to_vec()];
    let inputs = || {
        let mut inputs = Vec::new();
        Campaign::new("fuzz").run(target(&seeds), |input| {
            if input.len() < 1 << 20 {
                inputs.push(input.to_vec());
            }
            Ok::<u64, Refusal>(input.len() as u64 % 7)
        });
        inputs
    };
    let first = inputs();
    assert_eq!(first[0], seeds[0]);
    assert!(first == inputs());
}

#[test]
fn every_kind_of_change_happens_and_none_is_too_long() {
    let mutator = Mutator { words: &[b"word"], max_len: 40, keep_len: false, text: false };
    let mut random = Random::new(1);
    let original: Vec<u8> = (0..32).collect();
    let mut lengths: HashMap<usize, u32> = HashMap::new();
    let mut with_word = 0;
    for _ in 0..20_000 {
        let mut changed = original.clone();
        mutator.change(&mut random, &mut changed, b"another input");
        *lengths.entry(changed.len()).or_default() += 1;
        with_word += u32::from(changed.windows(4).any(|window| window == b"word"));
    }
    assert_eq!((0..=40).filter(|length| lengths.contains_key(length)).count(), 41);
    assert_eq!(lengths.len(), 41);
    assert!(with_word > 500, "{with_word}");
    let mut empty = Vec::new();
    mutator.change(&mut random, &mut empty, b"");
    assert!(!empty.is_empty());
    let mutator = Mutator { keep_len: true, ..mutator };
    let kept = (0..1_000).filter(|_| {
        let mut changed = original.clone();
        mutator.change(&mut random, &mut changed, b"another input");
        changed.len() == original.len()
    });
    let kept = kept.count();
    assert!((900..1_000).contains(&kept), "{kept}");
}

#[test]
fn a_text_mostly_stays_one() {
    let mutator = Mutator { words: &[], max_len: 100, keep_len: false, text: true };
    let mut random = Random::new(1);
    let original = br#"{"a": [1, 22, "three"], "b": {"c": "00ff"}, "d": null}"#;
    let well_formed = |text: &[u8]| {
        let balance = |open, close| {
            let count = |of| text.iter().filter(|byte| **byte == of).count();
            count(open) == count(close)
        };
        balance(b'[', b']')
            && balance(b'{', b'}')
            && text.iter().filter(|byte| **byte == b'"').count() % 2 == 0
    };
    let well = (0..1_000).filter(|_| {
        let mut changed = original.to_vec();
        mutator.change(&mut random, &mut changed, b"");
        well_formed(&changed) && changed != original
    });
    let well = well.count();
    assert!((400..1_000).contains(&well), "{well}");
}

#[test]
fn outcomes_are_told_apart_by_reason_and_size() {
    let of = |refusal: Refusal| Outcome::refused(&refusal);
    assert_ne!(of(Refusal::Short), of(Refusal::Magic));
    assert_ne!(of(Refusal::Length { at: 1 }), of(Refusal::Length { at: 9 }));
    assert_eq!(of(Refusal::Length { at: 8 }), of(Refusal::Length { at: 9 }));
    assert_eq!(Outcome::refused(&("a", 1 << 20)), Outcome::refused(&("b", u64::MAX)));
    assert_ne!(Outcome::accepted(0), Outcome::accepted(1));
    for (refusal, expected) in [
        (Refusal::Short, "Short"),
        (Refusal::Length { at: 3 }, "Length"),
        (Refusal::Part(Part::Kind(7)), "Part::Kind"),
    ] {
        assert_eq!(name(&refusal), expected);
    }
    let source = "/// Why.\npub enum Reason {\n    /// One.\n    First,\n    Second(u8),\n    Third {\n        at: usize,\n    },\n}\npub(crate) enum Other {\n    Fourth,\n}\n";
    assert_eq!(variants(source, "Reason"), ["First", "Second", "Third"]);
    assert_eq!(variants(source, "Other"), ["Fourth"]);
}

#[test]
fn a_run_ends_with_the_last_of_ten_seeds() {
    let plan = |variables: &[(&str, &str)]| {
        Plan::of(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    };
    let gate = plan(&[]);
    assert_eq!((gate.seeds.clone(), gate.executions(Work::Parse)), (0..1, 20_000));
    let full = plan(&[("COCO_FULL", "1")]);
    assert_eq!((full.seeds.clone(), full.executions(Work::Parse)), (0..10, 1_000_000));
    assert_eq!(full.executions(Work::Sign), 10_000);
    let continued = plan(&[("COCO_FULL", "1"), ("COCO_FROM", "17")]);
    assert_eq!((continued.seeds.clone(), continued.executions(Work::Check)), (17..20, 100_000));
    let some = plan(&[("COCO_EXECUTIONS", "20000")]);
    assert_eq!(some.seeds, 0..10);
    assert_eq!([Work::Parse, Work::Check, Work::Sign].map(|work| some.executions(work)), [2_000, 200, 20]);
}
