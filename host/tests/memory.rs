//! Pages of a whole process, which therefore has no other test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use coco_host::memory::SmallPages;
use rustix::thread::transparent_huge_pages_are_disabled;

fn small() -> bool {
    transparent_huge_pages_are_disabled().unwrap()
}

#[test]
fn pages_are_small_for_a_while() {
    let pages = SmallPages::begin();
    assert!(small());
    drop(SmallPages::begin());
    assert!(small(), "another one allowed what the first does not");
    drop(pages);
    assert!(!small());
}
