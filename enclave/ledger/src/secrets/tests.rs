use super::*;

fn secret(byte: u8) -> LedgerSecret {
    LedgerSecret::from_bytes(&[byte; 32])
}

fn known(secrets: &LedgerSecrets) -> Vec<u64> {
    secrets.iter().map(|(from, _)| from.0).collect()
}

#[test]
fn each_is_for_the_entries_up_to_the_next() {
    let mut secrets = LedgerSecrets::new(Seqno(1), secret(1));
    secrets.add(Seqno(5), secret(2));
    secrets.add(Seqno(6), secret(3));
    let expected = [(0, None), (1, Some(1)), (4, Some(1)), (5, Some(2)), (6, Some(3)), (u64::MAX, Some(3))];
    for (seqno, byte) in expected {
        assert_eq!(secrets.at(Seqno(seqno)), byte.map(secret).as_ref(), "{seqno}");
    }
}

#[test]
fn what_was_learnt_goes_with_the_entry_that_set_it() {
    for (to, left) in [(9, vec![1, 5, 10]), (8, vec![1, 5]), (4, vec![1, 5]), (3, vec![1]), (0, vec![1])] {
        let mut secrets = LedgerSecrets::new(Seqno(1), secret(1));
        secrets.add(Seqno(5), secret(2));
        secrets.add(Seqno(10), secret(3));
        let before = secrets.clone();
        secrets.rollback(Seqno(to));
        assert_eq!(known(&secrets), left, "{to}");
        assert_eq!(known(&before), [1, 5, 10], "clones are independent");
        secrets.add(Seqno(to).next().next(), secret(9));
        assert_eq!(secrets.at(Seqno(20)), Some(&secret(9)), "another takes its place");
    }
}

#[test]
fn what_was_given_stays() {
    let mut secrets: LedgerSecrets =
        [(Seqno(1), secret(1)), (Seqno(5), secret(2)), (Seqno(10), secret(3))].into_iter().collect();
    secrets.add(Seqno(15), secret(4));
    secrets.add(Seqno(10), secret(8));
    for (to, left) in [(14, vec![1, 5, 10, 15]), (13, vec![1, 5, 10]), (2, vec![1, 5, 10])] {
        let mut secrets = secrets.clone();
        secrets.rollback(Seqno(to));
        assert_eq!(known(&secrets), left, "{to}");
        assert_eq!(secrets.at(Seqno(12)), Some(&secret(3)));
    }
    assert!(known(&LedgerSecrets::default()).is_empty());
}
