//! Typed access to tables.

use std::{borrow::Borrow, marker::PhantomData};

use coco_wire::{Key, Seqno, TableName, Value};

use crate::{Decode, Encode, Reader, Tx};

/// Key of the only row of a [`Singleton`]: CCF `include/ccf/kv/value.h`, a zero of 8 bytes.
const ONLY_KEY: [u8; 8] = [0; 8];

/// A table whose keys are `K` and whose values are `V`. Build it once and keep it.
pub struct Table<K, V> {
    name: TableName,
    types: PhantomData<fn() -> (K, V)>,
}

/// A table that holds one value, or none.
pub struct Singleton<V> {
    name: TableName,
    types: PhantomData<fn() -> V>,
}

/// A table holds bytes that are not what belongs there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed row in table {}", table.as_str())]
pub struct Malformed {
    /// Name of the table.
    pub table: TableName,
}

impl<K: Encode + Decode, V: Encode + Decode> Table<K, V> {
    /// Access to the table of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: TableName::new(name), types: PhantomData }
    }

    /// Name of the table.
    #[must_use]
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Value of a key.
    ///
    /// # Errors
    /// If the bytes stored are no `V`.
    pub fn get<Q>(&self, from: &impl Reader, key: &Q) -> Result<Option<V>, Malformed>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        decode(&self.name, from.get(&self.name, &key.encode()))
    }

    /// Whether the table has the key.
    pub fn has<Q>(&self, from: &impl Reader, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        from.has(&self.name, &key.encode())
    }

    /// The transaction that wrote the key last, the reading one excepted.
    pub fn version_of_previous_write<Q>(&self, from: &impl Reader, key: &Q) -> Option<Seqno>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        from.version_of_previous_write(&self.name, &key.encode())
    }

    /// Number of keys.
    pub fn len(&self, from: &impl Reader) -> usize {
        from.len(&self.name)
    }

    /// Whether there are no keys.
    pub fn is_empty(&self, from: &impl Reader) -> bool {
        from.is_empty(&self.name)
    }

    /// All rows, in the byte order of keys; an error stands for a row of other types.
    pub fn iter<'a>(&'a self, from: &'a impl Reader) -> impl Iterator<Item = Result<(K, V), Malformed>> + 'a {
        from.iter(&self.name).map(|(key, value)| {
            let row = K::decode(key).zip(V::decode(value));
            row.ok_or_else(|| Malformed { table: self.name.clone() })
        })
    }

    /// Sets the value of a key.
    pub fn put<Q>(&self, tx: &mut Tx, key: &Q, value: &V)
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        tx.put(&self.name, Key::new(&key.encode()), Value::new(&value.encode()));
    }

    /// Removes a key if it is there.
    pub fn remove<Q>(&self, tx: &mut Tx, key: &Q)
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        tx.remove(&self.name, Key::new(&key.encode()));
    }

    /// Removes all keys.
    pub fn clear(&self, tx: &mut Tx) {
        tx.clear(&self.name);
    }
}

impl<V: Encode + Decode> Singleton<V> {
    /// Access to the table of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: TableName::new(name), types: PhantomData }
    }

    /// Name of the table.
    #[must_use]
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// The value.
    ///
    /// # Errors
    /// If the bytes stored are no `V`.
    pub fn get(&self, from: &impl Reader) -> Result<Option<V>, Malformed> {
        decode(&self.name, from.get(&self.name, &ONLY_KEY))
    }

    /// Whether there is a value.
    pub fn has(&self, from: &impl Reader) -> bool {
        from.has(&self.name, &ONLY_KEY)
    }

    /// The transaction that wrote the value last, the reading one excepted.
    pub fn version_of_previous_write(&self, from: &impl Reader) -> Option<Seqno> {
        from.version_of_previous_write(&self.name, &ONLY_KEY)
    }

    /// Sets the value.
    pub fn put(&self, tx: &mut Tx, value: &V) {
        tx.put(&self.name, Key::new(&ONLY_KEY), Value::new(&value.encode()));
    }

    /// Removes the value if there is one.
    pub fn remove(&self, tx: &mut Tx) {
        tx.remove(&self.name, Key::new(&ONLY_KEY));
    }
}

fn decode<V: Decode>(table: &TableName, value: Option<Value>) -> Result<Option<V>, Malformed> {
    let Some(value) = value else { return Ok(None) };
    V::decode(&value).map(Some).ok_or_else(|| Malformed { table: table.clone() })
}
