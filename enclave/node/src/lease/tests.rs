use super::*;

#[test]
fn those_who_stay_are_a_majority() {
    assert_eq!([0, 1, 2, 3, 4, 5, 7].map(spared), [0, 0, 0, 1, 1, 2, 3]);
}

#[test]
fn times_follow_from_the_lease() {
    let times = |seconds| {
        let Times { renew, patience, retry } = Times::of(Lease { seconds });
        [renew, patience, retry]
    };
    assert_eq!(times(10), [3_333, 3_333, 1_000]);
    assert_eq!(times(3600), [1_200_000, 30_000, 30_000]);
    assert_eq!(times(u64::MAX), [u64::MAX / 3, 30_000, 30_000]);
}

#[test]
fn evidence_grows_old() {
    let lease = Lease { seconds: 10 };
    let appraisal = Appraisal { time: 100, renewal: None, eviction: None };
    assert_eq!([99, 109, 110].map(|now| is_expired(Some(&appraisal), lease, now)), [false, false, true]);
    assert!(is_expired(None, lease, 0));
    let latest = Appraisal { time: u64::MAX, ..appraisal };
    assert!(!is_expired(Some(&latest), lease, u64::MAX - 1));
}
