//! Recovery shares: how enough members together, or an owner alone, can recover the ledger secret.
//!
//! Source: CCF `src/node/share_manager.h`. The secret is wrapped by a fresh key; the key is shared among the active
//! participants so that a threshold of them can rebuild it, and given whole to the active owners; each share is
//! encrypted to its member.

use std::collections::BTreeMap;

use coco_crypto::{LedgerSecret, RsaPublicKey, sharing};
use coco_js::HostRefusal;
use coco_kv::Tx;
use coco_tables::{
    members::{MemberStatus, RecoveryRole},
    secrets::{PreviousSecret, RecoveryShares, SecretHistory},
};
use coco_wire::{Digest, Seqno, text::Base64};

use crate::{adapter::Governance, authority::NewestSecrets, host::refused};

/// Encryption keys of active recovery members.
#[derive(Default)]
struct Recipients {
    participants: BTreeMap<Digest, RsaPublicKey>,
    owners: BTreeMap<Digest, RsaPublicKey>,
}

impl Governance {
    /// Issues shares of the newest secret, and leaves a trail from it to the one before.
    pub(crate) fn issue_shares(&self, tx: &mut Tx) -> Result<(), HostRefusal> {
        let NewestSecrets { latest: (version, latest), previous } = self.newest_secrets(tx);
        let trail = self.trail(tx)?;
        self.write_shares(tx, &latest, trail)?;
        let previous = previous.map(|previous| self.link(tx, &latest, previous));
        let history = SecretHistory { previous_ledger_secret: previous, next_version: Some(version) };
        self.tables.secrets.history.put(tx, &history);
        Ok(())
    }

    /// Issues shares of a secret that is for the entries after this transaction, and leaves a trail from it to the one
    /// that it replaces. In a transaction that does so twice, the last one counts.
    pub(crate) fn issue_shares_of_new(&self, tx: &mut Tx, secret: &LedgerSecret) -> Result<(), HostRefusal> {
        let replaced = self.newest_secrets(tx).latest;
        // Where the trail starts is not known before this transaction has its place, which is where it starts.
        self.write_shares(tx, secret, None)?;
        let previous_ledger_secret = Some(self.link(tx, secret, replaced));
        self.tables.secrets.history.put(tx, &SecretHistory { previous_ledger_secret, next_version: None });
        Ok(())
    }

    /// Issues new shares of the newest secret; older shares are good for nothing then.
    pub(crate) fn refresh_shares(&self, tx: &mut Tx) -> Result<(), HostRefusal> {
        let (_, latest) = self.newest_secrets(tx).latest;
        let trail = self.trail(tx)?;
        self.write_shares(tx, &latest, trail)
    }

    /// The secrets in force after the state that the transaction reads: it conflicts with one that sets another secret.
    pub(crate) fn newest_secrets(&self, tx: &Tx) -> NewestSecrets {
        self.tables.secrets.for_nodes.version_of_previous_write(tx);
        (self.authority.ledger_secrets)()
    }

    fn link(
        &self,
        tx: &Tx,
        secret: &LedgerSecret,
        (version, previous): (Seqno, LedgerSecret),
    ) -> PreviousSecret {
        PreviousSecret {
            encrypted_data: Base64(secret.encrypt_previous(&previous, &*self.authority.entropy)),
            version,
            previous_secret_stored_version: self.tables.secrets.history.version_of_previous_write(tx),
        }
    }

    fn write_shares(
        &self,
        tx: &mut Tx,
        secret: &LedgerSecret,
        previous_secret_stored_version: Option<Seqno>,
    ) -> Result<(), HostRefusal> {
        let recipients = self.recipients(tx)?;
        let threshold = self.recovery_threshold(tx)?;
        let count = recipients.count_shares(threshold)?;
        let splitting = sharing::split(threshold, count, &*self.authority.entropy).map_err(refused)?;
        let mut encrypted_shares = BTreeMap::new();
        let parts = recipients.participants.iter().zip(&splitting.shares);
        let wholes = recipients.owners.iter().map(|owner| (owner, &splitting.secret));
        for ((member, key), share) in parts.chain(wholes) {
            let encrypted = key.encrypt_oaep(&*share.to_bytes()).map_err(refused)?;
            encrypted_shares.insert(*member, Base64(encrypted));
        }
        let wrapping_key = splitting.secret.wrapping_key().map_err(refused)?;
        let shares = RecoveryShares {
            wrapped_latest_ledger_secret: Base64(wrapping_key.wrap(secret)),
            encrypted_shares,
            previous_secret_stored_version,
        };
        self.tables.secrets.recovery_shares.put(tx, &shares);
        Ok(())
    }

    /// Where the trail from the newest secret to older ones starts; nowhere if it is the first one.
    fn trail(&self, tx: &Tx) -> Result<Option<Seqno>, HostRefusal> {
        let history = &self.tables.secrets.history;
        let link = history.get(tx).map_err(refused)?.and_then(|history| history.previous_ledger_secret);
        Ok(link.and_then(|_| history.version_of_previous_write(tx)))
    }

    fn recovery_threshold(&self, tx: &Tx) -> Result<usize, HostRefusal> {
        let config = self.tables.service.config.get(tx).map_err(refused)?;
        let threshold = config.map_or(0, |config| config.recovery_threshold);
        match usize::try_from(threshold) {
            Ok(0) => Err(refused("Recovery threshold should be set before recovery shares are computed")),
            Ok(threshold) => Ok(threshold),
            Err(_) => Err(refused("Recovery threshold is out of range")),
        }
    }

    fn recipients(&self, tx: &Tx) -> Result<Recipients, HostRefusal> {
        let members = &self.tables.members;
        let mut recipients = Recipients::default();
        for row in members.encryption_public_keys.iter(tx) {
            let (member, key) = row.map_err(refused)?;
            let info = members.info.get(tx, &member).map_err(refused)?;
            let info =
                info.ok_or_else(|| refused(format!("Recovery member m[{member}] has no member info")))?;
            if info.status != MemberStatus::Active {
                continue;
            }
            let role = match info.recovery_role.unwrap_or(RecoveryRole::Participant) {
                RecoveryRole::Participant => &mut recipients.participants,
                RecoveryRole::Owner => &mut recipients.owners,
                RecoveryRole::NonParticipant => continue,
            };
            let key = RsaPublicKey::from_spki_pem(&key).map_err(|_| {
                refused(format!("Encryption key of recovery member {member} is not an RSA public key in PEM"))
            })?;
            role.insert(member, key);
        }
        Ok(recipients)
    }
}

impl Recipients {
    /// How many parts the key is split into.
    fn count_shares(&self, threshold: usize) -> Result<usize, HostRefusal> {
        match (self.participants.len(), self.owners.len()) {
            (0, 0) => {
                let text = "There should be at least one active recovery member to issue recovery shares";
                Err(refused(text))
            }
            (0, owners) if threshold > 1 => Err(refused(format!(
                "Recovery threshold {threshold} cannot be greater than 1 when the consortium consists of only \
                 active recovery owner members ({owners})"
            ))),
            (0, _) => Ok(1),
            (participants, _) if threshold > participants => Err(refused(format!(
                "Recovery threshold {threshold} should be equal to or less than the number of active recovery \
                 members {participants}"
            ))),
            (participants, _) => Ok(participants),
        }
    }
}
