//! The allocator of the executable.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long freed memory is kept before the system has it back, in milliseconds. What a few thousand writes leave over is
/// freed at once when they are committed: with mimalloc's 10 ms most of those pages went back and were faulted in again
/// each time. Much longer, and a node that rests keeps what it only needed to start.
const PURGE_DELAY_MS: i64 = 50;
/// `mi_option_purge_delay`, which the bindings do not name (mimalloc 2, `mimalloc.h`): the one after this.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = libmimalloc_sys::mi_option_eager_commit_delay + 1;

/// Has freed memory reused rather than given back; the environment variable `MIMALLOC_PURGE_DELAY` says otherwise.
#[expect(unsafe_code, reason = "an option of the allocator, set by a call of C code that takes two numbers")]
pub(crate) fn keep_freed_memory() {
    // SAFETY: the function checks the number of the option and stores the value.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}

/// Gives back what the calling thread freed.
#[expect(unsafe_code, reason = "a call of C code without memory of ours")]
pub(crate) fn give_back() {
    // SAFETY: may be called at any time; it frees pages of this thread that hold nothing.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
