//! Changes of status.

use super::*;

#[test]
fn status_changes() {
    use ServiceStatus::{Open, Opening, Recovering, WaitingForRecoveryShares as Waiting};
    let all = [Opening, Open, Waiting, Recovering];
    for (from, allowed) in [
        (None, &[Opening][..]),
        (Some(Opening), &[Opening, Open, Waiting]),
        (Some(Open), &[Opening, Open, Recovering]),
        (Some(Recovering), &[Opening, Recovering, Waiting]),
        (Some(Waiting), &[Opening, Waiting, Open]),
    ] {
        for to in all {
            assert_eq!(may_follow(from, to), allowed.contains(&to), "{from:?} to {to:?}");
        }
    }
}
