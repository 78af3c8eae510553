//! The files of a ledger, read as an auditor does.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use coco_audit::{Damage, RecoveryFiles, Report, Verifier, in_order};
use coco_host::record::Image;
use coco_wire::{
    Seqno, TxId,
    chunk::Chunk,
    domain::{KeyOrder, visit_public},
    entry::Entry,
};

/// Names and contents of the files of a ledger, in order.
#[derive(Clone)]
pub struct LedgerFiles(pub Vec<(String, Vec<u8>)>);

/// A write to a public table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicWrite {
    /// The transaction.
    pub id: TxId,
    /// Key.
    pub key: Vec<u8>,
    /// New value.
    pub value: Vec<u8>,
}

/// Times that a directory is read whose files are renamed meanwhile.
const READINGS: usize = 100;

impl LedgerFiles {
    /// Those of a directory.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn read(directory: &Path) -> Self {
        // A running node renames files that are complete.
        let mut readings = (0..READINGS).map(|_| read_all(directory));
        let settled =
            readings.find(|read| !matches!(read, Err(error) if error.kind() == ErrorKind::NotFound));
        let files = settled.expect("names stay for a moment").expect("the ledger directory can be read");
        Self::ordered(&files)
    }

    /// What a loss of power left.
    ///
    /// # Panics
    /// If names are not those of ledger files.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        let named = |(path, content): (&std::path::PathBuf, &Vec<u8>)| {
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), content.clone())
        };
        Self::ordered(&image.files().iter().map(named).collect())
    }

    fn ordered(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let names = in_order(files.keys().map(String::as_str), RecoveryFiles::Skip);
        let names = names.unwrap_or_else(|damage| panic!("{damage}"));
        Self(names.into_iter().map(|name| (name.to_owned(), files[name].clone())).collect())
    }

    /// Verifies all of it.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<Report, Damage> {
        let mut verifier = Verifier::new();
        for (name, bytes) in &self.0 {
            verifier.chunk(name, bytes)?;
        }
        verifier.finish()
    }

    /// Whole entries in order, up to where the last file is torn.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let chunks = self.0.iter().filter_map(|(_, bytes)| Chunk::decode(bytes).ok());
        chunks.flat_map(|chunk| chunk.entries().map_while(Result::ok)).map(|(_, entry)| entry).collect()
    }

    /// Every write to a public table, by number of its transaction.
    ///
    /// # Panics
    /// If an entry is not readable.
    #[must_use]
    pub fn public_writes(&self, table: &str) -> BTreeMap<Seqno, Vec<PublicWrite>> {
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in self.entries() {
            let id = entry.iv().tx_id();
            let collected = visit_public(entry.public_domain(), KeyOrder::Ascending, |change| {
                if let (true, Some(value)) = (change.table == table, change.value) {
                    let write = PublicWrite { id, key: change.key.to_vec(), value: value.to_vec() };
                    found.entry(id.seqno).or_default().push(write);
                }
            });
            collected.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        found
    }

    /// Size of all files in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All files of a directory by name.
fn read_all(directory: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let files = fs::read_dir(directory)?.map(|file| {
        let file = file?;
        Ok((file.file_name().to_string_lossy().into_owned(), fs::read(file.path())?))
    });
    files.collect()
}
