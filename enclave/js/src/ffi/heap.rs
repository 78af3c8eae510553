//! The heap of one engine, which can be put back to what it held before.
//!
//! Making a realm takes longer than most calls of it. So a realm is made once, its heap is copied, and after each call
//! the copy is written back: whatever the call did to the realm is gone, as if the next one had a realm of its own.

use std::{
    alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc},
    array,
    cell::{Cell, RefCell},
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

/// Blocks in chunks, and large ones each for itself.
///
/// Before each block stands its header: the bytes that it can hold, and [`SINGLE`] if it stands for itself; before the
/// header of such a one, its position among them. A block of a chunk is one of its [class](class_of) for ever: chunks
/// are few, so that what a script leaves in the wrong classes is no more than [`Heap::MAX_CHUNKS`] of them.
pub(crate) struct Heap {
    /// The first free block of each class, which names the next one.
    free: [Cell<*mut u8>; CLASSES],
    chunks: RefCell<Vec<Chunk>>,
    /// Chunk that is being cut, and how much of it was.
    place: Cell<Place>,
    singles: RefCell<Vec<NonNull<u8>>>,
    /// How many of those an image holds, which come first: they stay where they are.
    kept: Cell<usize>,
}

/// What a heap held. It can be put back into that heap only.
pub(crate) struct Image {
    free: [*mut u8; CLASSES],
    place: Place,
    chunks: Vec<Box<[MaybeUninit<u8>]>>,
    singles: Vec<Box<[MaybeUninit<u8>]>>,
}

#[derive(Clone, Copy)]
struct Place {
    chunk: usize,
    cut: usize,
}

/// Where chunks are aligned, and blocks behind their headers.
const ALIGN: usize = 8;
const HEADER: usize = 8;
/// Marks the header of a block outside of chunks.
const SINGLE: usize = 1 << 63;
const SINGLE_HEADER: usize = 16;
/// Largest block of a chunk, with its header.
const MAX_BLOCK: usize = 32 << 10;
const CLASSES: usize = 84;

/// The class of a block of so many bytes, with its header, and the size of that class: multiples of 16 to 1 KiB, then
/// four to each doubling.
fn class_of(bytes: usize) -> (usize, usize) {
    let last = bytes - 1;
    if bytes <= 1024 {
        return (last / 16, (last / 16 + 1) * 16);
    }
    let doubling = last.ilog2() as usize;
    let step = doubling - 2;
    (64 + (doubling - 10) * 4 + (last >> step & 3), ((last >> step) + 1) << step)
}

/// Memory that blocks are cut from.
struct Chunk(NonNull<u8>);

impl Chunk {
    const BYTES: usize = 256 << 10;
    const LAYOUT: Layout = match Layout::from_size_align(Self::BYTES, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("the size is a power of two"),
    };

    fn new() -> Option<Self> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc(Self::LAYOUT) }).map(Self)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: `new` allocated it with this layout.
        unsafe { dealloc(self.0.as_ptr(), Self::LAYOUT) }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self {
            free: array::from_fn(|_| Cell::new(ptr::null_mut())),
            chunks: RefCell::default(),
            // As if a chunk had been used up.
            place: Cell::new(Place { chunk: usize::MAX, cut: Chunk::BYTES }),
            singles: RefCell::default(),
            kept: Cell::default(),
        }
    }
}

impl Heap {
    /// Chunks of one heap: 4 MiB.
    const MAX_CHUNKS: usize = 16;
    /// Chunks beyond those of an image that stay when it is put back.
    const SPARE_CHUNKS: usize = 2;

    /// A block of at least so many bytes, or null.
    pub(super) fn alloc(&self, size: usize, zeroed: bool) -> *mut u8 {
        let Some(bytes) = size.checked_add(HEADER).filter(|bytes| *bytes <= MAX_BLOCK) else {
            return self.alloc_single(size, zeroed);
        };
        let (class, bytes) = class_of(bytes);
        let free = self.free[class].get();
        let block = if free.is_null() {
            match self.cut(bytes) {
                Some(block) => block,
                None => return self.alloc_single(size, zeroed),
            }
        } else {
            // SAFETY: a free block holds a pointer to the next one; all have room for it.
            self.free[class].set(unsafe { free.cast::<*mut u8>().read() });
            free
        };
        if zeroed {
            // SAFETY: the block holds that much.
            unsafe { block.write_bytes(0, size) }
        }
        block
    }

