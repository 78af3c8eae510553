//! Selection and order of files.

use super::*;

#[test]
fn files_come_in_order_of_their_first_entry() {
    let names = [
        "ledger_100",
        "ledger_3-13.committed",
        "ledger_21-99.committed",
        "ledger_21",
        "ledger_1-2.committed",
        "ledger_14-20.committed",
        "ledger_5.ignored",
        "ledger_1-2.committed_prefix",
        "ledger_200.recovery",
        "snapshot_1_2.committed",
        ".gitkeep",
    ];
    let expected = [
        "ledger_1-2.committed",
        "ledger_3-13.committed",
        "ledger_14-20.committed",
        "ledger_21-99.committed",
        "ledger_100",
    ];
    assert_eq!(in_order(names, RecoveryFiles::Skip).unwrap(), expected);
    let all = in_order(names, RecoveryFiles::Include).unwrap();
    assert_eq!((&all[..5], all[5]), (&expected[..], "ledger_200.recovery"));
    let damage = in_order(["ledger_1", "ledger_x"], RecoveryFiles::Skip).unwrap_err();
    assert_eq!((damage.file.as_str(), damage.reason), ("ledger_x", Reason::Name));
}
