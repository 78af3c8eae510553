use super::*;

#[test]
fn the_next_snapshot_waits_longer_after_one_that_took_long() {
    let last = |took_ms| Last { at: Monotonic(1000), took_ms, seqno: Seqno(10) };
    let cases =
        [(0, 1000, false), (50, 1000, true), (20, 1999, true), (20, 2000, false), (u64::MAX, 5000, true)];
    for (took_ms, now, expected) in cases {
        assert_eq!(last(took_ms).is_too_near(Monotonic(now)), expected, "{took_ms} ms, at {now}");
    }
}
