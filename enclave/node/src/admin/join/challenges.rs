//! Challenges that nodes bind their evidence to.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use coco_app::Services;
use coco_boundary::Monotonic;
use coco_wire::Digest;

/// How long a challenge is good, in milliseconds: enough for slow hardware to sign.
const LIFETIME_MS: u64 = 30_000;
/// Most challenges at a time. Only trusted nodes are given any.
const MAX: usize = 256;

/// The last challenge of each node that was given one.
#[derive(Default)]
pub(in crate::admin) struct Challenges(Mutex<BTreeMap<Digest, Challenge>>);

struct Challenge {
    random: Digest,
    made: Monotonic,
}

impl Challenge {
    fn is_good(&self, now: Monotonic) -> bool {
        now.since_ms(self.made) <= LIFETIME_MS
    }
}

impl Challenges {
    /// A new challenge of `node`; an earlier one is void.
    pub(in crate::admin) fn make(&self, node: Digest, now: Monotonic, services: &dyn Services) -> Digest {
        let mut random = Digest::ZERO;
        services.fill_random(&mut random.0);
        let mut challenges = self.lock();
        challenges.retain(|_, challenge| challenge.is_good(now));
        if challenges.len() >= MAX {
            let oldest = challenges.iter().min_by_key(|(_, challenge)| challenge.made).map(|(node, _)| *node);
            oldest.map(|oldest| challenges.remove(&oldest));
        }
        challenges.insert(node, Challenge { random, made: now });
        random
    }

    /// The challenge of `node` if it is good, which it then is no more.
    pub(in crate::admin) fn take(&self, node: &Digest, now: Monotonic) -> Option<Digest> {
        let challenge = self.lock().remove(node)?;
        challenge.is_good(now).then_some(challenge.random)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Challenge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
