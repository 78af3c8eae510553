use super::{lengths, names, purity, reach, words};

#[test]
fn empty_names() {
    let cases = [
        ("base/wire/src/id.rs", None),
        ("base/utils/src/lib.rs", Some("utils")),
        ("enclave/node/src/peer_manager.rs", Some("peer_manager.rs")),
        ("tools/e2e/tests/common/mod.rs", Some("common")),
        ("docs/utility.md", None),
    ];
    for (file, expected) in cases {
        assert_eq!(names::empty_name(file), expected, "{file}");
    }
}

#[test]
fn lengths_of_functions() {
    let text = "fn one() {}\n\npub(crate) async fn two<T>(\n    a: T,\n) -> T {\n    a\n}\n\nimpl A {\n    const fn three() {\n        if b {\n        }\n    }\n    fn four();\n}\n";
    assert_eq!(lengths::functions(text), [("two", 3, 5), ("three", 10, 4)]);
}

#[test]
fn declared_modules() {
    let text = "mod a;\npub mod b; // why\npub(crate) mod c;\n#[cfg(test)]\n#[path = \"x/y.rs\"]\nmod d;\nmod e {\n}\n// mod f;\nlet model = 1;\n";
    assert_eq!(reach::modules(text), [("a", None), ("b", None), ("c", None), ("d", Some("x/y.rs"))]);
}

#[test]
fn words_stand_apart() {
    let mark = concat!("TO", "DO");
    let cases = [
        (format!("// {mark}: later"), true),
        (format!("let x = {mark}_LIST;"), false),
        (format!("AU{mark}"), false),
    ];
    for (line, expected) in cases {
        assert_eq!(words::contains_word(&line, mark), expected, "{line}");
    }
}

#[test]
fn paths_of_one_machine() {
    for folder in ["work", "root", "tmp", "home"] {
        assert_eq!(words::machine_path(&format!("see `/{folder}/x`")), Some(folder));
        assert_eq!(words::machine_path(&format!("GET /app/{folder}/x")), None);
        assert_eq!(words::machine_path(&format!("\"/{folder}s/\"")), None);
    }
}

#[test]
fn test_conditions() {
    let gate = concat!("#[cfg", "(test)]");
    let cases = [
        (format!("{gate}\nmod tests;\n"), vec![]),
        (format!("{gate}\nmod tests {{\n"), vec![1]),
        (format!("fn a() {{}}\n{gate}\nfn b() {{}}\n"), vec![2]),
        (format!("if {}(test) {{", concat!("cfg", "!")), vec![1]),
        (concat!("#[cfg", "(not(test))]\nfn a() {}").to_owned(), vec![1]),
        (concat!("#[cfg_attr", "(test, derive(A))]").to_owned(), vec![1]),
        ("#[cfg(unix)]\nfn a() {}".to_owned(), vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(words::test_branches(&text), expected, "{text}");
    }
}

#[test]
fn pure_code() {
    let cases = [
        ("let now = Instant::now();", Some("Instant::now")),
        ("// std::fs is not here", None),
        ("use std::collections::BTreeMap;", None),
        ("let map: HashMap<u8, u8>;", Some("HashMap")),
    ];
    for (line, expected) in cases {
        assert_eq!(purity::impure(line), expected, "{line}");
    }
}
