use super::resolve;

#[test]
fn names_are_resolved_from_the_root_or_the_importing_module() {
    for (base, name, expected) in [
        ("/app.js", "./lib/a.js", Some("/lib/a.js")),
        ("/lib/a.js", "./b.js", Some("/lib/b.js")),
        ("/lib/deep/a.js", "../b.js", Some("/lib/b.js")),
        ("/lib/a.js", "/x.js", Some("/x.js")),
        ("/lib/a.js", "x.js", Some("/x.js")),
        ("/lib/a.js", "../../x.js", None),
        ("public:ccf.gov.constitution[0]", "./x.js", Some("/x.js")),
    ] {
        assert_eq!(resolve(base, name).as_deref(), expected, "{name} from {base}");
    }
}
