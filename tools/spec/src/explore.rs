//! Every state within bounds, breadth first, so that what breaks a property does it in as few steps as can be.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::{Hash, Hasher},
};

use crate::{
    properties::{broken_by_state, broken_by_step},
    rules::{Action, Model},
    state::Small,
};

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states within bounds; those that differ only in the names of nodes that began alike are one.
    pub states: usize,
    /// Steps, those to known states and out of bounds included.
    pub steps: usize,
    /// Steps to the state that is farthest.
    pub depth: usize,
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name in `consensus.tla`.
    pub property: &'static str,
    /// How it comes to that.
    pub actions: Vec<Action>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} steps: {:?}", self.property, self.actions.len(), self.actions)
    }
}

/// Visits every state, or the first `limit`.
///
/// # Errors
/// At the first property that does not hold.
pub fn explore(model: &Model, limit: usize) -> Result<Explored, Broken> {
    let first = model.opened();
    let alike = alike(model);
    let mut known = HashMap::from([(print(&first, &alike), None)]);
    let mut queue = VecDeque::from([(first, 0)]);
    let mut explored = Explored::default();
    let mut next = Vec::new();
    while let Some((state, depth)) = queue.pop_front() {
        let from = print(&state, &alike);
        explored.depth = depth;
        model.steps(&state, &mut next);
        explored.steps += next.len();
        for (action, after) in next.drain(..) {
            let broken = broken_by_step(model, &state, &after).or_else(|| broken_by_state(model, &after));
            if let Some(property) = broken {
                return Err(Broken { property, actions: path(&known, from, action) });
            }
            if model.is_in_bounds(&after) && known.len() < limit {
                known.entry(print(&after, &alike)).or_insert_with(|| {
                    queue.push_back((after, depth + 1));
                    Some((from, action))
                });
            }
        }
    }
    explored.states = known.len();
    Ok(explored)
}

/// A state by its fingerprint, and how it was first come to.
type Known = HashMap<u64, Option<(u64, Action)>>;

fn path(known: &Known, mut from: u64, last: Action) -> Vec<Action> {
    let mut actions = vec![last];
    while let Some(Some((before, action))) = known.get(&from) {
        actions.push(*action);
        from = *before;
    }
    actions.reverse();
    actions
}

/// All ways to rename the nodes that began alike: the founders that follow, and those that are not founders.
fn alike(model: &Model) -> Vec<[u8; 3]> {
    let mut all = vec![[0, 1, 2]];
    for (from, to) in [(1, model.founders), (model.founders, model.nodes)] {
        for end in from + 1..to {
            let shorter = std::mem::take(&mut all);
            for names in shorter {
                all.extend((from..=end).map(|at| {
                    let mut swapped = names;
                    swapped.swap(at, end);
                    swapped
                }));
            }
        }
    }
    all
}

/// The least of the fingerprints of a state under all its names.
fn print(state: &Small, alike: &[[u8; 3]]) -> u64 {
    let prints = alike.iter().map(|names| {
        let mut print = Print(0xcbf2_9ce4_8422_2325);
        state.renamed(names).hash(&mut print);
        print.finish()
    });
    prints.min().unwrap_or_default()
}

/// A quick hash: multiply and rotate for each word, mixed at the end as SplitMix64 does.
struct Print(u64);

impl Hasher for Print {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u16(&mut self, number: u16) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, tag: isize) {
        self.0 = (self.0.rotate_left(23) ^ tag.cast_unsigned() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, length: usize) {
        self.0 = (self.0.rotate_left(23) ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
