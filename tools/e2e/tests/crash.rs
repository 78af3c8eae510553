//! Loss of power: whatever of the writes that were not synchronised survives, everything acknowledged as committed is in
//! the ledger, verifies and decrypts to what was acknowledged; of three nodes, on two disks at least.

use coco_e2e::{
    Random,
    power::{Story, check_all, story},
    scale,
};
use coco_host::record::{Call, Survival};

/// Batches that each client writes.
const BATCHES: u64 = 16;
/// Rounds of a long run, each with a service of its own; together they have well over 1,000 points.
const ROUNDS: u64 = 8;
const NODES: usize = 3;
/// Moments of one story of three nodes at which power is lost.
const MOMENTS: usize = 36;

/// Looks for everything that was acknowledged before power failed after `point` calls.
fn check(story: &Story, point: usize, survival: Survival) -> Result<(), String> {
    let kept = story.left(0, point, survival)?;
    story.promised(0, point).iter().try_for_each(|promise| kept.check(promise))
}

/// Checks images after every `stride`th call, on both cores. Number of images, and what was wrong.
fn check_images(story: &Story, seed: u64, stride: usize) -> (usize, Vec<String>) {
    let points: Vec<usize> = (0..=story.disks[0].len()).step_by(stride).collect();
    let wrong = check_all(points.len() * 3, |at| {
        let point = points[at / 3];
        let survival = survival(at % 3, (seed << 20) + point as u64);
        check(story, point, survival)
            .map_err(|why| format!("seed {seed}, power lost after call {point}, {survival:?}: {why}"))
    });
    (points.len() * 3, wrong)
}

fn survival(kind: usize, seed: u64) -> Survival {
    match kind {
        0 => Survival::Nothing,
        1 => Survival::RandomPrefix { seed },
        _ => Survival::RandomSubset { seed },
    }
}

#[test]
fn no_loss_of_power_loses_what_was_committed() {
    let mut points = 0;
    for seed in scale::rounds(1, ROUNDS) {
        let story = story(seed, 1, BATCHES, false);
        let (images, wrong) = check_images(&story, seed, 1);
        points += story.disks[0].len() + 1;
        println!(
            "seed {seed}: {} calls, {} acknowledged, {images} images; {points} points so far",
            story.disks[0].len(),
            story.promises.len()
        );
        assert!(wrong.is_empty(), "{} of {images} images:\n{}", wrong.len(), wrong.join("\n"));
    }
    assert!(points >= scale::of(100, 1000) || scale::from() > 0, "{points} points");
}

#[test]
fn without_synchronisation_the_loss_is_noticed() {
    let story = story(1, 1, BATCHES, true);
    let (images, wrong) = check_images(&story, 1, story.disks[0].len().div_ceil(10));
    assert!(wrong.len() * 2 > images, "only {} of {images} images are wrong", wrong.len());
}

/// Power fails everywhere at once, when so many promises had been made: each disk is somewhere between the mark of that and
/// the next. What was promised is on two of three.
fn check_moment(story: &Story, promised: usize, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let mut left = Vec::new();
    for node in 0..NODES {
        let calls = &story.disks[node];
        let label = |call: &Call| matches!(call, Call::Mark { label } if *label >= promised as u64);
        let from =
            if promised == 0 { 0 } else { calls.iter().position(label).map_or(calls.len(), |at| at + 1) };
        let until = calls[from..].iter().position(label).map_or(calls.len(), |at| from + at);
        let point =
            from + usize::try_from(random.below((until - from + 1) as u64)).map_err(|it| it.to_string())?;
        let kind = usize::try_from(random.below(3)).map_err(|it| it.to_string())?;
        let survival = survival(kind, random.draw());
        let place = format!("seed {seed}, {promised} promised, node {node} after call {point}, {survival:?}");
        left.push(story.left(node, point, survival).map_err(|why| format!("{place}: {why}"))?);
    }
    for promise in &story.promises[..promised] {
        let missing: Vec<String> = left.iter().filter_map(|kept| kept.check(promise).err()).collect();
        if 2 * missing.len() >= NODES {
            return Err(format!("seed {seed}, {promised} promised: {}", missing.join("; ")));
        }
    }
    Ok(())
}

/// Checks so many moments of a story, and as many with everything promised.
fn check_moments(story: &Story, seed: u64, moments: usize) -> Vec<String> {
    // Only these were marked: promises are made in batches.
    let labels: Vec<usize> = story.disks[0]
        .iter()
        .filter_map(|call| if let Call::Mark { label } = call { usize::try_from(*label).ok() } else { None })
        .collect();
    check_all(moments, |at| {
        check_moment(story, labels[at * labels.len() / moments], (seed << 20) + at as u64)
    })
}

#[test]
fn a_majority_of_disks_has_what_was_committed() {
    let mut images = 0;
    for seed in scale::rounds(1, 28) {
        let story = story(seed, NODES, scale::of(6, BATCHES), false);
        let wrong = check_moments(&story, seed, MOMENTS);
        images += MOMENTS;
        let calls: Vec<usize> = story.disks.iter().map(Vec::len).collect();
        println!(
            "seed {seed}: {calls:?} calls, {} acknowledged, {images} images of three disks so far",
            story.promises.len()
        );
        assert!(wrong.is_empty(), "{} of {MOMENTS} images:\n{}", wrong.len(), wrong.join("\n"));
    }
    assert!(images >= scale::of(MOMENTS, 1000) || scale::from() > 0, "{images} images");
}

#[test]
fn without_synchronisation_no_majority_has_it() {
    let story = story(1, NODES, 6, true);
    let wrong = check_moments(&story, 1, 12);
    assert!(wrong.len() > 6, "only {} of 12 images are wrong", wrong.len());
}
