use super::NodeUrl;

#[test]
fn urls() {
    for (text, address) in [
        ("https://127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://ledger.example.com:443/", "ledger.example.com:443"),
        ("[::1]:8000", "[::1]:8000"),
    ] {
        assert_eq!(text.parse::<NodeUrl>().unwrap().address, address);
    }
    for text in ["", "https://", "http://a:1", "a", "a:", "a:0", "a:65536", ":1", "https://a:1/app", "u@a:1"]
    {
        assert!(text.parse::<NodeUrl>().is_err(), "{text}");
    }
}
