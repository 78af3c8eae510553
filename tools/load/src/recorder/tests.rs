use std::time::{Duration, Instant};

use super::Recorder;

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

#[test]
fn a_request_belongs_by_its_intended_start_and_counts_by_its_answer() {
    let start = Instant::now();
    // Intended, answered, status; then issued, answered, completed, latencies.
    let cases = [
        ((10, 20, 200), (1, 1, 1, 1)),
        ((10, 200, 200), (1, 1, 0, 1)),
        ((200, 210, 200), (0, 0, 0, 0)),
        ((10, 20, 503), (1, 1, 0, 0)),
        ((10, 20, 202), (1, 1, 0, 0)),
        ((10, 20, 204), (1, 1, 1, 1)),
    ];
    for ((intended, answered, status), expected) in cases {
        let mut recorder = Recorder::new(start, at(start, 100));
        recorder.issued(at(start, intended));
        recorder.answered(at(start, intended), at(start, answered), status);
        let found = (recorder.issued, recorder.answered, recorder.completed, recorder.latency.count);
        assert_eq!(found, expected, "{intended} {answered} {status}");
    }
}

#[test]
fn warm_up_requests_count_only_by_their_answer() {
    let start = Instant::now();
    let mut recorder = Recorder::new(at(start, 100), at(start, 200));
    recorder.issued(at(start, 90));
    recorder.answered(at(start, 90), at(start, 110), 200);
    assert_eq!((recorder.issued, recorder.completed, recorder.latency.count), (0, 1, 0));
}

#[test]
fn merging_adds_up() {
    let start = Instant::now();
    let mut total = Recorder::new(start, at(start, 100));
    for status in [200, 404, 404] {
        let mut one = Recorder::new(start, at(start, 100));
        one.issued(start);
        one.issued(start);
        one.answered(start, at(start, 1), status);
        one.broke(&"cut");
        total.merge(one);
    }
    assert_eq!((total.issued, total.answered, total.unanswered()), (6, 3, 3));
    assert_eq!(total.refused.into_iter().collect::<Vec<_>>(), [(404, 2)]);
    assert_eq!((total.broken, total.first_error.as_deref()), (3, Some("cut")));
}
