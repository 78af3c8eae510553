//! A leaf: a few rows in the order of their keys, in one block.

use coco_wire::{Seqno, Value};

use super::{Row, head::Head};

/// Most rows of a leaf.
const MAX_ROWS: usize = 16;
/// A leaf with fewer rows is joined to its neighbour, if both fit in one.
const MIN_ROWS: usize = 4;
/// A leaf with more bytes is split, if it has several rows.
const MAX_BYTES: usize = 4096;
/// Longer values are not copied with the leaf but shared.
const MAX_INLINE: usize = 256;

/// Some rows; exact in size. Changed only while no snapshot shares it.
#[derive(Default)]
pub(super) struct Leaf {
    slots: Box<[Slot]>,
    /// Key and value of each row, one after the other; the value is missing if it is shared.
    bytes: Box<[u8]>,
}

#[derive(Clone)]
struct Slot {
    version: Seqno,
    /// Of the key.
    head: Head,
    /// Where the key begins; the row ends where the next begins.
    start: usize,
    key_len: usize,
    shared: Option<Value>,
}

/// A borrowed row.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) version: Seqno,
    inline: &'a [u8],
    shared: Option<&'a Value>,
}

impl<'a> Stored<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.shared.map_or(self.inline, |value| value)
    }

    pub(crate) fn to_value(self) -> Value {
        self.shared.cloned().unwrap_or_else(|| Value::new(self.inline))
    }

    pub(crate) fn to_row(self) -> Row {
        Row { version: self.version, value: self.to_value() }
    }

    /// Whether version and value are the same.
    pub(super) fn is_same(self, other: Self) -> bool {
        self.version == other.version && self.bytes() == other.bytes()
    }
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn key(&self, at: usize) -> &[u8] {
        let slot = &self.slots[at];
        &self.bytes[slot.start..slot.start + slot.key_len]
    }

    pub(super) fn row(&self, at: usize) -> Stored<'_> {
        let slot = &self.slots[at];
        let inline = &self.bytes[slot.start + slot.key_len..self.start(at + 1)];
        Stored { version: slot.version, inline, shared: slot.shared.as_ref() }
    }

    /// Where the key is, or would be.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let head = Head::of(key);
        let key_of = |slot: &Slot| &self.bytes[slot.start..slot.start + slot.key_len];
        self.slots.binary_search_by(|slot| slot.head.cmp_or(head, || key_of(slot).cmp(key)))
    }

    /// Overwrites the row at `at` where it is, if the new one takes the same room; says whether it did.
    pub(super) fn overwrite(&mut self, at: usize, row: &Row) -> bool {
        let (start, end) = (self.slots[at].start + self.slots[at].key_len, self.start(at + 1));
        let fits = self.slots[at].shared.is_none() && row.value.len() == end - start;
        if fits {
            self.bytes[start..end].copy_from_slice(&row.value);
            self.slots[at].version = row.version;
        }
        fits
    }

    /// A copy with a row at `at`, in the place of `replaced` rows.
    pub(super) fn with(&self, at: usize, replaced: usize, key: &[u8], row: &Row) -> Self {
        let (inline, shared) = if row.value.len() <= MAX_INLINE {
            (&*row.value, None)
        } else {
            (&[][..], Some(row.value.clone()))
        };
        let (cut, rest) = (self.start(at), self.start(at + replaced));
        let grown = cut + key.len() + inline.len();
        let mut bytes = Vec::with_capacity(grown + self.bytes.len() - rest);
        bytes.extend_from_slice(&self.bytes[..cut]);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(inline);
        bytes.extend_from_slice(&self.bytes[rest..]);
        let mut slots = Vec::with_capacity(self.len() + 1 - replaced);
        slots.extend_from_slice(&self.slots[..at]);
        let head = Head::of(key);
        slots.push(Slot { version: row.version, head, start: cut, key_len: key.len(), shared });
        slots.extend(moved(&self.slots[at + replaced..], rest, grown));
        Self { slots: slots.into(), bytes: bytes.into() }
    }

    pub(super) fn without(&self, at: usize) -> Self {
        let (mut left, right) = (self.part(0, at), self.part(at + 1, self.len()));
        left.append(&right);
        left
    }

    /// Cuts off the right half if there is too much for one leaf.
    pub(super) fn split(&mut self) -> Option<Self> {
        let full = self.len() > MAX_ROWS || (self.bytes.len() > MAX_BYTES && self.len() > 1);
        full.then(|| {
            let middle = self.len() / 2;
            let right = self.part(middle, self.len());
            *self = self.part(0, middle);
            right
        })
    }

    /// Whether one leaf should hold the rows of both.
    pub(super) fn should_join(&self, other: &Self) -> bool {
        let small = self.len() < MIN_ROWS || other.len() < MIN_ROWS;
        small
            && self.len() + other.len() <= MAX_ROWS * 3 / 4
            && self.bytes.len() + other.bytes.len() <= MAX_BYTES / 2
    }

    pub(super) fn joined(&self, right: &Self) -> Self {
        let mut joined = self.part(0, self.len());
        joined.append(right);
        joined
    }

    fn append(&mut self, right: &Self) {
        let slots = moved(&right.slots, 0, self.bytes.len());
        self.slots = self.slots.iter().cloned().chain(slots).collect();
        self.bytes = [&*self.bytes, &*right.bytes].concat().into();
    }

    /// The rows from one to before another.
    fn part(&self, from: usize, to: usize) -> Self {
        let (start, end) = (self.start(from), self.start(to));
        Self { slots: moved(&self.slots[from..to], start, 0).collect(), bytes: self.bytes[start..end].into() }
    }

    /// Where the row begins, or the bytes end.
    fn start(&self, at: usize) -> usize {
        self.slots.get(at).map_or(self.bytes.len(), |slot| slot.start)
    }
}

/// Slots whose bytes move along with those at `from`, which come to be at `to`.
fn moved(slots: &[Slot], from: usize, to: usize) -> impl ExactSizeIterator<Item = Slot> {
    slots.iter().map(move |slot| Slot { start: slot.start - from + to, ..slot.clone() })
}
