//! The only code of this crate that the compiler cannot check: memory shared with the C engine.
#![expect(unsafe_code, reason = "the engine is written in C and asks for its memory through raw pointers")]

use std::{
    ffi::CStr,
    ptr::{self, NonNull},
    rc::Rc,
};

use rquickjs::{
    ArrayBuffer, Ctx,
    allocator::{Allocator, RustAllocator},
    qjs::JSContext,
};

use crate::budget::Budget;

/// Version of the engine, such as `0.16.2`.
#[must_use]
pub fn engine_version() -> &'static str {
    // SAFETY: the engine returns a pointer to a constant, zero-terminated text.
    let text = unsafe { CStr::from_ptr(rquickjs::qjs::JS_GetVersion()) };
    text.to_str().expect("a version number is ASCII")
}

/// The process's allocator behind the budget of one execution.
///
/// The engine does not look at the deadline inside its builtins. Nearly everything large that they do
/// allocates: refusing memory once the time is over ends them.
pub(crate) struct MeteredAllocator(pub(crate) Rc<Budget>);

// SAFETY: all memory comes from `RustAllocator` and returns to it; what is added is arithmetic, and
// null pointers, which the trait allows.
unsafe impl Allocator for MeteredAllocator {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.admits(size, 0) {
            return ptr::null_mut();
        }
        self.taken(RustAllocator.alloc(size))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(total) if self.0.admits(total, 0) => self.taken(RustAllocator.calloc(count, size)),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // SAFETY: the caller passes a pointer that this allocator handed out.
        unsafe {
            self.0.give_back(RustAllocator::usable_size(pointer));
            RustAllocator.dealloc(pointer);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller passes a pointer that this allocator handed out; on failure it stays valid.
        unsafe {
            let before = RustAllocator::usable_size(pointer);
            if !self.0.admits(size, before) {
                return ptr::null_mut();
            }
            let moved = RustAllocator.realloc(pointer, size);
            if !moved.is_null() {
                self.0.give_back(before);
            }
            self.taken(moved)
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: the caller passes a pointer that this allocator handed out.
        unsafe { RustAllocator::usable_size(pointer) }
    }
}

impl MeteredAllocator {
    fn taken(&self, pointer: *mut u8) -> *mut u8 {
        if !pointer.is_null() {
            // SAFETY: `RustAllocator` just handed it out.
            self.0.take(unsafe { RustAllocator::usable_size(pointer) });
        }
        pointer
    }
}

/// Makes the engine look at the deadline more often.
///
/// It counts loops and calls and asks its interrupt handler once in 10,000, which it cannot be told to
/// change. A single operation on a long string or a long chain of prototypes takes up to a second, so that a
/// script of one line could run for hours. The count stands in the context; the handler shortens it.
pub(crate) struct InterruptCounter(NonNull<JSContext>);

impl InterruptCounter {
    /// Where the count stands in `JSContext` of QuickJS-NG 0.16 on 64-bit machines.
    const OFFSET: usize = 548;
    /// What the engine sets it to right before it asks.
    const ENGINE: i32 = 10_000;
    /// What it is shortened to: at a cost of about 1 ns a loop.
    const SHORT: i32 = 32;

    /// Of this realm, which must be the only one of its runtime.
    pub(crate) fn of(ctx: &Ctx<'_>) -> Self {
        Self(ctx.as_raw())
    }

    /// To be called by the interrupt handler. With an engine of another layout it does nothing; a test
    /// notices.
    pub(crate) fn shorten(&self) {
        // SAFETY: the engine calls its handler from a script, so the context is alive, and no reference to
        // its inside exists in Rust. It is larger than the offset. Only the very value that the engine has
        // just written is overwritten, by a smaller one of the same meaning.
        unsafe {
            let counter = self.0.cast::<i32>().byte_add(Self::OFFSET);
            if counter.read() == Self::ENGINE {
                counter.write(Self::SHORT);
            }
        }
    }
}

/// Copy of a buffer's content, or none if it is detached.
pub(crate) fn bytes_of(buffer: &ArrayBuffer<'_>) -> Option<Vec<u8>> {
    // SAFETY: no script runs between here and the end of the copy.
    unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec)
}
