//! The ledger secrets from the files of a ledger and members' shares alone, as whoever recovers a lost service finds them.

use std::collections::BTreeMap;

use coco_crypto::{
    LedgerSecret, RsaKey,
    sharing::{Share, recombine},
};
use coco_ledger::LedgerSecrets;
use coco_tables::secrets::{RecoveryShares, SecretHistory};
use coco_wire::{Digest, Seqno};
use serde_json::from_slice;

use crate::LedgerFiles;

const SHARES: &str = "public:ccf.internal.recovery_shares";
const HISTORY: &str = "public:ccf.internal.historical_encrypted_ledger_secret";

/// A member who has the key to a share.
pub struct Holder<'a> {
    /// The member.
    pub member: Digest,
    /// Decrypts the share.
    pub key: &'a RsaKey,
}

/// Why there are no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRecovered;

/// All secrets, of which the newest is in shares, and each leads to the one before.
///
/// # Errors
/// If the holders together do not have what it takes.
///
/// # Panics
/// If the ledger lacks a link of the chain.
pub fn secrets(files: &LedgerFiles, holders: &[Holder<'_>]) -> Result<LedgerSecrets, NotRecovered> {
    let (shared_at, shares) = last::<RecoveryShares>(files, SHARES);
    let newest = combine(&shares, holders)?;
    let history: BTreeMap<Seqno, SecretHistory> = rows(files, HISTORY)
        .into_iter()
        .map(|(seqno, row)| (seqno, from_slice(&row).expect("a link")))
        .collect();

    // Shares name the transaction that set the secret, unless they are in it.
    let mut set_at = shares.previous_secret_stored_version.unwrap_or(shared_at);
    assert_eq!(history.keys().last(), Some(&set_at), "no later secret than the one in shares");
    let mut found =
        BTreeMap::from([(history[&set_at].next_version.unwrap_or(set_at.next()), newest.clone())]);
    let mut secret = newest;
    while let Some(link) = &history[&set_at].previous_ledger_secret {
        secret = secret.decrypt_previous(&link.encrypted_data.0).expect("each opens the one before");
        found.insert(link.version, secret.clone());
        let Some(before) = link.previous_secret_stored_version else { break };
        assert!(before < set_at, "the chain goes back");
        set_at = before;
    }
    assert_eq!(found.len(), history.len(), "each row is a link");
    Ok(found.into_iter().collect())
}

/// The secret in shares.
fn combine(shares: &RecoveryShares, holders: &[Holder<'_>]) -> Result<LedgerSecret, NotRecovered> {
    let share = |holder: &Holder<'_>| {
        let encrypted = shares.encrypted_shares.get(&holder.member)?;
        let bytes = holder.key.decrypt_oaep(&encrypted.0).ok()?;
        Share::from_bytes(&bytes).ok()
    };
    let parts: Vec<Share> = holders.iter().map(share).collect::<Option<_>>().ok_or(NotRecovered)?;
    let whole = recombine(&parts, parts.len()).map_err(|_| NotRecovered)?;
    let key = whole.wrapping_key().map_err(|_| NotRecovered)?;
    key.unwrap(&shares.wrapped_latest_ledger_secret.0).map_err(|_| NotRecovered)
}

/// Values of a table's only row, by transaction.
fn rows(files: &LedgerFiles, table: &str) -> BTreeMap<Seqno, Vec<u8>> {
    let value = |(seqno, writes): (Seqno, Vec<crate::ledger::PublicWrite>)| {
        let [write] = &writes[..] else { panic!("{table} has one row") };
        assert_eq!(write.key, [0; 8]);
        (seqno, write.value.clone())
    };
    files.public_writes(table).into_iter().map(value).collect()
}

fn last<T: serde::de::DeserializeOwned>(files: &LedgerFiles, table: &str) -> (Seqno, T) {
    let (seqno, row) = rows(files, table).pop_last().unwrap_or_else(|| panic!("{table} has a row"));
    (seqno, from_slice(&row).unwrap_or_else(|error| panic!("{table}: {error}")))
}
