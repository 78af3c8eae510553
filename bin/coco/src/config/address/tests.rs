use super::{Address, InvalidAddress};

#[test]
fn addresses() {
    let good = [
        ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
        ("127.100.0.1", "127.100.0.1", 0, "127.100.0.1:0"),
        ("ccf.dummy.com:12345", "ccf.dummy.com", 12345, "ccf.dummy.com:12345"),
        ("my_host-1:0", "my_host-1", 0, "my_host-1:0"),
        ("[::1]:443", "::1", 443, "[::1]:443"),
        ("[2001:db8::1]", "2001:db8::1", 0, "[2001:db8::1]:0"),
    ];
    for (text, host, port, shown) in good {
        let address: Address = text.parse().unwrap();
        assert_eq!((address.host(), address.port), (host, port), "{text}");
        assert_eq!(address.to_string(), shown);
    }
    let bad = [
        ("", InvalidAddress::Host),
        (":80", InvalidAddress::Host),
        ("::1", InvalidAddress::Host),
        ("::1:80", InvalidAddress::Host),
        ("[::1", InvalidAddress::Host),
        ("[nothing]:80", InvalidAddress::Host),
        ("a b:80", InvalidAddress::Host),
        ("https://host:80", InvalidAddress::Host),
        ("host:", InvalidAddress::Port),
        ("host:x", InvalidAddress::Port),
        ("host:65536", InvalidAddress::Port),
        ("host:+80", InvalidAddress::Port),
    ];
    for (text, why) in bad {
        assert_eq!(text.parse::<Address>(), Err(why), "{text}");
    }
}
