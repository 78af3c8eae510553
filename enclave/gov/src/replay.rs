//! Refuses proposals that were submitted before.
//!
//! Anyone who sees the ledger holds signed proposals and could submit them again. The service therefore remembers
//! the newest ones and refuses what is older than the median of these (CCF `src/node/gov/handlers/proposals.h`).

use coco_app::{ErrorCode, Reject, Status};
use coco_crypto::hash::sha256;
use coco_kv::Tx;
use coco_tables::value::JsonText;

use crate::{
    adapter::Governance,
    gate::{Signed, internal},
};

/// Number of proposals remembered unless the members decide otherwise.
pub(crate) const DEFAULT_WINDOW: u64 = 100;

/// Latest creation time whose decimal form sorts as the number does.
const MAX_CREATED_AT_S: i64 = 9_999_999_999;

/// Orders of the curves P-256, P-384 and P-521, each as long as half a signature.
const ORDERS: [&str; 3] = [
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
     51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
];

impl Governance {
    /// Remembers the signed proposal under `id`, unless it was seen before or is too old to tell.
    pub(crate) fn admit_once(&self, tx: &mut Tx, signed: &Signed<'_>, id: &str) -> Result<(), Reject> {
        let bad_request = |code, message: String| Reject::new(Status::BAD_REQUEST, code, message);
        let created_at_s = signed.message.created_at_s.unwrap_or(0);
        if created_at_s > MAX_CREATED_AT_S {
            let text = "Header parameter created_at value is too large";
            return Err(bad_request(ErrorCode::InvalidCreatedAt, text.into()));
        }
        let created_at = format!("{created_at_s:0>10}");
        let key_of = |signature: &[u8]| format!("{created_at}:{}", sha256(signature));
        let recent = &self.tables.proposals.cose_recent_proposals;
        let signature = &signed.message.signature;
        let key = key_of(signature);
        for key in [Some(key.clone()), twin(signature).map(|twin| key_of(&twin))].into_iter().flatten() {
            if let Some(JsonText(earlier)) = recent.get(tx, &key).map_err(internal)? {
                let text = format!("Proposal submission replay, already exists as proposal {earlier}");
                return Err(bad_request(ErrorCode::ProposalReplay, text));
            }
        }
        let kept: Result<Vec<_>, _> = recent.iter(tx).map(|row| row.map(|(key, _)| key)).collect();
        let kept = kept.map_err(internal)?;
        let median = kept.get(kept.len() / 2).map(|key| key.split(':').next().unwrap_or(key));
        if let Some(median) = median.filter(|median| *created_at < **median) {
            let text = format!("Proposal created too long ago, created_at must be greater than {median}");
            return Err(bad_request(ErrorCode::ProposalCreatedTooLongAgo, text));
        }
        let surplus = kept.len().saturating_sub(self.replay_window(tx)?.saturating_sub(1));
        recent.put(tx, &key, &JsonText(id.to_owned()));
        for old in &kept[..surplus] {
            recent.remove(tx, old);
        }
        Ok(())
    }

    fn replay_window(&self, tx: &Tx) -> Result<usize, Reject> {
        let config = self.tables.service.config.get(tx).map_err(internal)?;
        let window = config.and_then(|config| config.recent_cose_proposals_window_size);
        Ok(usize::try_from(window.unwrap_or(DEFAULT_WINDOW)).unwrap_or(usize::MAX))
    }
}

/// The other signature that is as good as this ECDSA signature r ‖ s: r ‖ n − s. Anyone can make it without
/// the key, so that a message with it is the same message submitted again.
fn twin(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let order = ORDERS.iter().find(|order| order.len() == 2 * s.len())?;
    let order = coco_wire::text::decode_hex(order).expect("the constants are hexadecimal");
    let mut twin = r.to_vec();
    let mut borrow = false;
    let mut difference: Vec<u8> = order
        .iter()
        .zip(s)
        .rev()
        .map(|(n, s)| {
            let (byte, under) = n.overflowing_sub(*s);
            let (byte, under_by_borrow) = byte.overflowing_sub(u8::from(borrow));
            borrow = under || under_by_borrow;
            byte
        })
        .collect();
    difference.reverse();
    twin.append(&mut difference);
    Some(twin)
}

#[cfg(test)]
mod tests;
