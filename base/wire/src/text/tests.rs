//! Only one text for each value.

use proptest::prelude::*;

use super::*;

#[test]
fn other_forms_are_refused() {
    for text in ["AA", "AA=", "AB==", "AA==\n", " AA==", "-_8=", "AA==AA==", "=", "A"] {
        assert_eq!(decode_base64(text), Err(InvalidText::Base64), "{text:?}");
    }
    for text in ["A", "AA=", "AA==", "AB", "AA\n", "+/8", "AA.AA"] {
        assert_eq!(decode_base64url(text), Err(InvalidText::Base64Url), "{text:?}");
    }
    assert_eq!(decode_base64url("-_8"), Ok(vec![0xfb, 0xff]));
    for text in ["0", "0G", "AB", "aB", " ab", "0x00"] {
        assert_eq!(decode_hex(text), Err(InvalidText::Hex), "{text:?}");
    }
}

proptest! {
    #[test]
    fn text_round_trips(bytes: Vec<u8>) {
        prop_assert_eq!(decode_base64(&encode_base64(&bytes)), Ok(bytes.clone()));
        prop_assert_eq!(decode_base64url(&encode_base64url(&bytes)), Ok(bytes.clone()));
        prop_assert_eq!(decode_hex(&encode_hex(&bytes)), Ok(bytes.clone()));
        let json = serde_json::to_vec(&Base64(bytes.clone())).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Base64>(&json).unwrap(), Base64(bytes));
    }

    #[test]
    fn accepted_text_is_canonical(text in "[A-Za-f0-9+/=_-]{0,12}") {
        if let Ok(bytes) = decode_base64url(&text) {
            prop_assert_eq!(encode_base64url(&bytes), text.clone());
        }
        if let Ok(bytes) = decode_base64(&text) {
            prop_assert_eq!(encode_base64(&bytes), text.clone());
        }
        if let Ok(bytes) = decode_hex(&text) {
            prop_assert_eq!(encode_hex(&bytes), text);
        }
    }
}
