use proptest::{collection::vec, prelude::*};

use super::*;

const SENDER: Digest = Digest([7; 32]);

/// Every kind once, with how long it is.
fn samples() -> Vec<(Vec<u8>, usize)> {
    let attempt = AttemptId(1);
    let session = SessionId(2);
    let (signature, certificate) = (&[3; 96][..], &[4; 700][..]);
    let respond = Respond { attempt, share: [5; 32], signature, certificate };
    let initiate = Initiate { attempt, share: [5; 32], address: "host:1234", signature, certificate };
    let mut samples = vec![
        (initiate.encode(&SENDER), 78 + 2 + 9 + 1 + 96 + 700),
        (respond.encode(&SENDER), 78 + 1 + 96 + 700),
        (Finish { session, signature, certificate }.encode(&SENDER), 46 + 1 + 96 + 700),
    ];
    let sealed = |kind, len| {
        let mut frame = Sealed { kind, session, counter: 6 }.encode_header(&SENDER, len).to_vec();
        frame.resize(frame.len() + len + TAG_LEN, 8);
        frame
    };
    samples.push((sealed(SealedKind::Confirm, 0), 54 + 16));
    for kind in [SealedKind::Message, SealedKind::First, SealedKind::Next, SealedKind::Last] {
        samples.push((sealed(kind, 10), 54 + 10 + 16));
    }
    samples.push((sealed(SealedKind::Message, MAX_PART), MAX_FRAME));
    samples
}

fn encode(frame: &Frame<'_>, bytes: &[u8]) -> Vec<u8> {
    match frame.step {
        Step::Initiate(initiate) => initiate.encode(&frame.sender),
        Step::Respond(respond) => respond.encode(&frame.sender),
        Step::Finish(finish) => finish.encode(&frame.sender),
        Step::Sealed(sealed) => {
            let content = &bytes[SEALED_HEADER_LEN..];
            let header = sealed.encode_header(&frame.sender, content.len() - TAG_LEN);
            [&header, content].concat()
        }
    }
}

#[test]
fn frames_cross_unchanged() {
    for (bytes, len) in samples() {
        assert_eq!(bytes.len(), len);
        assert_eq!(frame_len(&bytes), Ok(Some(len)));
        let frame = Frame::decode(&bytes).unwrap();
        assert_eq!(frame.sender, SENDER);
        assert_eq!(encode(&frame, &bytes), bytes);
    }
}

#[test]
fn cut_and_extended_frames_are_refused() {
    for (bytes, len) in samples() {
        for cut in (0..len.min(2000)).chain(len - 1..len) {
            assert!(Frame::decode(&bytes[..cut]).is_err(), "cut to {cut} of {len}");
        }
        assert_eq!(Frame::decode(&[&bytes[..], &[0]].concat()), Err(FrameError::Length));
    }
}

#[test]
fn a_stream_is_judged_by_six_bytes() {
    let start = |length: usize, version: u8, kind: u8| {
        let mut start = u32::try_from(length - 4).unwrap().to_le_bytes().to_vec();
        start.extend([version, kind]);
        start
    };
    let cases = [
        (start(MAX_HANDSHAKE, 1, INITIATE), Ok(Some(MAX_HANDSHAKE))),
        (start(MAX_HANDSHAKE + 1, 1, INITIATE), Err(FrameError::Length)),
        (start(MAX_HANDSHAKE, 1, RESPOND), Ok(Some(MAX_HANDSHAKE))),
        (start(MAX_HANDSHAKE + 1, 1, FINISH), Err(FrameError::Length)),
        (start(70, 1, CONFIRM), Ok(Some(70))),
        (start(71, 1, CONFIRM), Err(FrameError::Length)),
        (start(MAX_FRAME, 1, MESSAGE), Ok(Some(MAX_FRAME))),
        (start(MAX_FRAME + 1, 1, LAST), Err(FrameError::Length)),
        (start(69, 1, MESSAGE), Err(FrameError::Length)),
        (start(100, 1, 8), Err(FrameError::Kind(8))),
        (start(100, 2, MESSAGE), Err(FrameError::Version(2))),
        (start(100, 1, MESSAGE)[..5].to_vec(), Ok(None)),
        (vec![0xff; 6], Err(FrameError::Version(0xff))),
    ];
    for (bytes, expected) in cases {
        assert_eq!(frame_len(&bytes), expected, "{bytes:?}");
    }
}

#[test]
fn addresses_are_short_text() {
    let initiate = |address| Initiate {
        attempt: AttemptId(1),
        share: [5; 32],
        address,
        signature: &[3; 96],
        certificate: &[4; 700],
    };
    let text = "a".repeat(MAX_ADDRESS + 1);
    let mut good = initiate(&text[1..]).encode(&SENDER);
    assert!(Frame::decode(&good).is_ok());
    assert_eq!(Frame::decode(&initiate(&text).encode(&SENDER)), Err(FrameError::Fields));
    good[HEADER_LEN + 8 + SHARE_LEN + 2] = 0xff;
    assert_eq!(Frame::decode(&good), Err(FrameError::Fields), "no text");
}

#[test]
fn proofs_have_a_signature_and_a_certificate() {
    let (signature, certificate) = (&[3; 96][..], &[4; 8][..]);
    let good = Finish { session: SessionId(1), signature, certificate }.encode(&SENDER);
    let at = HEADER_LEN + 8;
    for (len, expected) in [(96, true), (0, false), (103, true), (104, false), (133, false), (255, false)] {
        let mut bytes = good.clone();
        bytes[at] = len;
        assert_eq!(Frame::decode(&bytes).is_ok(), expected, "{len}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_have_one_encoding(
        kind in 0_u8..9, rest in vec(any::<u8>(), 0..300), random in vec(any::<u8>(), 0..100),
    ) {
        let mut bytes = u32::try_from(rest.len() + 2).unwrap().to_le_bytes().to_vec();
        bytes.extend([VERSION, kind]);
        bytes.extend(rest);
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(encode(&frame, &bytes), bytes);
        }
        let _ = (Frame::decode(&random), frame_len(&random));
    }
}
