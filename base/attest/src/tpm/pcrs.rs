//! Platform configuration registers: what was measured, in order, as one digest each.

use super::{Hash, Quote};

/// How many there are on a PC (TCG PC Client Platform TPM Profile).
pub(super) const COUNT: u8 = 24;

/// Some of the PCRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcrSet(u32);

impl PcrSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those with these numbers, below 24; others are left out.
    #[must_use]
    pub const fn of(numbers: &[u8]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < numbers.len() {
            if numbers[at] < COUNT {
                bits |= 1 << numbers[at];
            }
            at += 1;
        }
        Self(bits)
    }

    /// Those whose bit is set; none if a bit is of no PCR.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits >> COUNT == 0).then_some(Self(bits))
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, number: u8) -> bool {
        number < COUNT && self.0 >> number & 1 == 1
    }

    /// Their numbers, from the least on.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..COUNT).filter(move |number| self.contains(*number))
    }

    /// These and those.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How many they are.
    #[must_use]
    pub fn len(self) -> usize {
        self.numbers().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The values of the PCRs of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcrs {
    bank: Hash,
    selected: PcrSet,
    values: Vec<u8>,
}

impl Pcrs {
    /// The values one behind the other, in the order of a quote; none unless they are as many as it selects. Whether they
    /// are those that it vouches for is not looked at.
    #[must_use]
    pub fn new(quote: &Quote, values: &[u8]) -> Option<Self> {
        let expected = quote.selected.len() * quote.bank.digest_len();
        let all = Self { bank: quote.bank, selected: quote.selected, values: values.to_vec() };
        (values.len() == expected).then_some(all)
    }

    /// The hash that they were extended with.
    #[must_use]
    pub fn bank(&self) -> Hash {
        self.bank
    }

    /// The value of one, if it was quoted.
    #[must_use]
    pub fn value(&self, number: u8) -> Option<&[u8]> {
        let at = self.selected.numbers().position(|selected| selected == number)?;
        self.values.chunks_exact(self.bank.digest_len()).nth(at)
    }
}
