//! What a client sends, changed again and again.

use coco_fuzz::{Campaign, Target, Work, variants};

use super::*;

#[test]
fn frames() {
    let mut campaign = Campaign::new("websocket");
    let seeds = [
        frame(0x81, b"{\"id\":1}"),
        [frame(0x01, b"a"), frame(0x89, b"b"), frame(0x00, b""), frame(0x80, "ä".as_bytes())].concat(),
        [frame(0x81, &[b'x'; 300]), frame(0x88, b"\x03\xe8bye")].concat(),
    ];
    let words: &[&[u8]] =
        &[b"\x88\x82\0\0\0\0\x03\xe8", b"\x89\x80\0\0\0\0", b"\x81\xfe\0\x7e", b"\x00\x80\0\0\0\0"];
    campaign.run(Target::new("frames", Work::Parse, &seeds).with(words), |bytes| {
        let whole = feed(bytes, 4000);
        assert_eq!(feed(bytes, 5), whole, "however they are cut");
        match whole {
            (seen, None) => Ok(seen.len().min(8) as u64),
            (_, Some(violation)) => Err(violation),
        }
    });
    campaign.finish(&variants(include_str!("../../close.rs"), "Violation"));
}
