use super::{
    PreviousSignature::{self, Appended, Committed, Signing},
    SigningDecision::{self, At, Sign, Wait},
    SigningPolicy, SigningState, Timing,
};

fn decide(timing: Timing, previous: PreviousSignature, previous_ms: u64, unsigned: u64) -> SigningDecision {
    let policy = SigningPolicy { timing, tx_count: 100, delay_ms: 50 };
    policy.decide(&SigningState { now_ms: 1000, unsigned, previous, previous_ms })
}

#[test]
fn adaptive() {
    let cases = [
        ("nothing to sign", Committed, 0, 0, Wait),
        ("idle", Committed, 900, 1, Sign),
        ("at the minimum interval", Committed, 990, 1, Sign),
        ("before it", Committed, 998, 1, At(1008)),
        ("too many to wait for it", Committed, 998, 100, Sign),
        ("previous not committed", Appended, 990, 99, At(1040)),
        ("previous not committed for long", Appended, 950, 1, Sign),
        ("too many to wait for it", Appended, 998, 100, Sign),
        ("one at a time", Signing, 0, 100_000, Wait),
    ];
    for (name, previous, previous_ms, unsigned, expected) in cases {
        assert_eq!(decide(Timing::ADAPTIVE, previous, previous_ms, unsigned), expected, "{name}");
    }
    let slow = Timing::Adaptive { min_interval_ms: 500 };
    assert_eq!(decide(slow, Committed, 990, 1), At(1040), "never later than the delay");
}

#[test]
fn fixed() {
    let cases = [
        ("nothing to sign", Committed, 0, 0, Wait),
        ("before the delay", Committed, 951, 99, At(1001)),
        ("after it", Committed, 950, 1, Sign),
        ("commits do not matter", Appended, 951, 99, At(1001)),
        ("count", Appended, 999, 100, Sign),
        ("one at a time", Signing, 0, 100_000, Wait),
    ];
    for (name, previous, previous_ms, unsigned, expected) in cases {
        assert_eq!(decide(Timing::Fixed, previous, previous_ms, unsigned), expected, "{name}");
    }
}
