//! Fuzzing: parsers and verifiers are executed with good inputs that were changed, again and again.
//!
//! Targets are tests of the crate whose parsers they execute, as they also reach what is private there. What an input came
//! to, such as the reason of a refusal, is what guides: an input with a new outcome is changed further. A run is the
//! same for the same seeds, which are numbered, so that it can go on with any of them.
//!
//! Environment: `COCO_FULL` executes as often as acceptance demands, `COCO_EXECUTIONS` as often as it says (what does more
//! than read less often, in proportion), `COCO_FROM` begins with another seed. Modules in reading order.

mod campaign;
mod mutate;
mod outcome;
mod plan;
mod random;
mod watch;

pub use campaign::{Campaign, Target};
pub use outcome::variants;
pub use plan::Work;
pub use random::Random;

#[cfg(test)]
mod tests;
