//! Takes fields off the front of a structure that they fill.

/// What is left to read of a structure, whose length was checked.
pub(crate) struct Fields<'a> {
    whole_len: usize,
    rest: &'a [u8],
}

/// A byte is set that must be zero, so many behind the beginning of the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotZero {
    pub(crate) offset: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { whole_len: bytes.len(), rest: bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.rest.split_first_chunk().expect("the fields of a structure fill it");
        self.rest = rest;
        *field
    }

    /// Little-endian.
    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Little-endian.
    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// Little-endian.
    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(crate) fn zeros(&mut self, count: usize) -> Result<(), NotZero> {
        let offset = self.whole_len - self.rest.len();
        let (field, rest) = self.rest.split_at(count);
        self.rest = rest;
        match field.iter().position(|byte| *byte != 0) {
            Some(at) => Err(NotZero { offset: offset + at }),
            None => Ok(()),
        }
    }
}
