use super::*;

fn form() -> Form {
    let bytes = |byte| Base64(vec![byte; 3]);
    Form {
        report: bytes(1),
        message: bytes(2),
        signature: bytes(3),
        pcrs: bytes(4),
        event_log: Some(bytes(5)),
    }
}

#[test]
fn what_is_written_is_read() {
    for form in [form(), Form { event_log: None, ..form() }] {
        assert_eq!(Form::from_json(&form.to_json()), Some(form));
    }
}

#[test]
fn what_else_comes_is_refused() {
    let good = String::from_utf8(form().to_json()).unwrap();
    assert!(good.starts_with(r#"{"report":"AQEB","message":"AgIC","#), "{good}");
    for bad in [
        String::new(),
        "{}".to_owned(),
        good.replace("AQEB", "AQ*B"),
        good.replace("AQEB", "AQEB\u{0}"),
        good.replace("report", "reports"),
        good.replace(r#""report":"#, r#""more":"AQEB","report":"#),
        good.replace(r#""AQEB""#, "[1,1,1]"),
        format!("{good} {good}"),
    ] {
        assert_eq!(Form::from_json(bad.as_bytes()), None, "{bad}");
    }
    let padded = format!("{good}{}", " ".repeat(MAX_LEN - good.len()));
    assert!(Form::from_json(padded.as_bytes()).is_some());
    assert_eq!(Form::from_json(format!("{padded} ").as_bytes()), None);
}
