//! The only code of this crate that the compiler cannot check: memory shared with the C engine.
#![expect(unsafe_code, reason = "the engine is written in C and asks for its memory through raw pointers")]

mod heap;

use std::{
    cell::Cell,
    ffi::CStr,
    ptr::{self, NonNull},
    rc::Rc,
};

use rquickjs::{
    ArrayBuffer, Ctx, Module, Object, Persistent, WriteOptions,
    allocator::Allocator,
    module::Declared,
    qjs::{JS_GetRuntime, JS_GetTypedArrayType, JS_IsArrayBuffer, JS_UpdateStackTop, JSContext},
};

pub(crate) use self::heap::Heap;
use self::heap::Image;
use crate::{application::Machine, budget::Budget, occasion::Occasion};

/// Version of the engine, such as `0.16.2`.
#[must_use]
pub fn engine_version() -> &'static str {
    // SAFETY: the engine returns a pointer to a constant, zero-terminated text.
    let text = unsafe { CStr::from_ptr(rquickjs::qjs::JS_GetVersion()) };
    text.to_str().expect("a version number is ASCII")
}

/// A heap behind the budget of one execution.
///
/// The engine does not look at the deadline inside its builtins. Nearly everything large that they do
/// allocates: refusing memory once the time is over ends them.
pub(crate) struct MeteredAllocator {
    pub(crate) budget: Rc<Budget>,
    pub(crate) heap: Rc<Heap>,
}

// SAFETY: all memory comes from `Heap` and returns to it; what is added is arithmetic, and null pointers, which the
// trait allows.
unsafe impl Allocator for MeteredAllocator {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.budget.admits(size, 0) {
            return ptr::null_mut();
        }
        self.taken(self.heap.alloc(size, false))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(total) if self.budget.admits(total, 0) => self.taken(self.heap.alloc(total, true)),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // SAFETY: the caller passes a pointer that this allocator handed out.
        unsafe {
            self.budget.give_back(heap::usable_size(pointer));
            self.heap.dealloc(pointer);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller passes a pointer that this allocator handed out; on failure it stays valid.
        unsafe {
            let before = heap::usable_size(pointer);
            if !self.budget.admits(size, before) {
                return ptr::null_mut();
            }
            let moved = self.heap.realloc(pointer, size);
            if !moved.is_null() {
                self.budget.give_back(before);
            }
            self.taken(moved)
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: the caller passes a pointer that this allocator handed out.
        unsafe { heap::usable_size(pointer) }
    }
}

impl MeteredAllocator {
    fn taken(&self, pointer: *mut u8) -> *mut u8 {
        if !pointer.is_null() {
            // SAFETY: the heap just handed it out.
            self.budget.take(unsafe { heap::usable_size(pointer) });
        }
        pointer
    }
}

/// What the heap of an interpreter held when it was copied.
pub(crate) struct Before {
    image: Image,
    heap: Rc<Heap>,
    budget: Rc<Budget>,
    used: usize,
}

impl Before {
    /// Copies the heap.
    pub(crate) fn of(heap: &Rc<Heap>, budget: &Rc<Budget>) -> Self {
        let used = budget.heap_used();
        Self { image: heap.image(), heap: heap.clone(), budget: budget.clone(), used }
    }

