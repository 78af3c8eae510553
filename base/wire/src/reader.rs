//! Bounds-checked reading of little-endian fields.

/// Cursor over borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Fewer bytes remain than a field needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    /// Offset of the field.
    pub(crate) offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Short> {
        let (field, _) = self.rest().split_at_checked(len).ok_or(Short { offset: self.at })?;
        self.at += len;
        Ok(field)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Short> {
        let field = self.rest().first_chunk().ok_or(Short { offset: self.at })?;
        self.at += N;
        Ok(field)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[byte]| *byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Short> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// A 64-bit length and as many bytes.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], Short> {
        let offset = self.at;
        let len = usize::try_from(self.u64()?).map_err(|_| Short { offset })?;
        self.take(len).map_err(|_| Short { offset })
    }
}