    /// A block that was never used.
    fn cut(&self, bytes: usize) -> Option<*mut u8> {
        let mut place = self.place.get();
        let mut chunks = self.chunks.borrow_mut();
        if bytes > Chunk::BYTES - place.cut {
            place = Place { chunk: place.chunk.wrapping_add(1), cut: 0 };
            if place.chunk == chunks.len() {
                let more = (chunks.len() < Self::MAX_CHUNKS).then(Chunk::new).flatten()?;
                chunks.push(more);
            }
        }
        let chunk = chunks[place.chunk].0.as_ptr();
        self.place.set(Place { cut: place.cut + bytes, ..place });
        // SAFETY: the chunk holds `bytes` behind `cut`, of which the header takes the first.
        unsafe {
            let header = chunk.add(place.cut);
            header.cast::<usize>().write(bytes - HEADER);
            Some(header.add(HEADER))
        }
    }

    fn alloc_single(&self, size: usize, zeroed: bool) -> *mut u8 {
        let Some((layout, size)) = single(size) else { return ptr::null_mut() };
        // SAFETY: the size is not zero.
        let start = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } };
        let Some(start) = NonNull::new(start) else { return ptr::null_mut() };
        let mut singles = self.singles.borrow_mut();
        singles.push(start);
        // SAFETY: the block begins with room for both.
        unsafe {
            start.cast::<[usize; 2]>().write([singles.len() - 1, size | SINGLE]);
            start.as_ptr().add(SINGLE_HEADER)
        }
    }

    /// Takes back a block.
    ///
    /// # Safety
    /// It is of this heap and not used any more.
    pub(super) unsafe fn dealloc(&self, block: *mut u8) {
        // SAFETY: a block has a header; one without the mark holds at least a pointer, and one with it was allocated
        // with that layout, its position before the header.
        unsafe {
            let header = header(block);
            if header & SINGLE == 0 {
                let (class, _) = class_of(header + HEADER);
                block.cast::<*mut u8>().write(self.free[class].get());
                self.free[class].set(block);
                return;
            }
            let start = block.sub(SINGLE_HEADER);
            let position = start.cast::<usize>().read();
            if position < self.kept.get() {
                return;
            }
            let mut singles = self.singles.borrow_mut();
            singles.swap_remove(position);
            if let Some(moved) = singles.get(position) {
                moved.cast::<usize>().write(position);
            }
            dealloc_single(NonNull::new_unchecked(start));
        }
    }

    /// Moves a block to one of another size, or returns null and leaves it.
    ///
    /// # Safety
    /// As for [`dealloc`](Self::dealloc), unless it returns null.
    pub(super) unsafe fn realloc(&self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: a block has a header. One that stands for itself and remains so is moved with its layout and its
        // header; its new place is noted. Any other is copied as far as both hold.
        unsafe {
            let before = usable_size(block);
            let is_single = header(block) & SINGLE != 0;
            let start = block.wrapping_sub(SINGLE_HEADER);
            if is_single && size > MAX_BLOCK && start.cast::<usize>().read() >= self.kept.get() {
                let Some(((old, _), (new, size))) = single(before).zip(single(size)) else {
                    return ptr::null_mut();
                };
                let Some(moved) = NonNull::new(realloc(start, old, new.size())) else {
                    return ptr::null_mut();
                };
                let position = moved.cast::<usize>().read();
                moved.cast::<[usize; 2]>().write([position, size | SINGLE]);
                self.singles.borrow_mut()[position] = moved;
                return moved.as_ptr().add(SINGLE_HEADER);
            }
            if !is_single && size <= before && size >= before / 2 {
                return block;
            }
            let moved = self.alloc(size, false);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, before.min(size));
                self.dealloc(block);
            }
            moved
        }
    }

    /// A copy of what it holds. Large blocks that it holds remain as long as the heap does.
    pub(super) fn image(&self) -> Image {
        let (place, chunks, singles) = (self.place.get(), self.chunks.borrow(), self.singles.borrow());
        self.kept.set(singles.len());
        // SAFETY: a chunk has that many bytes, and so has a block that stands for itself. Those that were never written
        // are copied as they are: the copy is only written back, never looked at.
        let copy = |start: NonNull<u8>, len| unsafe {
            let mut copy = Box::new_uninit_slice(len);
            copy.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(start.as_ptr(), len);
            copy
        };
        let used = |at| if at == place.chunk { place.cut } else { Chunk::BYTES };
        let cut = chunks.iter().take(place.chunk.wrapping_add(1)).enumerate();
        Image {
            free: self.free.each_ref().map(Cell::get),
            place,
            chunks: cut.map(|(at, chunk)| copy(chunk.0, used(at))).collect(),
            // SAFETY: the heap made it, and it was not taken back.
            singles: singles.iter().map(|start| copy(*start, unsafe { single_bytes(*start) })).collect(),
        }
    }

    /// Puts back what it held.
    ///
    /// # Safety
    /// The image is the last one of this heap, and nothing outside of the heap points to a block made since.
    pub(super) unsafe fn restore(&self, image: &Image) {
        let mut singles = self.singles.borrow_mut();
        for single in singles.drain(image.singles.len()..) {
            // SAFETY: the heap made it, and nothing points to it.
            unsafe { dealloc_single(single) }
        }
        let mut chunks = self.chunks.borrow_mut();
        let starts = chunks.iter().map(|chunk| chunk.0).zip(&image.chunks);
        for (start, copy) in starts.chain(singles.iter().copied().zip(&image.singles)) {
            // SAFETY: the copy is of what begins there, and no longer.
            unsafe { start.as_ptr().copy_from_nonoverlapping(copy.as_ptr().cast(), copy.len()) }
        }
        chunks.truncate(image.chunks.len() + Self::SPARE_CHUNKS);
        for (free, before) in self.free.iter().zip(image.free) {
            free.set(before);
        }
        self.place.set(image.place);
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for single in self.singles.take() {
            // SAFETY: the heap made it; the engine is gone.
            unsafe { dealloc_single(single) }
        }
    }
}

