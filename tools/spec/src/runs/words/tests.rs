use super::Value::{self, Many, Number, Text, Word};

#[test]
fn words_are_read() {
    let word = |name: &str, values| Word(name.to_owned(), values);
    let cases = [
        ("7", Number(7)),
        ("{}", Many(vec![])),
        ("<<1, {2}>>", Many(vec![Number(1), Many(vec![Number(2)])])),
        ("Stands(0)", word("Stands", vec![Number(0)])),
        ("P(1, C(2, {0}), \"x y\")", {
            let entry = word("C", vec![Number(2), Many(vec![Number(0)])]);
            word("P", vec![Number(1), entry, Text("x y".to_owned())])
        }),
    ];
    for (text, value) in cases {
        assert_eq!(Value::read(text), Ok(value), "{text}");
    }
}

#[test]
fn other_texts_are_refused() {
    let deep = "{".repeat(100_000);
    let bad =
        ["", " ", "Stands", "Stands(0", "Stands(0))", "{1 2}", "<1>", "\"x", "{1,2}", "99999999999999999999"];
    for text in bad.into_iter().chain([deep.as_str()]) {
        assert!(Value::read(text).is_err(), "{text}");
    }
}
