//! Transaction status over a ledger with several views.

use super::*;

fn txid(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

#[test]
fn status_follows_from_views_and_commit() {
    let chain = Chain {
        views: [(View(2), Seqno(1)), (View(4), Seqno(10))].into(),
        committed: txid(4, 12),
        latest: txid(4, 15),
    };
    let cases = [
        (txid(2, 1), TxStatus::Committed),
        (txid(2, 9), TxStatus::Committed),
        (txid(2, 10), TxStatus::Invalid),
        (txid(4, 9), TxStatus::Invalid),
        (txid(4, 12), TxStatus::Committed),
        (txid(4, 13), TxStatus::Pending),
        (txid(2, 13), TxStatus::Invalid),
        (txid(3, 99), TxStatus::Invalid),
        (txid(4, 16), TxStatus::Unknown),
        (txid(5, 13), TxStatus::Unknown),
        (txid(0, 0), TxStatus::Invalid),
    ];
    for (id, status) in cases {
        assert_eq!(chain.status(id), status, "{id}");
    }
}
