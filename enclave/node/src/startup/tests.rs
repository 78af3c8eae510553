use coco_wire::snapshot::view_history;

use super::*;

#[test]
fn views_are_those_that_have_entries() {
    let cases: [&[(u64, u64)]; 4] =
        [&[(2, 1)], &[(2, 1), (3, 10)], &[(2, 1), (5, 10), (6, 11)], &[(1, 1), (9, 1_000_000)]];
    for case in cases {
        let history = view_history(
            case.iter().map(|(view, seqno)| (ViewNumber(*view), Seqno(*seqno))),
            Seqno(1_000_000),
        );
        let found: Vec<_> = views(&history).iter().map(|first| (first.view.0, first.seqno.0)).collect();
        assert_eq!(found, case);
    }
    assert!(views(&[]).is_empty());
}
