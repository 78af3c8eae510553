use super::{Figures, Goal, median};

const FLOOR: Goal = Goal::AtLeast { must: 0.5, aim: 0.65 };
const CEILING: Goal = Goal::AtMost { must: 20.0, aim: 5.0 };

#[test]
fn medians() {
    let cases: [(&[f64], f64); 3] = [(&[3.0], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)];
    for (values, expected) in cases {
        assert_eq!(median(values), expected, "{values:?}");
    }
    assert!(median(&[]).is_nan());
}

#[test]
fn verdicts() {
    for (goal, value, met, verdict) in [
        (FLOOR, 0.7, true, "aim reached"),
        (FLOOR, 0.65, true, "aim reached"),
        (FLOOR, 0.5, true, "ok"),
        (FLOOR, 0.49, false, "MISSED"),
        (CEILING, 5.0, true, "aim reached"),
        (CEILING, 20.0, true, "ok"),
        (CEILING, 20.1, false, "MISSED"),
        (FLOOR, f64::NAN, false, "MISSED"),
        (CEILING, f64::NAN, false, "MISSED"),
    ] {
        assert_eq!((goal.is_met(value), goal.verdict(value)), (met, verdict), "{goal:?} {value}");
    }
}

#[test]
fn the_median_counts() {
    let mut figures = Figures::default();
    for (ratio, millis) in [(0.4, 1.0), (0.6, 30.0), (0.7, 40.0)] {
        figures.add("ratio", "", Some(FLOOR), ratio);
        figures.add("latency", "ms", Some(CEILING), millis);
        figures.add("for information", "/s", None, 1234.5);
    }
    assert_eq!(figures.missed(), ["latency"]);
    let table = figures.to_string();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["ratio", "0.600", "[0.400", "..", "0.700]", "≥", "0.5", "0.65", "ok"]);
    let latency = ["latency", "ms", "30.000", "[1.000", "..", "40.000]", "≤", "20", "5", "MISSED"];
    assert_eq!(lines[2], latency);
    assert_eq!(lines[3], ["for", "information", "/s", "1234", "[1234", "..", "1234]"]);
}
