//! Which files of a directory are a ledger, in order.

use coco_wire::chunk::{ChunkMark, ChunkName, ChunkPhase};

use crate::damage::{Damage, Reason};

/// What to do with files of a recovery that has not opened the service yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryFiles {
    /// Verify up to the recovery.
    Skip,
    /// Verify through it.
    Include,
}

/// The names among `names` that form the ledger, in the order in which to feed them. Of an open and a
/// committed file with the same start, as left in two directories, the committed one. Set-aside files
/// (`.ignored`), downloads (`.committed_prefix`) and names that do not start with `ledger_` are left out.
///
/// # Errors
/// [`Reason::Name`] when a name looks like a ledger file but is none.
pub fn in_order<'a>(
    names: impl IntoIterator<Item = &'a str>,
    recovery: RecoveryFiles,
) -> Result<Vec<&'a str>, Damage> {
    let mut files = Vec::new();
    for text in names {
        if !text.starts_with("ledger_") || text.ends_with(".committed_prefix") {
            continue;
        }
        let name: ChunkName = text.parse().map_err(|_| Damage {
            file: text.to_owned(),
            offset: 0,
            seqno: None,
            reason: Reason::Name,
        })?;
        match name.mark {
            ChunkMark::None => {}
            ChunkMark::Recovery if recovery == RecoveryFiles::Include => {}
            ChunkMark::Recovery | ChunkMark::Ignored => continue,
        }
        let open = name.phase == ChunkPhase::Open;
        files.push((name.first, open, name, text));
    }
    files.sort_unstable();
    files.dedup_by_key(|(first, ..)| *first);
    Ok(files.into_iter().map(|(.., text)| text).collect())
}

#[cfg(test)]
mod tests;
