use coco_wire::{
    Digest,
    peer::{Sealed, SealedKind, SessionId, frame::MAX_PART},
};

use super::*;

fn frame(len: usize) -> Vec<u8> {
    let sealed = Sealed { kind: SealedKind::Message, session: SessionId(1), counter: len as u64 };
    let mut frame = sealed.encode_header(&Digest([7; 32]), len).to_vec();
    frame.resize(frame.len() + len + 16, 9);
    frame
}

#[test]
fn the_same_frames_come_out_however_the_stream_is_split() {
    let frames: Vec<Vec<u8>> = [0, 300, 1, 70_000, 5, 0].map(frame).into();
    let stream = frames.concat();
    for step in [1, 2, 3, 5, 6, 7, 66, 1000, 65_536, stream.len()] {
        let mut cutter = Cutter::default();
        let mut cut = vec![];
        let mut count = 0;
        for piece in stream.chunks(step) {
            count += cutter.feed(piece, |frame| cut.push(frame)).unwrap();
        }
        assert_eq!((count, cutter.buffered()), (frames.len(), 0), "step {step}");
        assert!(cut == frames, "step {step}");
    }
}

#[test]
fn memory_follows_what_came() {
    let mut cutter = Cutter::default();
    let largest = frame(MAX_PART);
    let mut sent = 0;
    for piece in largest[..largest.len() - 1].chunks(1000) {
        cutter.feed(piece, |_| panic!("not whole yet")).unwrap();
        sent += piece.len();
        assert!(cutter.buffered() <= (2 * sent).min(largest.len()), "{} bytes for {sent}", cutter.buffered());
    }
}

#[test]
fn the_first_bytes_are_judged() {
    let good = frame(10);
    let change = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for (name, bytes) in [("length", change(3, 1)), ("version", change(4, 2)), ("kind", change(5, 8))] {
        let mut before = good.clone();
        before.extend_from_slice(&bytes[..6]);
        for step in [1, 6, 1000] {
            let mut cutter = Cutter::default();
            let mut whole = 0;
            let judged = before.chunks(step).try_for_each(|piece| {
                cutter.feed(piece, |frame| whole += usize::from(frame == good)).map(drop)
            });
            assert!(judged.is_err() && whole == 1, "wrong {name} in steps of {step}");
        }
    }
}
