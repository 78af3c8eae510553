//! Text forms of identifiers, accepted and refused.

use super::*;

#[test]
fn tx_ids_have_one_text_form() {
    for text in ["0.0", "2.1", "18446744073709551615.18446744073709551615"] {
        let txid: TxId = text.parse().unwrap();
        assert_eq!(txid.to_string(), text);
        let mut pushed = "x".to_owned();
        txid.push_to(&mut pushed);
        assert_eq!(pushed, format!("x{text}"));
    }
    for text in ["", ".", "2", "2.", ".1", "02.1", "2.01", "+2.1", "2.1 ", "2.1.3", "2.18446744073709551616"]
    {
        assert_eq!(text.parse::<TxId>(), Err(InvalidId::TxId), "{text:?}");
    }
}

#[test]
fn digests_have_one_text_form() {
    let text = "00ff".repeat(16);
    assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
    for text in [String::new(), "0".repeat(63), "0".repeat(65), "FF".repeat(32), "0g".repeat(32)] {
        assert_eq!(text.parse::<Digest>(), Err(InvalidId::Digest), "{text:?}");
    }
}
