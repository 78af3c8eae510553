use std::time::Duration;

use super::{Size, duration};

#[test]
fn sizes() {
    let good = [
        ("0", 0),
        ("1048576", 1 << 20),
        ("7B", 7),
        ("16KB", 16 << 10),
        ("5MB", 5 << 20),
        ("5mb", 5 << 20),
        ("10GB", 10 << 30),
        ("2TB", 2 << 40),
        ("3PB", 3 << 50),
        ("16383PB", 16383 << 50),
    ];
    for (text, bytes) in good {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for bad in
        ["", "B", "5 MB", "5MiB", "-1", "+1", "1.5MB", "MB5", "16384PB", "18446744073709551616", "５MB"]
    {
        assert!(bad.parse::<Size>().is_err(), "{bad}");
    }
    assert_eq!([Size::kb(1), Size::mb(1), Size::gb(1)], [Size(1 << 10), Size(1 << 20), Size(1 << 30)]);
}

#[test]
fn durations() {
    let good = [
        ("0s", Duration::ZERO),
        ("10000us", Duration::from_millis(10)),
        ("250", Duration::from_micros(250)),
        ("100ms", Duration::from_millis(100)),
        ("1s", Duration::from_secs(1)),
        ("30min", Duration::from_secs(1800)),
        ("2H", Duration::from_secs(7200)),
    ];
    for (text, expected) in good {
        assert_eq!(duration(text), Ok(expected), "{text}");
    }
    for bad in ["", "s", "1 s", "1m", "1.5s", "-1s", "1d", "5124095577h"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}
