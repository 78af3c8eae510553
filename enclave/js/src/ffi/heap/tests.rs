use super::*;

/// Blocks of a heap, each filled with a byte of its own.
#[derive(Clone, Default)]
struct Blocks(Vec<(*mut u8, usize, u8)>);

impl Blocks {
    fn check(&self) {
        for (block, size, byte) in &self.0 {
            // SAFETY: the block is in use and holds that much.
            let held = unsafe { std::slice::from_raw_parts(*block, *size) };
            assert!(held.iter().all(|it| it == byte), "a block of {size} bytes was overwritten");
            // SAFETY: the same.
            assert!(unsafe { usable_size(*block) } >= *size);
        }
    }

    /// A thousand steps: blocks are made, moved and taken back.
    fn walk(&mut self, heap: &Heap, seed: &mut u64) {
        for step in 0..1000_u32 {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = (*seed >> 33) as usize;
            let size = if random.is_multiple_of(50) { random % 100_000 } else { random % 600 };
            let byte = u8::try_from(step % 251).unwrap();
            let block = match random % 3 {
                _ if self.0.len() < 20 => heap.alloc(size, false),
                0 => {
                    let block = heap.alloc(size, true);
                    // SAFETY: the block was just made.
                    let held = unsafe { std::slice::from_raw_parts(block, size) };
                    assert!(held.iter().all(|it| *it == 0));
                    block
                }
                1 => {
                    let (block, before, byte) = self.0.swap_remove(random % self.0.len());
                    // SAFETY: the block is in use; the new one holds what both do.
                    unsafe {
                        let moved = heap.realloc(block, size);
                        let held = std::slice::from_raw_parts(moved, before.min(size));
                        assert!(held.iter().all(|it| *it == byte));
                        moved
                    }
                }
                _ => {
                    let (block, ..) = self.0.swap_remove(random % self.0.len());
                    // SAFETY: the block was in use until now.
                    unsafe { heap.dealloc(block) }
                    continue;
                }
            };
            // SAFETY: the block holds that much.
            unsafe { block.write_bytes(byte, size) }
            self.0.push((block, size, byte));
        }
        self.check();
    }

    fn take_back(&mut self, heap: &Heap, which: impl Fn(usize) -> bool) {
        self.0.retain(|(block, size, _)| {
            if which(*size) {
                // SAFETY: the block was in use until now.
                unsafe { heap.dealloc(*block) }
            }
            !which(*size)
        });
    }
}

#[test]
fn blocks_hold_what_was_written() {
    for seed in 1..20_u64 {
        let (heap, mut blocks) = (Heap::default(), Blocks::default());
        blocks.walk(&heap, &mut { seed });
        blocks.take_back(&heap, |_| true);
        assert!(heap.singles.borrow().is_empty());
    }
}

#[test]
fn a_heap_is_put_back_to_what_it_held() {
    for mut seed in 1..20_u64 {
        let (heap, mut blocks) = (Heap::default(), Blocks::default());
        blocks.walk(&heap, &mut seed);
        let image = heap.image();
        for _ in 0..5 {
            let mut changed = blocks.clone();
            for _ in 0..10 {
                changed.walk(&heap, &mut seed);
            }
            // SAFETY: no block made since is looked at.
            unsafe { heap.restore(&image) }
            blocks.check();
            assert!(heap.chunks.borrow().len() <= image.chunks.len() + Heap::SPARE_CHUNKS);
        }
        blocks.take_back(&heap, |_| true);
    }
}

#[test]
fn chunks_are_few() {
    let heap = Heap::default();
    for size in [24_usize, 1000, 20_000] {
        let mut blocks = Blocks::default();
        for _ in 0..8 * Chunk::BYTES * Heap::MAX_CHUNKS / 4 / size {
            blocks.0.push((heap.alloc(size, true), size, 0));
        }
        blocks.check();
        blocks.take_back(&heap, |_| true);
    }
    assert_eq!(heap.chunks.borrow().len(), Heap::MAX_CHUNKS);
}

#[test]
fn classes_fit() {
    for bytes in 1..=MAX_BLOCK {
        let (class, size) = class_of(bytes);
        assert!(class < CLASSES && size >= bytes && size < bytes + 16.max(bytes / 4));
        assert_eq!(class_of(size), (class, size));
    }
}
