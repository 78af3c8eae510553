use super::{difference, text};

#[test]
fn the_first_difference_is_named() {
    for (one, other, expected) in [
        (&b"same"[..], &b"same"[..], None),
        (b"", b"", None),
        (b"same", b"some", Some(1)),
        (b"same", b"same and more", Some(4)),
        (b"", b"more", Some(0)),
    ] {
        assert_eq!(difference(one, other), expected);
        assert_eq!(difference(other, one), expected);
    }
    assert_eq!(text(b"before\0here", 7), "before.here");
    assert_eq!(text(b"short", 5), "short");
    assert_eq!(text(b"", 9), "");
}
