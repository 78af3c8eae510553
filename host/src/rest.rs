//! What a thread does that has had nothing to do for a while.

use std::{sync::OnceLock, time::Duration};

/// Time without work after which a thread rests.
pub(crate) const AFTER: Duration = Duration::from_millis(500);
/// The allocator is that of the whole process, and so is this.
static BEFORE: OnceLock<fn()> = OnceLock::new();

/// Has threads that run out of work call `give_back`, once each time, for example to return the memory that they freed: an
/// allocator does that when a thread frees more, which one that rests does not. Only the first call counts.
pub fn before(give_back: fn()) {
    BEFORE.get_or_init(|| give_back);
}

/// The calling thread is about to rest.
pub(crate) fn begin() {
    if let Some(give_back) = BEFORE.get() {
        give_back();
    }
}
