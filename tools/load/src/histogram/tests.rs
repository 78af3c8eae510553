use std::time::Duration;

use proptest::prelude::*;

use super::{BUCKETS, Histogram, LARGEST, bucket, middle};

#[test]
fn small_values_are_exact() {
    for value in 0..256 {
        assert_eq!(middle(bucket(value)), value);
    }
}

#[test]
fn the_largest_value_has_a_bucket() {
    assert_eq!(bucket(LARGEST - 1), BUCKETS - 2);
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
}

#[test]
fn quantiles_of_a_known_set() {
    let mut histogram = Histogram::default();
    for micros in 1..=1_000 {
        histogram.record(Duration::from_micros(micros));
    }
    for (share, expected) in [(0.0, 1.0), (0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (1.0, 1_000.0)] {
        let found = histogram.quantile(share);
        assert!((found - expected).abs() <= expected / 100.0, "{share}: {found}");
    }
    assert_eq!((histogram.least(), histogram.most(), histogram.mean()), (1.0, 1_000.0, 500.5));
}

#[test]
fn an_empty_histogram_is_all_zero() {
    let histogram = Histogram::default();
    assert_eq!(
        (histogram.quantile(0.5), histogram.least(), histogram.most(), histogram.mean()),
        (0.0, 0.0, 0.0, 0.0)
    );
}

#[test]
fn merging_equals_recording_together() {
    let (mut left, mut right, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
    for nanos in (0..2_000_000_u64).step_by(997) {
        let half = if nanos % 2 == 0 { &mut left } else { &mut right };
        half.record(Duration::from_nanos(nanos));
        both.record(Duration::from_nanos(nanos));
    }
    left.merge(&right);
    assert_eq!(left.count, both.count);
    for share in [0.01, 0.5, 0.999] {
        assert_eq!(left.quantile(share), both.quantile(share));
    }
}

proptest! {
    #[test]
    fn a_bucket_is_narrow_and_in_order(value in 0..LARGEST) {
        let error = middle(bucket(value)).abs_diff(value);
        prop_assert!(error * 128 <= value, "{value} is off by {error}");
        prop_assert!(bucket(value) <= bucket(value + 1));
    }
}
