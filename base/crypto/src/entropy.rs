//! Randomness as a capability.

use aws_lc_rs::rand;

/// A source of unpredictable bytes; a simulation brings a seeded one.
pub trait Entropy: Send + Sync {
    /// Overwrites `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// The generator of the cryptography library, seeded by the processor and the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        rand::fill(out).expect("the generator cannot fail once seeded");
    }
}
