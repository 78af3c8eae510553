use super::cases::{CASES, Measure};
use super::summary::median;

#[test]
fn medians() {
    let cases: [(&[f64], f64); 4] =
        [(&[], 0.0), (&[3.0], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)];
    for (values, expected) in cases {
        assert_eq!(median(values.to_vec()), expected, "{values:?}");
    }
}

#[test]
fn goals_know_which_way_is_better() {
    for (measure, better) in [
        (Measure::OfCeiling, 0.9),
        (Measure::OfCase("write"), 0.9),
        (Measure::PerSecond, 0.9),
        (Measure::ServerMicros, 0.1),
        (Measure::MedianMillis, 0.1),
    ] {
        assert!(measure.reaches(better, 0.5), "{measure:?}");
        assert!(measure.reaches(0.5, 0.5), "{measure:?}");
        assert!(!measure.reaches(1.0 - better, 0.5), "{measure:?}");
    }
}

#[test]
fn an_aim_is_never_easier_than_its_must() {
    for case in CASES {
        for goal in case.goals {
            assert!(goal.measure.reaches(goal.aim, goal.must), "{} {:?}", case.name, goal.measure);
        }
    }
}

#[test]
fn cases_refer_to_cases() {
    for goal in CASES.iter().flat_map(|case| case.goals) {
        if let Measure::OfCase(name) = goal.measure {
            assert!(CASES.iter().any(|case| case.name == name), "{name}");
        }
    }
}