/// How much a block holds.
///
/// # Safety
/// It is of a [`Heap`].
pub(super) unsafe fn usable_size(block: *mut u8) -> usize {
    // SAFETY: as required.
    unsafe { header(block) & !SINGLE }
}

/// # Safety
/// The block is of a [`Heap`].
unsafe fn header(block: *mut u8) -> usize {
    // SAFETY: it stands before every block.
    unsafe { block.sub(HEADER).cast::<usize>().read() }
}

/// Layout of a block that stands for itself, and what it holds.
fn single(size: usize) -> Option<(Layout, usize)> {
    let size = size.checked_next_multiple_of(ALIGN)?;
    let bytes = size.checked_add(SINGLE_HEADER)?;
    Layout::from_size_align(bytes, ALIGN).ok().map(|layout| (layout, size))
}

/// Bytes of a block that stands for itself, with what stands before it.
///
/// # Safety
/// [`Heap::alloc_single`] made it, it begins there, and it was not taken back.
unsafe fn single_bytes(start: NonNull<u8>) -> usize {
    // SAFETY: its header is where that of every block is.
    unsafe { usable_size(start.as_ptr().add(SINGLE_HEADER)) + SINGLE_HEADER }
}

/// # Safety
/// As for [`single_bytes`], and it is not used any more.
unsafe fn dealloc_single(start: NonNull<u8>) {
    // SAFETY: the layout is the one that it was allocated with, as its size was rounded before.
    unsafe { dealloc(start.as_ptr(), Layout::from_size_align_unchecked(single_bytes(start), ALIGN)) }
}

#[cfg(test)]
mod tests;