    /// Undoes whatever scripts did to an interpreter since. To be called between calls.
    ///
    /// To the engine it is as if the time since had not been. Two rules keep that true outside of its heap. Nothing
    /// there keeps a value of the engine that was made since, but those named below. And what the engine owns there,
    /// which is the closures of native functions, is neither made nor dropped meanwhile: the functions are defined
    /// before the heap is copied, and [`State::natives`](crate::state::State) keeps each of them alive.
    pub(crate) fn restore(&self, namespaces: &mut Vec<(String, Persistent<Object<'static>>)>) {
        namespaces.clear();
        // SAFETY: the image is of this heap, which is copied once. No engine runs, and by the rules above only its own
        // memory points to what is gone.
        unsafe { self.heap.restore(&self.image) }
        self.budget.set_heap_used(self.used);
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

/// A module as the engine compiled it in this process.
pub(crate) struct Bytecode(Vec<u8>);

impl Bytecode {
    /// Compiles a module, for this interpreter and for others.
    pub(crate) fn compile<'js>(
        ctx: &Ctx<'js>,
        name: &str,
        source: &str,
    ) -> rquickjs::Result<(Module<'js, Declared>, Self)> {
        let module = Module::declare(ctx.clone(), name, source)?;
        let bytes = module.write(WriteOptions::default())?;
        Ok((module, Self(bytes)))
    }

    /// The module in another interpreter.
    pub(crate) fn load<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>> {
        // SAFETY: these are bytes that the engine wrote, in this process; nobody could change them since.
        unsafe { Module::load(ctx.clone(), &self.0) }
    }
}

/// Whether an object is an `ArrayBuffer`. The engine throws when it is asked for the bytes of another one.
pub(crate) fn is_buffer(object: &Object<'_>) -> bool {
    // SAFETY: the object is alive, and the engine looks at its class only.
    unsafe { JS_IsArrayBuffer(object.as_raw()) }
}

/// Whether an object is a typed array, of whichever kind.
pub(crate) fn is_typed_array(object: &Object<'_>) -> bool {
    // SAFETY: as above.
    unsafe { JS_GetTypedArrayType(object.as_raw()) >= 0 }
}

/// Copy of a buffer's content, or none if it is detached.
pub(crate) fn bytes_of(buffer: &ArrayBuffer<'_>) -> Option<Vec<u8>> {
    // SAFETY: no script runs between here and the end of the copy.
    unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec)
}

/// Lends the call that is executed to the native functions of an interpreter, which outlive it.
#[derive(Default)]
pub(crate) struct Loan(Cell<Option<NonNull<Occasion<'static>>>>);

impl Loan {
    /// Lends `occasion` while `body` runs.
    pub(crate) fn during<T>(&self, occasion: &Occasion<'_>, body: impl FnOnce() -> T) -> T {
        /// Takes it back, however `body` ends.
        struct End<'a>(&'a Loan, Option<NonNull<Occasion<'static>>>);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.0.set(self.1);
            }
        }
        let _end = End(self, self.0.replace(Some(NonNull::from(occasion).cast())));
        body()
    }

    /// Runs `body` on what is lent, if anything is.
    pub(crate) fn with<T>(&self, body: impl FnOnce(&Occasion<'_>) -> T) -> Option<T> {
        let lent = self.0.get()?;
        // SAFETY: `during` borrows it as long as it stands here, which it leaves before it returns. `body` works for
        // every lifetime, so that no reference leaves it.
        Some(body(unsafe { lent.as_ref() }))
    }
}

/// Has the engine count its stack from here. It does so by itself only on the thread that made it.
pub(crate) fn begin_stack(ctx: &Ctx<'_>) {
    // SAFETY: the context is alive, and the runtime that it names is its own.
    unsafe { JS_UpdateStackTop(JS_GetRuntime(ctx.as_raw().as_ptr())) }
}

/// An interpreter that nobody uses, on its way from one thread to another.
pub(crate) struct Parked(Machine);

// SAFETY: the engine is tied to no thread: it keeps nothing of one but the bounds of its stack, which are set whenever
// it is entered ([`begin_stack`]). Reference counts that are not atomic belong to the runtime, its heap, its closures and
// `State`; all of these are inside of the machine, nothing outside points to them, and they move together. What a machine
// shares with others (modules, entropy, clock) is counted atomically.
unsafe impl Send for Parked {}

impl Parked {
    pub(crate) fn new(machine: Machine) -> Self {
        Self(machine)
    }

    pub(crate) fn into_inner(self) -> Machine {
        self.0
    }
}
