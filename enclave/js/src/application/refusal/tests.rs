use super::without_columns;

#[test]
fn traces_tell_lines_as_ccf_does() {
    for (trace, expected) in [
        ("    at f (/app.js:1:29)\n", "    at f (/app.js:1)\n"),
        ("    at f (/a:b.js:1:29)\n    at g (/c.js:22:3)\n", "    at f (/a:b.js:1)\n    at g (/c.js:22)\n"),
        ("    at f (/app.js:1:29)", "    at f (/app.js:1)"),
        ("    at JSON.parse (native)\n", "    at JSON.parse (native)\n"),
        ("    at f (/app.js:7)\n", "    at f (/app.js:7)\n"),
        ("    at f (/app.js:x:7)\n", "    at f (/app.js:x:7)\n"),
        ("mine:1:2\n)", "mine:1:2\n)"),
        ("", ""),
    ] {
        assert_eq!(without_columns(trace), expected);
    }
}
