use std::fs;

use serde_json::json;

use super::{InvalidBundle, read};

#[test]
fn a_folder_becomes_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("src/lib")).unwrap();
    fs::write(path.join("src/app.js"), "export function get() {}").unwrap();
    fs::write(path.join("src/lib/more.js"), "export const a = 1;").unwrap();
    let metadata = json!({ "endpoints": { "/a": { "get": { "js_module": "app.js" } } } });
    fs::write(path.join("app.json"), metadata.to_string()).unwrap();
    let bundle = read(path).unwrap();
    let expected = json!({
        "metadata": metadata,
        "modules": [
            { "name": "app.js", "module": "export function get() {}" },
            { "name": "lib/more.js", "module": "export const a = 1;" },
        ]
    });
    assert_eq!(bundle, expected);
    // A file that is a bundle already.
    let file = path.join("bundle.json");
    fs::write(&file, bundle.to_string()).unwrap();
    assert_eq!(read(&file).unwrap(), expected);

    let other = json!({ "endpoints": { "/a": { "get": { "js_module": "absent.js" } } } });
    fs::write(path.join("app.json"), other.to_string()).unwrap();
    let error = read(path).unwrap_err().to_string();
    assert_eq!(error, "GET /a: there is no module `absent.js`; there are app.js, lib/more.js");
}

#[test]
fn what_is_no_application() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(read(path), Err(InvalidBundle::File(_))), "no app.json");
    fs::write(path.join("app.json"), "{").unwrap();
    assert!(matches!(read(path), Err(InvalidBundle::Json { .. })));
    fs::write(path.join("app.json"), "{}").unwrap();
    assert!(matches!(read(path), Err(InvalidBundle::File(_))), "no src");
    fs::create_dir(path.join("src")).unwrap();
    assert!(matches!(read(path), Err(InvalidBundle::Shape(_))));
    fs::write(path.join("src/a.js"), b"\xff").unwrap();
    assert!(matches!(read(path), Err(InvalidBundle::File(_))), "no text");
}
