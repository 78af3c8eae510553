use super::*;

#[test]
fn subject_names() {
    let name: Name = "CN=CCF Node".parse().unwrap();
    assert_eq!(name, Name::common("CCF Node").unwrap());
    assert_eq!(hex::encode(name.as_der()), "30133111300f06035504030c08434346204e6f6465");
    "CN=Service,O=Contoso,OU=Unit,L=London,ST=State,C=GB".parse::<Name>().unwrap();
    let long = format!("CN={}", "x".repeat(129));
    for bad in ["", "CN", "CN=", "CN=a,CN=b", "XX=a", "cn=a", "CN=a,", "C=gbr", "C=gb", &long] {
        assert_eq!(bad.parse::<Name>(), Err(InvalidName::Subject), "{bad}");
    }
}

#[test]
fn alternative_names() {
    for text in [
        "iPAddress:127.0.0.1",
        "iPAddress:::1",
        "dNSName:localhost",
        "dNSName:*.example.com",
        "dNSName:a_b-1.c",
    ] {
        assert_eq!(text.parse::<SubjectAltName>().unwrap().to_string(), text);
    }
    let long = format!("dNSName:{}", "a".repeat(64));
    for bad in [
        "",
        "127.0.0.1",
        "iPAddress:localhost",
        "iPAddress:",
        "dNSName:",
        "dNSName:a..b",
        "dNSName:a b",
        "dNSName:é",
        "DNS:localhost",
        "dNSName:a.",
        &long,
    ] {
        assert_eq!(bad.parse::<SubjectAltName>(), Err(InvalidName::SubjectAltName), "{bad}");
    }
}
