//! The time and memory that one execution has left.

use std::{cell::Cell, rc::Rc};

/// Says whether the time of a script is over. The enclave has no clock, so the caller brings one.
/// Once true it must stay so. It is asked often and must not call into the script's engine.
pub type Deadline = Rc<dyn Fn() -> bool>;

/// Meter of one execution, read by the engine's interrupt handler, its allocator and the wrappers of
/// its builtins.
pub(crate) struct Budget {
    deadline: Deadline,
    overtime: Cell<bool>,
    heap_left: Cell<usize>,
    largest: usize,
    /// Bytes handed out since the deadline was last looked at.
    unchecked: Cell<usize>,
    refused: Cell<bool>,
    /// Bytes that native functions may yet keep outside of the heap.
    native_left: Cell<usize>,
}

impl Budget {
    /// What an allocation costs beside its size.
    const OVERHEAD: usize = 16;
    /// What a native function needs to remember something beside its size.
    const NATIVE_OVERHEAD: usize = 64;
    /// Work between two looks at the deadline, in bytes allocated.
    const CHECK_EVERY: usize = 256 << 10;
    /// Once the time is over, larger allocations fail. Small ones must not: the engine needs some to
    /// unwind.
    const OVERTIME_MAX: usize = 4096;

    pub(crate) fn new(deadline: Deadline, heap_bytes: usize) -> Self {
        Self {
            deadline,
            overtime: Cell::new(false),
            heap_left: Cell::new(heap_bytes),
            largest: heap_bytes / 8,
            unchecked: Cell::new(0),
            refused: Cell::new(false),
            native_left: Cell::new(heap_bytes),
        }
    }

    /// The capability it was made with.
    pub(crate) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Looks at the clock, unless the time is over already.
    pub(crate) fn is_over(&self) -> bool {
        if !self.overtime.get() {
            self.overtime.set((self.deadline)());
        }
        self.overtime.get()
    }

    /// Whether a look at the clock found the time over.
    pub(crate) fn was_exceeded(&self) -> bool {
        self.overtime.get()
    }

    /// Whether memory was refused.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused.get()
    }

    /// Whether `size` more bytes may be handed out, in place of `freed`.
    pub(crate) fn admits(&self, size: usize, freed: usize) -> bool {
        let unchecked = self.unchecked.get().saturating_add(size).saturating_add(Self::OVERHEAD);
        let check = unchecked >= Self::CHECK_EVERY;
        self.unchecked.set(if check { 0 } else { unchecked });
        if check {
            self.is_over();
        }
        let late = size > Self::OVERTIME_MAX && self.was_exceeded();
        let available = self.heap_left.get().saturating_add(freed);
        let fits = size <= self.largest && size.saturating_add(Self::OVERHEAD) <= available;
        if late || !fits {
            self.refused.set(true);
        }
        !late && fits
    }

    /// Notes that `size` bytes were handed out.
    pub(crate) fn take(&self, size: usize) {
        self.heap_left.set(self.heap_left.get().saturating_sub(size + Self::OVERHEAD));
    }

    /// Notes that `size` bytes came back.
    pub(crate) fn give_back(&self, size: usize) {
        self.heap_left.set(self.heap_left.get() + size + Self::OVERHEAD);
    }

    /// Whether `size` bytes may be kept outside of the heap; they are noted. What a script makes the
    /// transaction remember is bounded by a second allowance as large as its heap.
    pub(crate) fn keep(&self, size: usize) -> bool {
        match self.native_left.get().checked_sub(size.saturating_add(Self::NATIVE_OVERHEAD)) {
            Some(left) => self.native_left.set(left),
            None => self.refused.set(true),
        }
        !self.refused.get()
    }
}
