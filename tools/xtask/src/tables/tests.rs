use super::*;

#[test]
fn comments_become_rows() {
    let source = "/// Tables of things. More.\npub struct Things {\n    /// `things`: what\n    /// is there. Written by \
                  `set_thing`.\n    pub things: Table<Digest, Vec<u8>>,\n    /// `internal.last`: the last. Written by the primary.\n    \
                  pub last: Singleton<Thing>,\n    /// Others.\n    pub others: Table<String, String>,\n}\n";
    let groups = groups_of(source).unwrap();
    let chapter = render(&groups);
    assert!(chapter.contains("## Tables of things\n"), "{chapter}");
    assert!(chapter.contains(
        "| `public:ccf.gov.things` | public | 64 hexadecimal digits | bytes | What is there | `set_thing` |"
    ));
    assert!(
        chapter
            .contains("| `public:ccf.internal.last` | public | one row | `Thing` | The last | The primary |")
    );
    for wrong in ["/// `a`: b.", "/// `a` b. Written by c.", "/// `a"] {
        let source = format!("/// T.\npub struct T {{\n    {wrong}\n    pub a: Table<String, String>,\n}}");
        assert!(groups_of(&source).is_err(), "{wrong}");
    }
    let code = "// \"public:a\"\nlet x = [\"public:b\", \"c\", \"public:\"];";
    assert_eq!(names_in(code).collect::<Vec<_>>(), ["public:b"]);
}
