use std::fs;

use serde_json::json;

use super::{InvalidBundle, read};

#[test]
fn a_folder_becomes_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("src/lib")).unwrap();
    fs::write(path.join("src/app.js"), "import './lib/more.js'; export function get() {}").unwrap();
    fs::write(path.join("src/lib/more.js"), "export const a = 1;").unwrap();
    let endpoint = json!({
        "js_module": "app.js", "js_function": "get", "mode": "readonly", "forwarding_required": "sometimes",
        "authn_policies": [],
    });
    let metadata = json!({ "endpoints": { "/a": { "get": endpoint } } });
    fs::write(path.join("app.json"), metadata.to_string()).unwrap();
    let bundle = read(path).unwrap();
    let expected = json!({
        "metadata": metadata,
        "modules": [
            { "name": "app.js", "module": "import './lib/more.js'; export function get() {}" },
            { "name": "lib/more.js", "module": "export const a = 1;" },
        ]
    });
    assert_eq!(bundle, expected);
    // A file that is a bundle already.
    let file = path.join("bundle.json");
    fs::write(&file, bundle.to_string()).unwrap();
    assert_eq!(read(&file).unwrap(), expected);

    let other = json!({
        "metadata": { "endpoints": { "/a": { "get": { "js_module": "absent.js" } } } },
        "modules": expected["modules"],
    });
    fs::write(&file, other.to_string()).unwrap();
    let error = read(&file).unwrap_err().to_string();
    assert_eq!(error, "GET /a: there is no module `absent.js`; there are app.js, lib/more.js");
}

#[test]
fn what_is_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(read(path), Err(InvalidBundle::Application(_))), "no app.json");
    let file = path.join("bundle.json");
    assert!(matches!(read(&file), Err(InvalidBundle::File(_))), "no file");
    for (text, is_json) in [("{", false), ("{}", true), ("{\"metadata\": {\"endpoints\": {}}}", true)] {
        fs::write(&file, text).unwrap();
        let error = read(&file).unwrap_err();
        assert_eq!(matches!(error, InvalidBundle::Shape(_)), is_json, "{text}");
        assert_eq!(matches!(error, InvalidBundle::Json { .. }), !is_json, "{text}");
    }
}
