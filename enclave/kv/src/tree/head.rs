//! The beginning of a key as a number, which tells most keys apart without a look at their bytes.

use std::cmp::Ordering;

/// The first eight bytes of a key, zeros where it is shorter: if the heads of two keys differ, the keys differ alike.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head(u64);

impl Head {
    pub(super) fn of(key: &[u8]) -> Self {
        if let Some(head) = key.first_chunk() {
            return Self(u64::from_be_bytes(*head));
        }
        let mut head = [0; 8];
        head[..key.len()].copy_from_slice(key);
        Self(u64::from_be_bytes(head))
    }

    /// Compares the keys of two heads; `keys` is asked if the heads are the same.
    pub(super) fn cmp_or(self, other: Self, keys: impl FnOnce() -> Ordering) -> Ordering {
        self.cmp(&other).then_with(keys)
    }
}

#[cfg(test)]
mod tests;
