//! What is said of an application that is not installed.

use std::collections::BTreeMap;

use coco_crypto::Entropy;

use super::*;
use crate::{Elapsed, Flaw, Modules, check_application};

/// Messages of flaws, by route; without one, of modules.
fn flaws(modules: &[(&str, &str)], endpoints: &[(&str, Value)]) -> Vec<(String, String)> {
    let modules: Modules =
        modules.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
    let endpoints: BTreeMap<_, _> = endpoints
        .iter()
        .map(|(route, differs)| {
            let mut properties = json!({
                "js_module": "a.js", "js_function": "f", "forwarding_required": "never", "authn_policies": [],
            });
            for (name, value) in differs.as_object().into_iter().flatten() {
                properties[name] = value.clone();
            }
            ((*route).to_owned(), properties)
        })
        .collect();
    // Scripts that do not end are to end soon.
    let start = Instant::now();
    let elapsed: Elapsed = Arc::new(move || 20 * u64::try_from(start.elapsed().as_millis()).unwrap());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let flaws = check_application(&endpoints, &modules, &elapsed, &entropy).into_iter();
    let shown = flaws.map(|flaw| match flaw {
        Flaw::Module(error) => (String::new(), error.message),
        Flaw::Endpoint { route, error } => (route, error.message),
    });
    shown.collect()
}

#[test]
fn an_application_is_checked_without_a_node() {
    let get = |differs: Value| [("GET /a", differs)];
    for (source, endpoints, expected) in [
        (
            "export const f = () => {}; ccf.kv.t.set(ccf.strToBuf('a'), ccf.strToBuf('b'));",
            get(json!({})),
            "",
        ),
        (
            "export const f = () => {}; if (ccf.kv.t.size !== 0) throw 1;",
            get(json!({ "mode": "readonly" })),
            "",
        ),
        ("export const f = () => ccf.rpc.setApplyWrites(true);", get(json!({ "mode": "historical" })), ""),
        ("export const f = ;", get(json!({})), "/a.js: SyntaxError: unexpected token in expression: ';'"),
        ("export const g = 1;", get(json!({})), "Failed to find export 'f' in module '/a.js'"),
        ("export const f = 1;", get(json!({})), "Export 'f' of module '/a.js' is not a function"),
        ("throw new Error('x')", get(json!({})), "Failed to execute /a.js: Error: x"),
        ("for (;;);", get(json!({})), "Operation took too long to complete."),
        ("import './b.js'", get(json!({})), "/a.js: ReferenceError: Error loading module '/b.js'"),
        ("", get(json!({ "js_module": "b.js" })), "Module '/b.js' could not be loaded"),
        ("", get(json!({ "authn_policies": ["x"] })), "Unknown auth policy: x"),
        ("", [("FETCH /a", json!({}))], "there is no such method"),
    ] {
        let flaws = flaws(&[("/a.js", source)], &endpoints);
        let messages: Vec<_> = flaws.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages.join("\n"), expected, "{source}");
    }
    let two = flaws(&[("/a.js", "")], &[("GET /a", json!({})), ("PUT /a", json!({}))]);
    assert_eq!(two.iter().map(|(route, _)| route.as_str()).collect::<Vec<_>>(), ["GET /a", "PUT /a"]);
}
