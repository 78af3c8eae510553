//! Iteration in key order over a table as a reader sees it.

use std::{
    collections::btree_map,
    iter::Peekable,
    ops::{Bound, RangeBounds},
};

use coco_wire::{Key, Value, writes::TableWrites};

use crate::{
    reads::OpenRange,
    tree::{Back, Range, Stored, Tree},
};

/// Which way rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the byte order of keys.
    Ascending,
    /// Against it.
    Descending,
}

/// Rows in the byte order of their keys, or against it; made by [`crate::Reader::range`] and
/// [`crate::Reader::range_in`].
///
/// In a transaction its own writes are merged in, and only what was yielded counts as read.
pub struct Rows<'a> {
    order: Order,
    stored: Option<Peekable<Committed<'a>>>,
    own: Option<Peekable<Own<'a>>>,
    /// Where a transaction notes how far it read.
    open: Option<OpenRange<'a>>,
}

impl<'a> Rows<'a> {
    /// Rows of `stored` within `bounds`, overlaid with `own`.
    pub(crate) fn new(
        stored: Option<&'a Tree>,
        own: Option<&'a TableWrites>,
        bounds: impl RangeBounds<[u8]>,
        order: Order,
    ) -> Self {
        if is_empty(&bounds) {
            // The maps panic on some empty ranges.
            return Self { order, stored: None, own: None, open: None };
        }
        let bounds = (bounds.start_bound(), bounds.end_bound());
        let committed = |rows: &'a Tree| match order {
            Order::Ascending => Committed::Ascending(rows.range(bounds)),
            Order::Descending => Committed::Descending(rows.range_back(bounds)),
        };
        let own = own.map(|writes| Own { writes: writes.range::<[u8], _>(bounds), order }.peekable());
        Self { order, stored: stored.map(|rows| committed(rows).peekable()), own, open: None }
    }

    /// Has the transaction note how far it reads.
    pub(crate) fn noted_in(mut self, open: OpenRange<'a>) -> Self {
        self.open = Some(open);
        self
    }

    fn advance(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        loop {
            let stored = self.stored.as_mut().and_then(|rows| rows.peek().copied());
            let own = self.own.as_mut().and_then(|writes| writes.peek().copied());
            let Some((key, write)) = own else {
                let (key, row) = stored?;
                self.stored.as_mut().and_then(Iterator::next);
                return Some((key, row.bytes()));
            };
            match stored {
                Some((earlier, row)) if self.order.is_before(earlier, key) => {
                    self.stored.as_mut().and_then(Iterator::next);
                    return Some((earlier, row.bytes()));
                }
                Some((same, _)) if same == &**key => {
                    self.stored.as_mut().and_then(Iterator::next);
                }
                _ => {}
            }
            self.own.as_mut().and_then(Iterator::next);
            if let Some(value) = write {
                return Some((key, value));
            }
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    /// Key and value.
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.advance();
        if let Some(open) = &mut self.open {
            open.read_to(row.map(|(key, _)| key));
        }
        row
    }
}

impl Order {
    /// Whether `key` comes before `other`.
    fn is_before(self, key: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Ascending => key < other,
            Self::Descending => key > other,
        }
    }
}

/// Rows of a version.
enum Committed<'a> {
    Ascending(Range<'a>),
    Descending(Back<'a>),
}

impl<'a> Iterator for Committed<'a> {
    type Item = (&'a [u8], Stored<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Ascending(rows) => rows.next(),
            Self::Descending(rows) => rows.next(),
        }
    }
}

/// What the transaction wrote itself.
struct Own<'a> {
    writes: btree_map::Range<'a, Key, Option<Value>>,
    order: Order,
}

impl<'a> Iterator for Own<'a> {
    type Item = (&'a Key, &'a Option<Value>);

    fn next(&mut self) -> Option<Self::Item> {
        match self.order {
            Order::Ascending => self.writes.next(),
            Order::Descending => self.writes.next_back(),
        }
    }
}

/// Whether no key can lie within the bounds.
pub(crate) fn is_empty(bounds: &impl RangeBounds<[u8]>) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match (bounds.start_bound(), bounds.end_bound()) {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(from), Included(to)) => from > to,
        (Included(from) | Excluded(from), Included(to) | Excluded(to)) => from >= to,
    }
}
