use coco_boundary::Level;

use super::{parse_level, stop_with};

#[test]
fn levels() {
    for (text, level) in [("trace", Level::Trace), ("INFO", Level::Info), ("Fatal", Level::Fatal)] {
        assert_eq!(parse_level(text), Ok(level));
    }
    assert!(parse_level("loud").is_err());
}

#[test]
fn only_the_parent_is_followed() {
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(!stop_with(own), "a process is not its own parent");
    assert!(!stop_with(0));
    assert!(stop_with(i32::try_from(std::os::unix::process::parent_id()).unwrap()));
}
