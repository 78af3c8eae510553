use proptest::prelude::*;

use super::*;
use crate::GcmKey;

/// Cuts `bytes` where `cuts` say.
fn pieces<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = bytes.split_at((*cut).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

fn seal(key: &[u8; 32], iv: &Iv, aad: &[&[u8]], text: &[&[u8]]) -> (Vec<u8>, Tag) {
    let mut sealer = GcmSealer::new(key, iv);
    aad.iter().for_each(|piece| sealer.aad(piece));
    let mut out = Vec::new();
    for piece in text {
        let mut piece = piece.to_vec();
        sealer.seal(&mut piece);
        out.extend(piece);
    }
    (out, sealer.finish())
}

fn open(key: &[u8; 32], iv: &Iv, aad: &[&[u8]], text: &[&[u8]], tag: &Tag) -> Result<Vec<u8>, NotAuthentic> {
    let mut opener = GcmOpener::new(key, iv);
    aad.iter().for_each(|piece| opener.aad(piece));
    let mut out = Vec::new();
    for piece in text {
        let mut piece = piece.to_vec();
        opener.open(&mut piece);
        out.extend(piece);
    }
    opener.finish(tag).map(|()| out)
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        proptest::collection::vec(any::<u8>(), 0..max),
        Just(vec![7; STRIDE]),
        Just(vec![7; 2 * STRIDE + 1]),
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![0..40_usize, 0..9000_usize], 0..12)
}

proptest! {
    #[test]
    fn pieces_give_what_one_piece_gives(
        key: [u8; 32],
        iv: [u8; 12],
        aad in bytes(300),
        text in bytes(20_000),
        aad_cuts in cuts(),
        text_cuts in cuts(),
        other_cuts in cuts(),
    ) {
        let mut sealed = text.clone();
        let tag = GcmKey::new(&key).seal_in_place(&iv, &aad, &mut sealed);
        let aad_pieces = pieces(&aad, &aad_cuts);
        let made = seal(&key, &iv, &aad_pieces, &pieces(&text, &text_cuts));
        prop_assert_eq!(&made, &(sealed.clone(), tag));
        let opened = open(&key, &iv, &aad_pieces, &pieces(&sealed, &other_cuts), &tag);
        prop_assert_eq!(opened, Ok(text.clone()));

        let mut cipher = GcmCipher::new(&key, &iv);
        let mut again = text;
        again.chunks_mut(1 + text_cuts.len()).for_each(|piece| cipher.apply(piece));
        prop_assert_eq!(again, sealed);
    }
}

#[test]
fn any_changed_bit_is_refused() {
    let (key, iv) = ([1; 32], [2; 12]);
    let (aad, text) = (b"additional data".to_vec(), b"some text, longer than a block".to_vec());
    let (sealed, tag) = seal(&key, &iv, &[&aad], &[&text]);
    assert_eq!(open(&key, &iv, &[&aad], &[&sealed], &tag), Ok(text));
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..8 * aad.len() {
        assert!(open(&key, &iv, &[&flipped(&aad, bit)], &[&sealed], &tag).is_err(), "aad bit {bit}");
    }
    for bit in 0..8 * sealed.len() {
        assert!(open(&key, &iv, &[&aad], &[&flipped(&sealed, bit)], &tag).is_err(), "text bit {bit}");
    }
    for bit in 0..8 * tag.len() {
        let tag = flipped(&tag, bit).try_into().unwrap();
        assert!(open(&key, &iv, &[&aad], &[&sealed], &tag).is_err(), "tag bit {bit}");
    }
    let (head, tail) = sealed.split_at(16);
    assert!(open(&key, &iv, &[&aad, head], &[tail], &tag).is_err(), "text moved into the additional data");
    assert!(open(&key, &iv, &[&aad], &[head], &tag).is_err(), "cut");
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", GcmSealer::new(&[0x41; 32], &[0x41; 12]));
    assert!(!shown.contains("41") && !shown.contains("65"), "{shown}");
}

#[test]
fn it_moves_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<(GcmCipher, GcmSealer, GcmOpener)>();
}
