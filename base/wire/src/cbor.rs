//! The deterministic subset of CBOR that signatures and receipts use.
//!
//! Read strictly: shortest heads, definite lengths, no duplicate keys, nothing after the item
//! (RFC 8949, section 4.2, except the order of map keys, which is kept as it is).

use minicbor::{Decoder, Encoder, data::Type};

const MAX_DEPTH: usize = 8;
const MAX_ITEMS: usize = 4096;
const MAX_MAP_LEN: usize = 64;

/// Bytes that are not one item of the subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Ends early, or is no CBOR.
    #[error("malformed CBOR at offset {0}")]
    Malformed(usize),
    /// A longer form than necessary, or an indefinite length.
    #[error("CBOR is not deterministic at offset {0}")]
    NotDeterministic(usize),
    /// Floating point, undefined, or an integer beyond 64 bits signed.
    #[error("unsupported CBOR type at offset {0}")]
    Unsupported(usize),
    /// A key occurs twice in a map.
    #[error("duplicate key in the CBOR map at offset {0}")]
    DuplicateKey(usize),
    /// Nested or filled beyond any use.
    #[error("CBOR exceeds limits at offset {0}")]
    Limit(usize),
    /// Bytes after the item.
    #[error("bytes follow the CBOR item at offset {0}")]
    Trailing(usize),
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cbor<'a> {
    /// Integer.
    Int(i64),
    /// Byte string.
    Bytes(&'a [u8]),
    /// Text string.
    Text(&'a str),
    /// Array.
    Array(Vec<Self>),
    /// Map, in the order of the bytes.
    Map(Vec<(Self, Self)>),
    /// Tagged item.
    Tag(u64, Box<Self>),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

impl<'a> Cbor<'a> {
    /// Exactly one item.
    ///
    /// # Errors
    /// On anything outside of the subset.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CborError> {
        let mut items = Items { decoder: Decoder::new(bytes), read: 0 };
        let item = items.item(0)?;
        let end = items.decoder.position();
        if end == bytes.len() { Ok(item) } else { Err(CborError::Trailing(end)) }
    }

    /// The bytes; maps keep their order.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        self.encode_to(&mut out).expect("a vector takes all bytes");
        out.into_writer()
    }

    /// The value of `key` in a map.
    #[must_use]
    pub fn get(&self, key: &Cbor<'_>) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    fn encode_to(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Infallible> {
        match self {
            Self::Int(int) => out.i64(*int)?,
            Self::Bytes(bytes) => out.bytes(bytes)?,
            Self::Text(text) => out.str(text)?,
            Self::Bool(bool) => out.bool(*bool)?,
            Self::Null => out.null()?,
            Self::Array(items) => {
                out.array(items.len() as u64)?;
                return items.iter().try_for_each(|item| item.encode_to(out));
            }
            Self::Map(entries) => {
                out.map(entries.len() as u64)?;
                return entries.iter().try_for_each(|(key, value)| {
                    key.encode_to(out)?;
                    value.encode_to(out)
                });
            }
            Self::Tag(tag, item) => {
                out.tag(minicbor::data::Tag::new(*tag))?;
                return item.encode_to(out);
            }
        };
        Ok(())
    }
}

type Infallible = minicbor::encode::Error<std::convert::Infallible>;

struct Items<'a> {
    decoder: Decoder<'a>,
    read: usize,
}

impl<'a> Items<'a> {
    fn item(&mut self, depth: usize) -> Result<Cbor<'a>, CborError> {
        let at = self.decoder.position();
        self.read += 1;
        if depth > MAX_DEPTH || self.read > MAX_ITEMS {
            return Err(CborError::Limit(at));
        }
        let malformed = |_| CborError::Malformed(at);
        match self.decoder.datatype().map_err(malformed)? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                let int = self.decoder.i64().map_err(|_| CborError::Unsupported(at))?;
                self.head(at, int.unsigned_abs() - u64::from(int < 0))?;
                Ok(Cbor::Int(int))
            }
            Type::Bytes => {
                let bytes = self.decoder.bytes().map_err(malformed)?;
                self.string_head(at, bytes.len())?;
                Ok(Cbor::Bytes(bytes))
            }
            Type::String => {
                let text = self.decoder.str().map_err(malformed)?;
                self.string_head(at, text.len())?;
                Ok(Cbor::Text(text))
            }
            Type::Array => self.array(at, depth),
            Type::Map => self.map(at, depth),
            Type::Tag => {
                let tag = self.decoder.tag().map_err(malformed)?.as_u64();
                self.head(at, tag)?;
                Ok(Cbor::Tag(tag, Box::new(self.item(depth + 1)?)))
            }
            Type::Bool => self.decoder.bool().map(Cbor::Bool).map_err(malformed),
            Type::Null => self.decoder.null().map(|()| Cbor::Null).map_err(malformed),
            Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => {
                Err(CborError::NotDeterministic(at))
            }
            _ => Err(CborError::Unsupported(at)),
        }
    }

    fn array(&mut self, at: usize, depth: usize) -> Result<Cbor<'a>, CborError> {
        let len = self.decoder.array().ok().flatten().ok_or(CborError::Malformed(at))?;
        self.head(at, len)?;
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(self.item(depth + 1)?);
        }
        Ok(Cbor::Array(items))
    }

    fn map(&mut self, at: usize, depth: usize) -> Result<Cbor<'a>, CborError> {
        let len = self.decoder.map().ok().flatten().ok_or(CborError::Malformed(at))?;
        self.head(at, len)?;
        if len > MAX_MAP_LEN as u64 {
            return Err(CborError::Limit(at));
        }
        let mut entries: Vec<(Cbor<'a>, Cbor<'a>)> = Vec::new();
        for _ in 0..len {
            let key = self.item(depth + 1)?;
            if entries.iter().any(|(other, _)| *other == key) {
                return Err(CborError::DuplicateKey(at));
            }
            entries.push((key, self.item(depth + 1)?));
        }
        Ok(Cbor::Map(entries))
    }

    /// The head from `at` to here must be the shortest one for `argument`.
    fn head(&self, at: usize, argument: u64) -> Result<(), CborError> {
        self.check_head(at, self.decoder.position() - at, argument)
    }

    fn string_head(&self, at: usize, len: usize) -> Result<(), CborError> {
        self.check_head(at, self.decoder.position() - at - len, len as u64)
    }

    fn check_head(&self, at: usize, head_len: usize, argument: u64) -> Result<(), CborError> {
        let shortest = match argument {
            0..=23 => 1,
            24..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        if head_len == shortest { Ok(()) } else { Err(CborError::NotDeterministic(at)) }
    }
}

#[cfg(test)]
mod tests;
