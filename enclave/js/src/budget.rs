//! The time and memory that one execution has left.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// Says whether the time of a script is over. The enclave has no clock, so the caller brings one.
/// Once true it must stay so. It is asked often and must not call into the script's engine.
pub type Deadline = Rc<dyn Fn() -> bool>;

/// Meter of one execution, read by the engine's interrupt handler, its allocator and the wrappers of
/// its builtins.
pub(crate) struct Budget {
    deadline: RefCell<Deadline>,
    overtime: Cell<bool>,
    heap_used: Cell<usize>,
    heap_limit: Cell<usize>,
    /// Bytes handed out since the deadline was last looked at.
    unchecked: Cell<usize>,
    refused: Cell<bool>,
    /// Bytes that native functions may yet keep outside of the heap.
    native_left: Cell<usize>,
}

impl Budget {
    /// How many of the largest values fit on a heap.
    const VALUES: usize = 8;
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
            deadline: RefCell::new(deadline),
            overtime: Cell::new(false),
            heap_used: Cell::new(0),
            heap_limit: Cell::new(heap_bytes),
            unchecked: Cell::new(0),
            refused: Cell::new(false),
            native_left: Cell::new(heap_bytes),
        }
    }

    /// Begins to meter the next execution. What the heap holds by now counts.
    pub(crate) fn rearm(&self, deadline: Deadline, heap_bytes: usize) {
        self.deadline.replace(deadline);
        self.overtime.set(false);
        self.heap_limit.set(heap_bytes);
        self.unchecked.set(0);
        self.refused.set(false);
        self.native_left.set(heap_bytes);
    }

    /// The capability it meters by.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline.borrow().clone()
    }

    /// Looks at the clock, unless the time is over already.
    pub(crate) fn is_over(&self) -> bool {
        if !self.overtime.get() {
            self.overtime.set((self.deadline.borrow())());
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

    /// Whether the heap holds more than it may, as when the limit was lowered.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.heap_used.get() > self.heap_limit.get()
    }

    /// What was handed out and did not come back, in bytes.
    pub(crate) fn heap_used(&self) -> usize {
        self.heap_used.get()
    }

    /// Sets that, when the heap is put back to what it held before.
    pub(crate) fn set_heap_used(&self, bytes: usize) {
        self.heap_used.set(bytes);
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
        let limit = self.heap_limit.get();
        let wanted = self.heap_used.get().saturating_add(size).saturating_add(Self::OVERHEAD);
        let fits = size <= limit / Self::VALUES && wanted <= limit.saturating_add(freed);
        if late || !fits {
            self.refused.set(true);
        }
        !late && fits
    }

    /// Notes that `size` bytes were handed out.
    pub(crate) fn take(&self, size: usize) {
        self.heap_used.set(self.heap_used.get() + size + Self::OVERHEAD);
    }

    /// Notes that `size` bytes came back.
    pub(crate) fn give_back(&self, size: usize) {
        self.heap_used.set(self.heap_used.get().saturating_sub(size + Self::OVERHEAD));
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
